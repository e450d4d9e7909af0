"""Takeover: how a control that stands elsewhere than its parameter gets hold of it without a jump."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from ghostnote.control.midi_values import Scale
from ghostnote.state.table import Value

TakeoverMode = Literal["pickup", "scale", "jump"]

NEAR = 1.5 / 127
"""A control this near to its parameter has picked it up."""


_MIDI = "midi:"


@dataclass(slots=True)
class _Owner:
    """Where a control last put an address; `away`: how far from there the value was when last seen."""

    control: Hashable
    position: float
    scale: Scale
    away: float = math.inf


class Takeover:
    """Which control has hold of which address, over all ports. Thread: any (single operations on dicts).

    A control that set an address keeps it until something else sets it or `rearm` is called. Until it has it:
    `jump` takes it at once, `pickup` when it is moved to or past the present value, `scale` moves the value
    by the share of the way that is left, so that both reach the end together.
    """

    def __init__(self) -> None:
        self._owners: dict[str, _Owner] = {}
        self._seen: dict[Hashable, float] = {}

    def rearm(self, addr: str | None = None) -> None:
        """Let go of an address that something else has set, or of all of them (scene recall, bank change)."""
        if addr is None:
            self._owners.clear()
        else:
            self._owners.pop(addr, None)

    def forget(self, port: str) -> None:
        """Forget where a port's controls stand: it went away, and they may be moved meanwhile.

        A port's controls are tuples that begin with its name.
        """
        for control in [c for c in self._seen if isinstance(c, tuple) and c[0] == port]:
            self._seen.pop(control, None)
        for addr, owner in list(self._owners.items()):
            if isinstance(owner.control, tuple) and owner.control[0] == port:
                self._owners.pop(addr, None)

    def changed(self, addr: str, source: str, value: Value) -> None:
        """Something set an address: a control loses it, unless it was a control, or a glide on its way to it.

        The engine's own changes (no source) come nearer to where the control stands in a glide, and go away
        from there in a recall.
        """
        owner = self._owners.get(addr)
        if owner is None or source.startswith(_MIDI):
            return
        away = abs(owner.scale.position(value) - owner.position)
        if source or away > owner.away + NEAR:
            self.rearm(addr)
        else:
            owner.away = away

    def has(self, control: Hashable, addr: str) -> bool:
        """Whether a control has hold of an address."""
        owner = self._owners.get(addr)
        return owner is not None and owner.control == control

    def absolute(
        self,
        control: Hashable,
        addr: str,
        position: float,
        value: Value,
        scale: Scale,
        mode: TakeoverMode,
    ) -> float | None:
        """Where to put an address whose control was moved to `position`; None: leave it (positions 0…1).

        `value`: the parameter's present one; what a control has just set, and is under way, counts instead.
        """
        before = self._seen.get(control)
        self._seen[control] = position
        if mode == "jump" or self.has(control, addr):
            return self._take(control, addr, position, scale)
        present = self.present(addr, value, scale)
        if mode == "scale":
            return self._scaled(control, addr, before, position, present, scale)
        passed = before is not None and (before - present) * (position - present) <= 0.0
        if passed or abs(position - present) <= NEAR:
            return self._take(control, addr, position, scale)
        return None

    def relative(
        self, control: Hashable, addr: str, change: float, value: Value, scale: Scale, margin: float = 0.0
    ) -> float:
        """Where to put an address whose endless control was turned by `change`, `margin` inside both ends."""
        base = self.present(addr, value, scale)
        return self._take(control, addr, min(max(base + change, margin), 1.0 - margin), scale)

    def present(self, addr: str, value: Value, scale: Scale) -> float:
        """Where an address stands, or will when what a control has set takes effect."""
        owner = self._owners.get(addr)
        if owner is None:
            return scale.position(value)
        if owner.scale is scale:
            return owner.position
        return scale.position(owner.scale.value(owner.position))

    def _take(self, control: Hashable, addr: str, position: float, scale: Scale) -> float:
        self._owners[addr] = _Owner(control, position, scale)
        return position

    def _scaled(
        self,
        control: Hashable,
        addr: str,
        before: float | None,
        position: float,
        present: float,
        scale: Scale,
    ) -> float | None:
        near = abs(position - present) <= NEAR
        if before is None or near:
            return self._take(control, addr, position, scale) if near else None
        moved = position - before
        if moved > 0.0:
            left = 1.0 - before
            target = present + (1.0 - present) * moved / left if left > 0.0 else 1.0
        else:
            target = present + present * moved / before if before > 0.0 else 0.0
        target = min(max(target, 0.0), 1.0)
        if abs(target - position) <= NEAR:
            return self._take(control, addr, position, scale)
        self._owners[addr] = _Owner(None, target, scale)
        return target
