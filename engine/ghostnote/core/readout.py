"""What the performance is right now, for those who ask: every readable address and its present value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ghostnote.core.engine import Engine
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import Parameter, Value

_ASKED_FOR = ("slot/z", "model/load")
_READABLE = [a for a, t in TARGETS.items() if isinstance(t.row, Parameter) or t.name in _ASKED_FOR]


class Readout(Mapping[str, Value | tuple[float, ...]]):
    """Read-only view of an engine: parameters, slots' points, the model's name.

    Thread: any (values are replaced, never changed in place).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getitem__(self, addr: str) -> Value | tuple[float, ...]:
        value = self._engine.values.get(addr)
        if value is not None:
            return value
        target = TARGETS[addr]
        if target.name == "slot/z" and target.slot is not None:
            slot = self._engine.slots.get(target.slot)
            return () if slot is None else tuple(float(x) for x in slot.z)
        if target.name == "model/load":
            return self._engine.model.manifest.name
        raise KeyError(addr)

    def __iter__(self) -> Iterator[str]:
        return iter(_READABLE)

    def __len__(self) -> int:
        return len(_READABLE)
