"""What recalls, undo and redo do to the engine; files are not its business."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ghostnote.core.history import Side
from ghostnote.core.model_change import may_be
from ghostnote.core.movement import point_of, put_slot, quanta_in
from ghostnote.core.ramps import CONTINUOUS
from ghostnote.errors import MessageError
from ghostnote.features.detail import Blend, Detail
from ghostnote.scenes.scene import KEPT, Point
from ghostnote.state.registry import TARGETS, Target
from ghostnote.state.table import ROOT, Value

if TYPE_CHECKING:
    from ghostnote.core.actions import Action, Arguments
    from ghostnote.core.engine import Engine

SOURCE = "scenes"
"""Author of what a recall changes, so that whoever asked for it is told too."""

CURRENT = f"{ROOT}/scene/current"
SET = f"{ROOT}/scene/set"
SLOT, POINT = f"{ROOT}/scene/slot", f"{ROOT}/scene/point"

_PAIRS = 160
"""Values in one message, so that a line of the log stays short."""


def messages(side: Side, fade_s: float) -> list[tuple[str, tuple[Value, ...]]]:
    """What brings an engine to one side of a step, or to a scene, as messages of one moment."""
    name = side.scene or ""
    pairs = list(side.values.items())
    pieces = [pairs[k : k + _PAIRS] for k in range(0, len(pairs), _PAIRS)] or [[]]
    made: list[tuple[str, tuple[Value, ...]]] = [
        (SET, (fade_s, name, *(x for pair in piece for x in pair))) for piece in pieces
    ]
    for slot, point in side.slots.items():
        if point is not None and point.detail:
            made.append((POINT, (fade_s, name, slot, point.origin, point.detail, *point.z)))
        else:
            z, origin = ((), "") if point is None else (point.z, point.origin)
            made.append((SLOT, (fade_s, name, slot, origin, *z)))
    return made


def _set(engine: Engine, target: Target, args: Arguments, at: int) -> Arguments | None:
    fade_s, name = float(args[0]), str(args[1])
    values = dict(zip(map(str, args[2::2]), args[3::2], strict=True))
    never = values.keys() - KEPT
    if never:
        text = f"{target.addr}: {min(never)} is nothing that scenes keep; set it by itself"
        engine.telemetry.trouble("scene_refused", text)
        return None
    if not all(may_be(engine, addr, value) for addr, value in values.items()):
        return None
    changed = {a: v for a, v in values.items() if engine.values[a] != v or engine.ramps.goal(a, v) != v}
    if changed:
        before = Side({a: engine.values[a] for a in changed}, {}, engine.morph.scene)
        engine.history.note_recall(at, before, Side(dict(changed), {}, name))
    quanta = quanta_in(engine, fade_s)
    for addr, value in changed.items():
        present = engine.values[addr]
        if quanta and addr in CONTINUOUS:
            engine.ramps.go(addr, float(present), float(value), quanta, SOURCE)
        else:
            engine.set_value(addr, value, SOURCE)
    _begin(engine, name, quanta)
    return (fade_s, name, *(x for pair in changed.items() for x in pair))


def _slot(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    _go(engine, target, args[:4], "", args[4:], at)


def _point(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    _go(engine, target, args[:4], str(args[4]), args[5:], at)


def _go(engine: Engine, target: Target, args: Arguments, detail: str, numbers: Arguments, at: int) -> None:
    """Let a slot go to a point with a detail, in its text form (empty: none), or be emptied."""
    fade_s, name, origin = float(args[0]), str(args[1]), str(args[3])
    z = tuple(float(x) for x in numbers)
    place = engine.models.place(str(args[2]))
    if place is None or len(z) not in (0, place[0].slots.latent_size):
        text = f"{target.addr}: slot {args[2]!r} with {len(z)} numbers does not fit any model that is loaded"
        engine.telemetry.trouble("scene_refused", text)
        return
    try:
        after = Blend.of(Detail.of_text(detail, engine.spec)) if detail and z else None
    except MessageError as error:
        engine.telemetry.trouble("scene_refused", f"{target.addr}: slot {args[2]}: {error}")
        return
    slot = engine.models.key(place[1], place[0])
    goal = Point(z, origin, detail) if z else None
    before = point_of(engine, slot)
    if before != goal:
        sides = Side({}, {slot: before}, engine.morph.scene), Side({}, {slot: goal}, name)
        engine.history.note_recall(at, *sides)
    quanta = quanta_in(engine, fade_s)
    if quanta and before is not None and before != goal:
        start = Blend.of(Detail.of_text(before.detail, engine.spec)) if before.detail else None
        engine.morph.go(slot, np.array(before.z, dtype=np.float32), goal, quanta, (start, after))
    else:
        engine.morph.stop(slot)
        put_slot(engine, slot, np.array(z, dtype=np.float32) if z else None, origin, after)
    _begin(engine, name, quanta)


def _begin(engine: Engine, name: str, quanta: int) -> None:
    engine.morph.begin(name, quanta)
    engine.changes.note(CURRENT, SOURCE)


def _undo(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        _go_to(engine, engine.history.undo(), at, "undo")


def _redo(engine: Engine, target: Target, args: Arguments, at: int) -> None:
    if float(args[0]) > 0.0:
        _go_to(engine, engine.history.redo(), at, "redo")


def _go_to(engine: Engine, side: Side | None, at: int, what: str) -> None:
    if side is None:
        engine.refuse(f"{ROOT}/{what}", "not_found", f"there is nothing to {what}", f"nothing_to_{what}")
        return
    if side.errand is not None:
        engine.errand(TARGETS[side.errand.addr], side.errand.words)
        return
    if side.scene is None:
        side = Side(side.values, side.slots, engine.morph.scene)
    engine.history.paused = True
    try:
        for addr, args in messages(side, 0.0):
            engine.perform(at, addr, *args)
    finally:
        engine.history.paused = False


SCENE_ACTIONS: dict[str, Action] = {
    "scene/set": _set,
    "scene/slot": _slot,
    "scene/point": _point,
    "undo": _undo,
    "redo": _redo,
}
