"""The whole performance as a plain dict: taken once a second, given back after a crash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.engine import Engine
from ghostnote.core.models import Loaded
from ghostnote.errors import MessageError, StateError
from ghostnote.features.detail import Blend, Detail
from ghostnote.latent.slots import Slot
from ghostnote.state.registry import DEFAULTS, check, resolve
from ghostnote.state.table import SLOTS, Parameter

Float32 = NDArray[np.float32]

SCHEMA = "ghostnote-state"
VERSION = 1


def take(engine: Engine) -> dict[str, Any]:
    """Everything that is not at its default, as JSON values; what moves, where it goes. Thread: any."""
    values = {**engine.values, **engine.ramps.goals()}
    main, *others = engine.models
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "model": main.name,
        "folder": str(main.model.folder),
        "values": {addr: value for addr, value in values.items() if value != DEFAULTS[addr]},
        "slots": slots_of(main),
        "models": {
            loaded.name: {"folder": str(loaded.model.folder), "slots": slots_of(loaded)} for loaded in others
        },
        "draws": engine.draws,
        "scene": engine.morph.scene,
    }


def slots_of(loaded: Loaded) -> dict[str, Any]:
    """What a model's slots hold, as strict JSON values; None for an empty one."""
    slots = {name: loaded.slots.get(name) for name in SLOTS}
    return {name: None if slot is None else _as_json(slot, loaded) for name, slot in slots.items()}


def _as_json(slot: Slot, loaded: Loaded) -> dict[str, Any]:
    held: dict[str, Any] = {"z": [float(x) for x in slot.z], "origin": slot.origin}
    if slot.detail is not None:
        held["detail"] = slot.detail.resolved(loaded.model.spec).text
    return held


def restore(engine: Engine, state: dict[str, Any]) -> None:
    """Put a snapshot back into an engine that has not played yet, and that has its models.

    What belongs to a model that is not loaded is left out.
    Raises StateError for another schema or version, or values that the table refuses; nothing changes then.
    """
    if state.get("schema") != SCHEMA or state.get("version") != VERSION:
        found = f"{state.get('schema')!r} {state.get('version')!r}"
        raise StateError(f"a state of schema {SCHEMA} {VERSION} is needed, not {found}")
    fitted = []
    try:
        for addr, value in dict(state.get("values", {})).items():
            target = resolve(addr)
            if target is None or not isinstance(target.row, Parameter):
                raise StateError(f"state: {addr} is not a parameter")
            fitted.append((addr, check(target, (value,))[0][0]))
        slots = {str(state.get("model", "")): _slots(state.get("slots", {}), engine)}
        for name, model in dict(state.get("models", {})).items():
            slots[str(name)] = _slots(model["slots"], engine)
        draws = int(state.get("draws", 0))
    except (MessageError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise StateError(f"state: damaged ({error})") from None
    for addr, value in fitted:
        engine.set_value(addr, value)
    for model_name, held in slots.items():
        loaded = engine.models.get(model_name) if model_name else None
        if loaded is not None:
            _fill(engine, loaded, held)
    engine.draws = draws
    engine.morph.scene = str(state.get("scene", ""))
    engine.move_all()


def _slots(held: Any, engine: Engine) -> dict[str, Slot | None]:
    return {str(name): None if slot is None else _as_slot(slot, engine) for name, slot in dict(held).items()}


def _as_slot(held: Any, engine: Engine) -> Slot:
    text = held.get("detail")
    detail = None if text is None else Blend.of(Detail.of_text(str(text), engine.spec))
    return Slot(np.array(held["z"], dtype=np.float32), str(held["origin"]), detail)


def _fill(engine: Engine, loaded: Loaded, held: dict[str, Slot | None]) -> None:
    for name in SLOTS:
        if name in held:
            slot = held[name]
            if slot is None:
                loaded.slots.clear(name)
            else:
                engine.fill_slot(name, slot.z, slot.origin, loaded, slot.detail)
