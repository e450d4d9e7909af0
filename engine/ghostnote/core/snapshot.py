"""The whole performance as a plain dict: taken once a second, given back after a crash."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghostnote.core.engine import Engine
from ghostnote.errors import MessageError, StateError
from ghostnote.state.registry import DEFAULTS, check, resolve
from ghostnote.state.table import SLOTS, Parameter

SCHEMA = "ghostnote-state"
VERSION = 1


def take(engine: Engine) -> dict[str, Any]:
    """Everything that is not at its default, as strict JSON values. Thread: any."""
    values = dict(engine.values)
    slots = {name: engine.slots.get(name) for name in SLOTS}
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "model": engine.model.manifest.name,
        "folder": str(engine.model.folder),
        "values": {addr: value for addr, value in values.items() if value != DEFAULTS[addr]},
        "slots": {
            name: None if slot is None else {"z": [float(x) for x in slot.z], "origin": slot.origin}
            for name, slot in slots.items()
        },
        "draws": engine.draws,
    }


def restore(engine: Engine, state: dict[str, Any]) -> None:
    """Put a snapshot back into an engine that has not played yet.

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
        slots = {
            str(name): None if slot is None else (np.array(slot["z"], dtype=np.float32), str(slot["origin"]))
            for name, slot in dict(state.get("slots", {})).items()
        }
        draws = int(state.get("draws", 0))
    except (MessageError, TypeError, ValueError, KeyError) as error:
        raise StateError(f"state: damaged ({error})") from None
    for addr, value in fitted:
        engine.set_value(addr, value)
    if state.get("model") == engine.model.manifest.name:
        for name, slot in slots.items():
            if name not in SLOTS:
                continue
            if slot is None:
                engine.slots.clear(name)
            else:
                engine.fill_slot(name, *slot)
    engine.draws = draws
    engine.move_all()
