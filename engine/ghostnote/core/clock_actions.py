"""What the clock's commands do to the engine: taps, nudges, jumps, and a MIDI clock that is followed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ghostnote.core.pulses import PER_BEAT
from ghostnote.state.registry import Target
from ghostnote.state.table import ROOT

if TYPE_CHECKING:
    from ghostnote.core.actions import Action, Arguments
    from ghostnote.core.engine import Engine

POSITION = f"{ROOT}/clock/position"
RUNNING = f"{ROOT}/clock/running"
SOURCE = f"{ROOT}/clock/source"
TEMPO = f"{ROOT}/clock/tempo"

MOVE_TEMPO = 0.05
"""Beats per minute by which a MIDI clock must differ before the tempo follows it."""
MOVE_S = 0.0005
"""Seconds by which its beat must be off before the position follows."""
PER_SIXTEENTH = PER_BEAT // 4
NEAR_PULSES = 2.0
"""When it stops, the beat is at most so far from the last pulse."""


def _tap(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) <= 0.0:
        return
    tapped = engine.beat.tap(at)
    if tapped is not None:
        engine.perform(at, TEMPO, tapped[0])
        engine.perform(at, POSITION, tapped[1])


def _nudge(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    engine.beat.nudge(at, float(args[0]))


def _position(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    engine.beat.move(at, float(args[0]))


def _pulse(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    """A clock message. After a start or continue the music begins with the next clock, as MIDI has it."""
    if engine.values[SOURCE] != "midi":
        return
    kind, pulses = str(args[0]), engine.pulses
    if kind == "clock":
        _clock(engine, at)
    elif kind == "stop":
        pulses.begins = False
        if engine.values[RUNNING]:
            engine.perform(at, RUNNING, 0)
    elif kind in ("start", "continue", "position"):
        number = {"start": 0, "continue": _next_pulse(engine, at)}.get(kind, PER_SIXTEENTH * int(args[1]))
        pulses.go_to(number)
        pulses.begins |= kind != "position"
        if not engine.values[RUNNING]:
            engine.perform(at, POSITION, number / PER_BEAT)


def _clock(engine: Engine, at: int) -> None:
    pulses = engine.pulses
    if pulses.begins:
        pulses.begins = False
        if not engine.values[RUNNING]:
            engine.perform(at, RUNNING, 1)
    if not engine.values[RUNNING]:
        return
    placed = pulses.placed
    followed = pulses.pulse(at)
    if placed:
        engine.perform(at, POSITION, pulses.count / PER_BEAT)
    if followed is None:
        return
    tempo, beat = followed
    if abs(tempo - engine.beat.tempo) >= MOVE_TEMPO:
        engine.perform(at, TEMPO, tempo)
    if abs(beat - engine.beat.position(at)) >= MOVE_S * tempo / 60.0:
        engine.perform(at, POSITION, beat)


def _next_pulse(engine: Engine, at: int) -> int:
    """The pulse at which the music goes on: the one after the last, unless somebody went elsewhere since."""
    there = engine.beat.position(at) * PER_BEAT
    if abs(there - engine.pulses.count) <= NEAR_PULSES:
        return engine.pulses.count + 1
    return math.ceil(there)


CLOCK_ACTIONS: dict[str, Action] = {
    "clock/tap": _tap,
    "clock/nudge": _nudge,
    "clock/position": _position,
    "clock/pulse": _pulse,
}
