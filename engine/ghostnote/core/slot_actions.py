"""What the commands of slots and models do; a slot has a point in each of the loaded models."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ghostnote.core import model_change
from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.models import random_origin
from ghostnote.errors import MessageError
from ghostnote.features.detail import Blend, Detail
from ghostnote.state.registry import Target
from ghostnote.state.table import ROOT, SLOTS, Value

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

Arguments = tuple[Value, ...]
Action = Callable[["Engine", Target, Arguments, int], Arguments | None]
"""Returns the arguments as the log should have them, where they differ from those given."""


def _slot(target: Target) -> str:
    assert target.slot is not None
    return target.slot


def _point(numbers: Arguments) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # too large for a float32: refused as not finite
        return np.array(numbers, dtype=np.float32)


def _slot_z(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    engine.fill_slot(_slot(target), _point(args), "set")


def _slot_point(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    name, origin, *numbers = args
    loaded = engine.models.get(str(name))
    if loaded is None:
        text = f"{target.addr}: {model_change.not_loaded(engine, str(name))}"
        engine.refuse(target.addr, "not_found", text, "model_unknown")
        return
    engine.fill_slot(_slot(target), _point(tuple(numbers)) if numbers else None, str(origin), loaded)


def _slot_detail(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    name, text = str(args[0]), str(args[1])
    loaded, slot = engine.models.get(name), _slot(target)
    if loaded is None:
        unknown = f"{target.addr}: {model_change.not_loaded(engine, name)}"
        engine.refuse(target.addr, "not_found", unknown, "model_unknown")
        return
    held = loaded.slots.get(slot)
    try:
        if held is None:
            raise MessageError("not_found", f"slot {slot} is empty; fill it first")
        detail = Blend.of(Detail.of_text(text, engine.spec)) if text else None
    except MessageError as error:
        engine.refuse(target.addr, error.code, f"{target.addr}: {error}", "slot_refused")
        return
    engine.fill_slot(slot, held.z, held.origin, loaded, detail)


def _slot_random(engine: Engine, target: Target, args: Arguments, at: int) -> Arguments:
    draw = int(args[0])
    if draw < 0:
        draw = engine.draws
        engine.draws += 1
    for loaded in engine.models:
        z = loaded.drawn(draw, int(engine.values[f"{ROOT}/seed"]))
        engine.fill_slot(_slot(target), z, random_origin(draw), loaded)
    return (draw,)


def _slot_prototype(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    name = str(args[0])
    for loaded in engine.models:
        z = loaded.typical(name)
        if z is not None:
            engine.fill_slot(_slot(target), z, name, loaded)
            continue
        known = ", ".join(sorted(loaded.manifest.prototypes)) or "none"
        text = f"{target.addr}: model {loaded.name} has no {name[:64]!r}, its slot stays; it has {known}"
        engine.refuse(target.addr, "not_found", text, f"no_prototype:{loaded.name}")


def _slot_part(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    part = engine.parts[int(args[0])]
    loaded = engine.model_of(part)
    captured = part.captured(loaded.slots)
    detail = None if captured is None else Blend.of(captured.resolved(engine.spec))
    engine.fill_slot(_slot(target), part.point, f"part {args[0]}", loaded, detail)


def _slot_file(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if engine.embed is None:
        return
    for loaded in engine.models:
        origin, z, detail = engine.embed(str(args[0]), loaded.model)
        engine.fill_slot(_slot(target), z, origin, loaded, detail)


def _slot_clear(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    for loaded in engine.models:
        engine.fill_slot(_slot(target), None, "", loaded)


def _slot_swap(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    one, other = _slot(target), str(args[0])
    if other not in SLOTS:
        text = f"{target.addr}: {other[:32]!r} is not one of {', '.join(SLOTS)}"
        engine.refuse(target.addr, "range", text, "slot_unknown")
        return
    for loaded in engine.models:
        held = loaded.slots.get(one), loaded.slots.get(other)
        for name, slot in zip((other, one), held, strict=True):
            if slot is None:
                engine.fill_slot(name, None, "", loaded)
            else:
                engine.fill_slot(name, slot.z, slot.origin, loaded, slot.detail)


def _model_load(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    """Offline only; while playing it is loaded aside and comes back as `model/use`."""
    model_change.use(engine, str(args[0]), None, main=target.name == "model/load")


def _model_use(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    name, main, delay, spacing = args
    timing = DecodeTiming(int(delay), int(spacing)) if delay and spacing else None
    model_change.use(engine, str(name), timing, main=bool(main))


def _model_unload(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    model_change.unload(engine, str(args[0]))


SLOT_ACTIONS: dict[str, Action] = {
    "slot/z": _slot_z,
    "slot/point": _slot_point,
    "slot/detail": _slot_detail,
    "slot/random": _slot_random,
    "slot/prototype": _slot_prototype,
    "slot/part": _slot_part,
    "slot/file": _slot_file,
    "slot/clear": _slot_clear,
    "slot/swap": _slot_swap,
    "model/load": _model_load,
    "model/add": _model_load,
    "model/use": _model_use,
    "model/unload": _model_unload,
}
"""Every command of slots and models, by `Target.name`."""
