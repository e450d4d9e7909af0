"""What moves by itself: parameters that glide or morph, slots on their way to a scene, and the beat."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.model_change import may_be
from ghostnote.core.ramps import CONTINUOUS
from ghostnote.errors import MessageError
from ghostnote.features.detail import Blend
from ghostnote.scenes.scene import KEPT, Point
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import ROOT, Value

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

Float32 = NDArray[np.float32]

BEAT = f"{ROOT}/clock/beat"
FADING = f"{ROOT}/scene/fading"


def quanta_in(engine: Engine, seconds: float) -> int:
    """The least number of an engine's quanta that last so long."""
    return math.ceil(seconds * engine.spec.sample_rate / engine.quantum - 1e-6)


def change(engine: Engine, addr: str, value: Value, at: int) -> None:
    """Let a parameter go to a fit value from sample `at` on, gliding if its part says so. Thread: render."""
    part = TARGETS[addr].part
    present = engine.values[addr]
    if not may_be(engine, addr, value):
        return
    if addr in KEPT:
        engine.history.note_value(at, addr, engine.ramps.goal(addr, present), value)
    glide_s = engine.parts[part].value("glide") if part is not None and addr in CONTINUOUS else 0.0
    if glide_s > 0.0:
        engine.ramps.go(addr, float(present), float(value), quanta_in(engine, glide_s), engine.author)
    else:
        engine.set_value(addr, value)


def advance(engine: Engine) -> None:
    """Move everything on by a quantum. Thread: render. Realtime-safe: bounded work."""
    for addr, value, source in engine.ramps.step():
        engine.put_value(addr, value, source)
    fading = engine.morph.fading
    for slot, z, origin, detail in engine.morph.step():
        put_slot(engine, slot, z, origin, detail)
    if fading:
        engine.changes.note(FADING)


def point_of(engine: Engine, key: str) -> Point | None:
    """A slot's content as scenes and history hold it. `key`: see `Models.key`."""
    place = engine.models.place(key)
    found = None if place is None else place[0].slots.get(place[1])
    if found is None:
        return None
    detail = "" if found.detail is None else found.detail.resolved(engine.spec).text
    return Point(tuple(float(x) for x in found.z), found.origin, detail)


def put_slot(engine: Engine, key: str, z: Float32 | None, origin: str, detail: Blend | None = None) -> None:
    """Let a slot be at a point, shape (D,), or be empty (None); one that does not fit its model is told."""
    place = engine.models.place(key)
    if place is None:
        engine.telemetry.trouble("slot_refused", f"slot {key}: its model is not loaded")
        return
    loaded, slot = place
    try:
        if z is None:
            loaded.slots.clear(slot)
        else:
            loaded.slots.put(slot, z, origin, detail)
    except MessageError as error:
        engine.refuse(f"{ROOT}/slot/{slot}/z", error.code, str(error), "slot_refused")
        return
    for what in ("z", "origin"):
        engine.changes.note(f"{ROOT}/slot/{slot}/{what}", engine.author)
    engine.move_all()


def set_slot(
    engine: Engine, key: str, z: Float32 | None, origin: str, at: int | None, detail: Blend | None = None
) -> None:
    """As `put_slot`, by a message at sample `at` (None: by none), which can be undone."""
    before = point_of(engine, key)
    engine.morph.stop(key)
    put_slot(engine, key, z, origin, detail)
    after = point_of(engine, key)
    if at is not None and after != before:
        engine.history.note_slot(at, key, before, after)


def beat(engine: Engine, end: int) -> None:
    """Tell those who listen when a beat began before sample `end`. Thread: render."""
    if engine.beat.beat_before(end) is not None:
        engine.changes.note(BEAT)


def follow_clock(engine: Engine, name: str, at: int) -> None:
    """Let the beat follow a parameter of the clock from sample `at` on. Thread: render."""
    value = engine.values[f"{ROOT}/{name}"]
    if name == "clock/tempo":
        engine.beat.set_tempo(at, float(value))
    elif name == "clock/running":
        engine.beat.set_running(at, bool(value))
    elif name == "clock/quantum":
        engine.beat.quantum = float(value)
    elif name == "clock/quantise":
        engine.beat.grid = str(value)
