"""What each command of the parameter table does to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ghostnote.core.movement import change
from ghostnote.core.notes import express, release
from ghostnote.core.play import play
from ghostnote.core.slot_actions import SLOT_ACTIONS, Action, Arguments
from ghostnote.state.registry import DEFAULTS, Target
from ghostnote.state.table import AXES, NAMED_AXES, ROOT, SLOTS

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

__all__ = ["ACTIONS", "HUSH_S", "UNLOGGED", "Action", "Arguments"]

HUSH_S = 0.05

UNLOGGED = frozenset(["clock/tap", "clock/pulse", "undo", "redo"])
"""Commands of which the log has what they come to, and not themselves."""


def _part(target: Target) -> int:
    assert target.part is not None
    return target.part


def _hit(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        engine.hit(_part(target), at, float(args[0]))


def _note(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    note, velocity, note_id = int(args[0]), float(args[1]), int(args[2])
    if velocity > 0.0:
        engine.hit(_part(target), at, velocity, note, note_id)
    else:
        release(engine, _part(target), note, note_id)


def _off(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    release(engine, _part(target), int(args[0]), int(args[1]))


def _expression(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    express(engine, _part(target), target.name.removeprefix("expr/"), int(args[0]), float(args[1]))


def _play(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    play(engine, {str(name): value for name, value in zip(args[::2], args[1::2], strict=True)}, at)


def _hush(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) <= 0.0:
        return
    engine.cancel_waiting(target.part)
    for voice in engine.pool.voices:
        if target.part in (None, voice.part):
            engine.pool.end(voice, HUSH_S)


def _panic(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        engine.pool.silence()
        engine.cancel_notes()
        for part in engine.parts.values():
            if part.value("pedal"):
                engine.set_value(f"{ROOT}/part{part.number}/pedal", 0)
        engine.panics += 1


def _reset(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        for name in ("bend", "pedal", "variance", *(f"axis/{axis}" for axis in (*AXES, *NAMED_AXES))):
            engine.set_value(f"{ROOT}/part{target.part}/{name}", DEFAULTS[f"{ROOT}/part{target.part}/{name}"])


def _program(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    for i, slot in enumerate(SLOTS):
        change(engine, f"{ROOT}/part{target.part}/weight/{slot}", 1.0 if i == args[0] else 0.0, at)


ACTIONS: dict[str, Action] = {
    "hit": _hit,
    "note": _note,
    "off": _off,
    "expr/bend": _expression,
    "expr/press": _expression,
    "expr/timbre": _expression,
    "play": _play,
    "hush": _hush,
    "panic": _panic,
    "reset": _reset,
    "program": _program,
    **SLOT_ACTIONS,
}
"""Every command that the engine itself carries out, by `Target.name`."""
