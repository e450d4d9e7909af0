"""What the performance is right now, for those who ask: every readable address and its present value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ghostnote.core.engine import Engine
from ghostnote.core.movement import BEAT, FADING
from ghostnote.core.scene_actions import CURRENT
from ghostnote.state.registry import READABLE, TARGETS
from ghostnote.state.table import ROOT, Parameter, Value

_ASKED_FOR = ("slot/z", "model/load")
_LIST, _AXES, _CLASSES = (f"{ROOT}/model/{name}" for name in ("list", "axes", "classes"))
_ORIGINS = {addr: addr.split("/")[-2] for addr in READABLE if addr.startswith(f"{ROOT}/slot/")}


class Readout(Mapping[str, Value | tuple[Value, ...]]):
    """Read-only view of an engine: parameters, slots' points and origins, the models' names.

    `more`: what else can be read, by address (`add` takes more of them later).

    Thread: any (values are replaced, never changed in place).
    """

    def __init__(self, engine: Engine, more: Mapping[str, Callable[[], Value]] | None = None) -> None:
        self._engine = engine
        self._more: dict[str, Callable[[], Value | tuple[Value, ...]]] = dict(more or {})
        self._readable = [
            a for a, t in TARGETS.items() if isinstance(t.row, Parameter) or t.name in _ASKED_FOR
        ]
        self._readable += [*_ORIGINS, BEAT, _LIST, _AXES, _CLASSES, CURRENT, FADING]

    def add(self, more: Mapping[str, Callable[[], Value | tuple[Value, ...]]]) -> None:
        """Make more readable, before anyone reads: functions that give the present value, by address."""
        self._more.update(more)

    def __getitem__(self, addr: str) -> Value | tuple[Value, ...]:
        value = self._engine.values.get(addr)
        if value is not None:
            return value
        if addr == _LIST:
            return self._engine.models.names()
        if addr == _AXES:
            return self._engine.models.main.axes.names
        if addr == _CLASSES:
            return tuple(self._engine.model.manifest.prototypes)
        if addr in self._more:
            return self._more[addr]()
        if addr in _ORIGINS:
            slot = self._engine.slots.get(_ORIGINS[addr])
            return "" if slot is None else slot.origin
        if addr == BEAT:
            beat = self._engine.beat.position(self._engine.now)
            return int(beat), beat % 1.0
        if addr == CURRENT:
            return self._engine.morph.scene
        if addr == FADING:
            return self._engine.morph.fading
        target = TARGETS[addr]
        if target.name == "slot/z" and target.slot is not None:
            slot = self._engine.slots.get(target.slot)
            return () if slot is None else tuple(float(x) for x in slot.z)
        if target.name == "model/load":
            return self._engine.models.main.name
        raise KeyError(addr)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._readable, *self._more])

    def __len__(self) -> int:
        return len(self._readable) + len(self._more)
