"""Attack, decay, sustain and release of many voices at once, as straight lines over one quantum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

CHOKE_S = 0.004
"""Fade of a note that is stolen or choked: short enough to make room, long enough not to click."""


class Envelopes:
    """Level and slope of each row. Thread: render. Realtime-safe: yes (small arrays, no locks)."""

    def __init__(self, rows: int, sample_rate: int, quantum: int) -> None:
        self._rate = sample_rate
        self._quantum = quantum
        self.level = np.zeros(rows, dtype=np.float32)
        self._slope = np.zeros(rows, dtype=np.float32)
        self._goal = np.zeros(rows, dtype=np.float32)
        self._sustain = [1.0] * rows
        self._attacking: dict[int, float] = {}
        self._released = [True] * rows
        self._waits = [False] * rows
        self._still = True

    def start(self, row: int, attack_s: float, decay_s: float = 0.0, sustain: float = 1.0) -> None:
        """Begin at full level at once, or rise over `attack_s`; then fall to `sustain` in `decay_s`."""
        self.level[row] = 0.0 if attack_s > 0.0 else 1.0
        self._go(row, 1.0, self._per_quantum(attack_s))
        self._sustain[row], self._released[row], self._waits[row] = sustain, False, False
        self._attacking.pop(row, None)
        if sustain < 1.0:
            self._attacking[row] = (1.0 - sustain) * self._per_quantum(decay_s)
            self._decay()

    def copy(self, row: int, to: int) -> None:
        """Let row `to` be where `row` is and go where it goes."""
        for course in (self.level, self._goal, self._slope):
            course[to] = course[row]
        self._sustain[to] = self._sustain[row]
        for known in (self._released, self._waits):
            known[to] = known[row]
        if row in self._attacking:
            self._attacking[to] = self._attacking[row]
        self._still = False

    def sustain(self, row: int, level: float, time_s: float) -> None:
        """Let a note that was not released stay at `level`, going there at the pace of a full fall in
        `time_s` seconds; during its attack, after it. One that is turned down to 0 waits to be turned up.
        """
        self._sustain[row] = level
        if self._released[row]:
            return
        self._waits[row] = True
        if row in self._attacking or self._goal[row] > self.level[row]:
            self._attacking[row] = self._per_quantum(time_s)
        else:
            self._go(row, level, self._per_quantum(time_s))

    def rise(self, row: int, time_s: float) -> None:
        """Go from the present level to the sustained one at the pace of a full rise in `time_s` seconds."""
        self._released[row] = False
        self._go(row, self._sustain[row], self._per_quantum(time_s))

    def fall(self, row: int, time_s: float) -> None:
        """Go from the present level to 0 at the pace of a full fall in `time_s` seconds."""
        slope = self._per_quantum(time_s)
        self._attacking.pop(row, None)
        self._released[row], self._waits[row] = True, False
        if self._goal[row] == 0.0 and self._slope[row] > slope:
            return
        self._go(row, 0.0, slope)

    def drop(self, row: int) -> None:
        """Be silent at once."""
        self.level[row] = self._goal[row] = 0.0
        self._attacking.pop(row, None)

    def advance(self) -> tuple[Float32, Float32]:
        """Levels of all rows at the start and at the end of this quantum, each of shape (rows,).

        One and the same array where no row moves.
        """
        before = self.level
        if self._still:
            return before, before
        goal, slope = self._goal, self._slope
        after = np.where(goal > before, np.minimum(before + slope, goal), np.maximum(before - slope, goal))
        self.level, self._still = after, bool((after == goal).all())
        if self._attacking:
            self._decay()
        return before, after

    def silent(self, row: int) -> bool:
        """Whether the row has fallen to 0 and stays there."""
        return bool(self._goal[row] == 0.0 and self.level[row] <= 0.0) and not self._waits[row]

    def _decay(self) -> None:
        for row in [row for row in self._attacking if self.level[row] == self._goal[row]]:
            self._go(row, self._sustain[row], self._attacking.pop(row))

    def _go(self, row: int, goal: float, slope: float) -> None:
        self._goal[row], self._slope[row] = goal, slope
        self._still = False

    def _per_quantum(self, time_s: float) -> float:
        return 1.0 if time_s <= 0.0 else min(1.0, self._quantum / (time_s * self._rate))
