"""What happens to sounding notes of a part: releases, the pedal, expression, loops that give way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ghostnote.core.levels import smoothing_s
from ghostnote.core.part import Part
from ghostnote.features.spec import FeatureSpec
from ghostnote.state.table import PARTS, Value
from ghostnote.synth.envelope import CHOKE_S
from ghostnote.synth.head import HEAD_NAMES
from ghostnote.synth.pool import VoicePool
from ghostnote.synth.texture import TextureBank
from ghostnote.synth.voice import Voice
from ghostnote.telemetry import Telemetry
from ghostnote.units import db_to_gain

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

NOTE_NAMES = HEAD_NAMES | {"position", "pedal", "sustain"}
"""Parameters of a part that sounding notes follow and that are no levels, pitches or points."""

_GLIDING = ("rate", "position", "tilt", "formant")

GIVE_WAY_S = 0.03
"""Fade of a loop that another one replaces."""

PRESS_DB = 6.0
TIMBRE_DB = 6.0
"""What full pressure adds, and the tilt per octave of the brightest note."""


def new_pool(
    spec: FeatureSpec, polyphony: int, quantum: int, telemetry: Telemetry, textures: TextureBank
) -> VoicePool:
    """Voices for all parts, whose playheads follow changes as smoothly as the table says."""
    smoothing = {name: smoothing_s(name) for name in _GLIDING}
    return VoicePool(
        spec, polyphony, quantum, telemetry, parts=len(PARTS), smoothing_s=smoothing, textures=textures
    )


def follow_all(engine: Engine, part: Part) -> None:
    """Let the playheads of a part be as its parameters say."""
    for name in HEAD_NAMES:
        engine.pool.heads[part.number].set(name, part.given(name))


def follow(engine: Engine, part: Part, name: str, value: Value) -> None:
    """Let the notes of a part follow a changed parameter, one of `NOTE_NAMES`."""
    if name in HEAD_NAMES:
        engine.pool.heads[part.number].set(name, value)
    elif name == "position":
        engine.pool.scrub(part.number, float(value))
    elif name == "sustain":
        engine.pool.sustain(part.number, float(value), part.value("decay"))
    elif not value:
        for voice in _sounding(engine, part.number):
            if voice.waiting:
                engine.pool.end(voice, part.value("release"))


def release(engine: Engine, number: int, note: int, note_id: int) -> None:
    """End the part's notes of a pitch, or let them wait for the pedal; one-shots play on."""
    part = engine.parts[number]
    if part.word("mode") == "oneshot":
        return
    for voice in _sounding(engine, number):
        if voice.note == note and (note_id < 0 or voice.note_id == note_id):
            if part.value("pedal"):
                voice.waiting = True
            else:
                engine.pool.end(voice, part.value("release"))


def make_room(engine: Engine, part: Part, note: int | None) -> None:
    """End what a part's new note chokes, and the loop that a hit or a note of the same pitch replaces."""
    group = part.value("choke")
    loops = part.word("mode") == "loop"
    for voice in engine.pool.voices if group or loops else ():
        other = engine.parts[voice.part]
        if voice.ended:
            continue
        if other is part and loops and voice.note == note:
            engine.pool.end(voice, GIVE_WAY_S)
        elif other is not part and group and other.value("choke") == group:
            engine.pool.end(voice, CHOKE_S)


def begin(engine: Engine, part: Part, voice_of: Callable[[int], Voice], limit: int) -> Voice:
    """Begin a note that `voice_of(row)` makes, with the part's envelope."""
    attack_s, decay_s, sustain = (part.value(name) for name in ("attack", "decay", "sustain"))
    return engine.pool.start(voice_of, attack_s, limit, decay_s, sustain)


def express(engine: Engine, number: int, name: str, note_id: int, value: float) -> None:
    """Bend, press or brighten the part's notes of an id, all of them for −1."""
    for voice in _sounding(engine, number):
        if note_id in (-1, voice.note_id):
            if name == "bend":
                engine.pool.bend(voice, value)
            elif name == "press":
                engine.pool.press(voice, db_to_gain(PRESS_DB * value))
            else:
                voice.timbre = TIMBRE_DB * (2.0 * value - 1.0)


def _sounding(engine: Engine, number: int) -> list[Voice]:
    return [voice for voice in engine.pool.voices if voice.part == number and not voice.ended]
