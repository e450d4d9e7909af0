-- ghostnote from TidalCycles: load this in place of BootTidal.hs, or take over the targets that you need.
:set -XOverloadedStrings
:set prompt ""
:set prompt-cont ""

import Sound.Tidal.Context

-- As SuperDirt: ghostnote play --dirt 57120. Orbit n plays part n + 1.
:{
dirtTarget = superdirtTarget { oName = "ghostnote", oAddress = "127.0.0.1", oPort = 57120, oLatency = 0.2, oBusPort = Nothing }
:}

-- ghostnote's own messages, which every `ghostnote play` takes.
:{
ownTarget = Target { oName = "ghostnote-own", oAddress = "127.0.0.1", oPort = 9770, oLatency = 0.2
                   , oWindow = Nothing, oSchedule = Pre BundleStamp, oHandshake = False, oBusPort = Nothing }
:}

-- A note from names and values, for patterns that say part and velocity. Where a pattern says nothing of the others, they are as
-- written here.
:{
playShape = OSC "/gn/play" $ ArgList [ ("name1", Just $ VS "part"), ("part", Nothing)
                                     , ("name2", Just $ VS "note"), ("note", Just $ VF 60)
                                     , ("name3", Just $ VS "velocity"), ("velocity", Nothing)
                                     , ("name4", Just $ VS "pan"), ("pan", Just $ VF 0)
                                     , ("name5", Just $ VS "sustain"), ("sustain", Just $ VF 2) ]
:}

-- Knobs, which move without a note.
knobShape = OSC "/gn/part{part}/gain" $ ArgList [("decibels", Nothing)]
weightShape = OSC "/gn/part{part}/weight/{slot}" $ ArgList [("weight", Nothing)]
axisShape = OSC "/gn/part{part}/axis/{axis}" $ ArgList [("shift", Nothing)]
sceneShape = OSC "/gn/scene/recall" $ ArgList [("scene", Nothing)]

:{
tidal <- startStream defaultConfig [ (dirtTarget, [superdirtShape])
                                   , (ownTarget, [playShape, knobShape, weightShape, axisShape, sceneShape]) ]
:}

part = pI "part"
decibels = pF "decibels"
slot = pS "slot"
weight = pF "weight"
axis = pS "axis"
shift = pF "shift"
scene = pS "scene"
model = pS "model"
d1 = streamReplace tidal 1
d2 = streamReplace tidal 2
d3 = streamReplace tidal 3
d4 = streamReplace tidal 4
once = streamOnce tidal
hush = streamHush tidal

:set prompt "ghostnote> "
