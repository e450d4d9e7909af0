"""What the performance is right now, for those who ask: every readable address and its present value."""

from __future__ import annotations

from ghostnote.core.engine import Engine
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import Value


class Readout:
    """Read-only view of an engine. Thread: any (values are replaced, never changed in place)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, addr: str) -> tuple[Value, ...] | None:
        """Present value of an address as OSC arguments; None where there is nothing to read."""
        value = self._engine.values.get(addr)
        if value is not None:
            return (value,)
        target = TARGETS.get(addr)
        if target is None:
            return None
        if target.name == "slot/z" and target.slot is not None:
            slot = self._engine.slots.get(target.slot)
            return () if slot is None else tuple(float(x) for x in slot.z)
        if target.name == "model/load":
            return (self._engine.model.manifest.name,)
        return None
