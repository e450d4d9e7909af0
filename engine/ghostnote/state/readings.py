"""Every reading: what can be asked for and subscribed to, but not set."""

from __future__ import annotations

from ghostnote.state.table import Reading

READINGS = (
    Reading("slot/{slot}/origin", "s", text="Where the slot's point came from; empty for an empty slot."),
    Reading("scene/current", "s", text="The scene that was recalled or stored last; empty: none."),
    Reading("scene/fading", "f", text="How much of a recall is still to come: 1 at its beginning, else 0."),
    Reading("scene/list", "s", text="The names of all scenes, in their order (as many as a message holds)."),
    Reading("clock/beat", "if", text="The beat, counted from 0, and how much of it is over."),
    Reading("model/list", "s", text="Names of the loaded models, the main one first."),
    Reading("model/axes", "s", text="Axes of the main model, as `part/axis/…` names them."),
    Reading("model/classes", "s", text="Classes of the main model that `slot/prototype` knows."),
    Reading("rec/state", "i", text="Whether a recording is running."),
    Reading(
        "beatbox/map", "s", text="Classes that ears tell apart, with their parts, as in kick:1; 0: none."
    ),
    Reading("beatbox/hits", "i", text="Sounds at the input that played a part."),
    Reading("beatbox/learnt", "i", text="Sounds at the input that a part learnt."),
    Reading("beatbox/ignored", "i", text="Sounds that did nothing: own hits, too soon, or not sure enough."),
    Reading("status/state", "s", text="starting, ok, degraded (dropouts just now), lost (no device)."),
    Reading("status/load", "f", text="Time that rendering takes, in parts of the time there is, averaged."),
    Reading("status/peak_load", "f", text="The most that a block took since the start."),
    Reading("status/xruns", "i", text="Dropouts since the start."),
    Reading("status/late", "i", text="Messages whose time had passed when they came or were to sound."),
    Reading("status/clamped", "i", text="Messages whose time was too far ahead to be meant: taken as now."),
    Reading("status/dropped", "i", text="Messages that gave way to a flood, or were late (`osc/late`)."),
    Reading("status/voices", "i", text="Notes that sound now."),
    Reading("status/latency", "f", "time.ms", text="From the engine to the device's output."),
    Reading("status/uptime", "i", "time.second", text="Time since the instrument was ready."),
)
