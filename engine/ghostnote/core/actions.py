"""What each command of the parameter table does to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ghostnote.core.space import likely_point
from ghostnote.latent.noise import slot_draw
from ghostnote.state.registry import DEFAULTS, Target
from ghostnote.state.table import AXES, ROOT, SLOTS, Value

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

Arguments = tuple[Value, ...]
Action = Callable[["Engine", Target, Arguments, int], Arguments | None]
"""Returns the arguments as the log should have them, where they differ from those given."""

HUSH_S = 0.05


def starts_note(target: Target, args: Arguments) -> bool:
    """Whether a command begins a note."""
    return target.name == "hit" or (target.name == "note" and float(args[1]) > 0.0)


def _part(target: Target) -> int:
    assert target.part is not None
    return target.part


def _slot(target: Target) -> str:
    assert target.slot is not None
    return target.slot


def _hit(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        engine.hit(_part(target), at, float(args[0]))


def _note(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    note, velocity, note_id = int(args[0]), float(args[1]), int(args[2])
    if velocity > 0.0:
        engine.hit(_part(target), at, velocity, note, note_id)
    else:
        _release(engine, _part(target), note, note_id)


def _off(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    _release(engine, _part(target), int(args[0]), int(args[1]))


def _release(engine: Engine, part: int, note: int, note_id: int) -> None:
    if engine.parts[part].word(engine.values, "mode") == "oneshot":
        return
    for voice in engine.pool.voices:
        if voice.part == part and voice.note == note and (note_id < 0 or voice.note_id == note_id):
            engine.pool.end(voice, engine.parts[part].value(engine.values, "release"))


def _hush(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    for voice in engine.pool.voices if float(args[0]) > 0.0 else ():
        if target.part in (None, voice.part):
            engine.pool.end(voice, HUSH_S)


def _panic(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        engine.pool.silence()
        engine.cancel_notes()
        engine.panics += 1


def _reset(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        for name in ("bend", "variance", *(f"axis/{axis}" for axis in AXES)):
            engine.set_value(f"{ROOT}/part{target.part}/{name}", DEFAULTS[f"{ROOT}/part{target.part}/{name}"])


def _program(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    for i, slot in enumerate(SLOTS):
        engine.set_value(f"{ROOT}/part{target.part}/weight/{slot}", 1.0 if i == args[0] else 0.0)


def _slot_z(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    with np.errstate(over="ignore"):  # too large for a float32: refused as not finite
        z = np.array(args, dtype=np.float32)
    engine.fill_slot(_slot(target), z, "set")


def _slot_random(engine: Engine, target: Target, args: Arguments, at: int) -> Arguments:
    draw = int(args[0])
    if draw < 0:
        draw = engine.draws
        engine.draws += 1
    epsilon = slot_draw(int(engine.values[f"{ROOT}/seed"]), draw, engine.slots.latent_size)
    engine.fill_slot(_slot(target), likely_point(engine.model.manifest, epsilon), f"random {draw}")
    return (draw,)


def _slot_prototype(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    prototypes = engine.model.manifest.prototypes
    name = str(args[0])
    if name not in prototypes:
        known = ", ".join(sorted(prototypes)) or "none"
        engine.telemetry.trouble("no_prototype", f"{target.addr}: the model has no {name!r}; it has {known}")
        return
    engine.fill_slot(_slot(target), np.asarray(prototypes[name], dtype=np.float32), name)


def _slot_part(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    engine.fill_slot(_slot(target), engine.parts[int(args[0])].point, f"part {args[0]}")


def _slot_clear(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    engine.slots.clear(_slot(target))
    engine.move_all()


def _model_load(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    engine.swap_model(str(args[0]))


ACTIONS: dict[str, Action] = {
    "hit": _hit,
    "note": _note,
    "off": _off,
    "hush": _hush,
    "panic": _panic,
    "reset": _reset,
    "program": _program,
    "slot/z": _slot_z,
    "slot/random": _slot_random,
    "slot/prototype": _slot_prototype,
    "slot/part": _slot_part,
    "slot/clear": _slot_clear,
    "model/load": _model_load,
}
"""Every command that the engine itself carries out, by `Target.name`."""
