"""Attack and release of many voices at once, as straight lines over one quantum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Rows = NDArray[np.intp]

CHOKE_S = 0.004
"""Fade of a note that is stolen or choked: short enough to make room, long enough not to click."""


class Envelopes:
    """Level and slope of each row. Thread: render. Realtime-safe: yes (fixed arrays)."""

    def __init__(self, rows: int, sample_rate: int, quantum: int) -> None:
        self._rate = sample_rate
        self._quantum = quantum
        self.level = np.zeros(rows, dtype=np.float32)
        self._slope = np.zeros(rows, dtype=np.float32)
        self._goal = np.zeros(rows, dtype=np.float32)

    def start(self, row: int, attack_s: float) -> None:
        """Begin at full level at once, or rise over `attack_s` seconds."""
        self.level[row] = 0.0 if attack_s > 0.0 else 1.0
        self.rise(row, attack_s)

    def rise(self, row: int, time_s: float) -> None:
        """Go from the present level to 1 at the pace of a full rise in `time_s` seconds."""
        self._goal[row] = 1.0
        self._slope[row] = self._per_quantum(time_s)

    def fall(self, row: int, time_s: float) -> None:
        """Go from the present level to 0 at the pace of a full fall in `time_s` seconds."""
        slope = self._per_quantum(time_s)
        if self._goal[row] == 0.0 and self._slope[row] > slope:
            return
        self._goal[row] = 0.0
        self._slope[row] = slope

    def advance(self, rows: Rows) -> tuple[Float32, Float32]:
        """Levels of `rows` at the start and at the end of this quantum, each of shape (len(rows),)."""
        before = self.level[rows]
        goal, slope = self._goal[rows], self._slope[rows]
        after = np.where(goal > before, np.minimum(before + slope, goal), np.maximum(before - slope, goal))
        self.level[rows] = after
        return before, after

    def silent(self, row: int) -> bool:
        """Whether the row has fallen to 0 and stays there."""
        return bool(self._goal[row] == 0.0 and self.level[row] <= 0.0)

    def _per_quantum(self, time_s: float) -> float:
        return 1.0 if time_s <= 0.0 else min(1.0, self._quantum / (time_s * self._rate))
