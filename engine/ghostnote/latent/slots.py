"""Slots a…h: remembered latent points and where they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import MessageError
from ghostnote.features.detail import Blend

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Slot:
    """One remembered point, shape (D,), its `origin` in words (a class, a file's name, `random 3` …), and
    the detail of what was captured there.
    """

    z: Float32
    origin: str
    detail: Blend | None = None


class SlotBank:
    """Named slots. Thread: render writes, others may read (each slot is replaced as a whole)."""

    def __init__(self, names: tuple[str, ...], latent_size: int) -> None:
        self.latent_size = latent_size
        self._index = {name: i for i, name in enumerate(names)}
        self._slots: dict[str, Slot | None] = dict.fromkeys(names)
        self.points = np.zeros((len(names), latent_size), dtype=np.float32)
        self.filled = np.zeros(len(names), dtype=np.float32)
        self.changes = 0
        """How often a slot was filled or emptied, so that a mixture of them can be kept until then."""

    def get(self, name: str) -> Slot | None:
        """The slot's content, None if empty."""
        return self._slots[name]

    def put(self, name: str, z: Float32, origin: str, detail: Blend | None = None) -> None:
        """Remember a point, with its detail.

        Raises MessageError (`args`, `range`) for a point of the wrong size or with numbers that are not
        finite.
        """
        point = np.asarray(z, dtype=np.float32)
        if point.shape != (self.latent_size,):
            raise MessageError("args", f"slot {name} takes {self.latent_size} numbers, got {point.size}")
        if not np.isfinite(point).all():
            raise MessageError("range", f"slot {name}: not all numbers are finite")
        self._slots[name] = Slot(point, origin, detail)
        self.points[self._index[name]] = point
        self.filled[self._index[name]] = 1.0
        self.changes += 1

    def clear(self, name: str) -> None:
        """Empty the slot; parts that weigh it go on with the other slots."""
        self._slots[name] = None
        self.points[self._index[name]] = 0.0
        self.filled[self._index[name]] = 0.0
        self.changes += 1

    @property
    def detailed(self) -> bool:
        """Whether any slot has a detail."""
        return any(slot is not None and slot.detail is not None for slot in self._slots.values())

    def details(self, shares: Float32, amount: float) -> Blend | None:
        """So much of the slots' details, each by its share, shape (n,); None where there is none."""
        slots = zip(self._slots.values(), shares.tolist(), strict=True)
        return Blend.joined(((slot.detail, share) for slot, share in slots if slot is not None), amount)
