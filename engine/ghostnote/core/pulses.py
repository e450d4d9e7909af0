"""A MIDI clock that is followed: its jittering pulses become a tempo and a beat, by regression."""

from __future__ import annotations

from collections import deque

import numpy as np

from ghostnote.core.beat import FASTEST, SLOWEST
from ghostnote.units import clamp

PER_BEAT = 24
WINDOW = 96
"""Pulses that the line is fitted to (four beats): a jitter of 1 ms moves the tempo by 0.02 beats a minute."""
FIRST = 12
"""So many pulses make the first tempo, and the one after a change."""
GAP_S = 0.5
"""Pulses further apart than this are another clock, or one that stood still."""
OFF_S = 0.003
"""When the last pulses are off by this on average, the tempo has changed: the older ones are forgotten."""
_RECENT = 6


class Pulses:
    """Counts pulses and fits a line to when they came. Thread: render. Realtime-safe: 20 µs a beat."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._pulses: deque[tuple[int, int]] = deque(maxlen=WINDOW)
        self.count = -1
        """Number of the latest pulse since the beginning of the music."""
        self.placed = True
        """Whether it was said, and not counted, which number the next pulse has."""
        self.begins = False
        """Whether the music goes on with the next pulse."""
        self._next = FIRST

    def go_to(self, number: int) -> None:
        """The next pulse is that number, and no pulse before it says anything of those after it."""
        self._pulses.clear()
        self.count = number - 1
        self.placed = True
        self._next = number + FIRST

    def pulse(self, at: int) -> tuple[float, float] | None:
        """A pulse came at sample `at`: the tempo and the beat at `at`, where they are known anew."""
        if self._pulses and not 0 < at - self._pulses[-1][1] < GAP_S * self._rate:
            self._pulses.clear()
            self._next = self.count + 1 + FIRST
        self.count += 1
        self.placed = False
        self._pulses.append((self.count, at))
        if self.count < self._next or len(self._pulses) < FIRST:
            return None
        step, behind = self._fit()
        if abs(behind[-_RECENT:].mean()) > OFF_S * self._rate and len(self._pulses) > FIRST:
            self._pulses = deque(list(self._pulses)[-FIRST:], maxlen=WINDOW)
            step, behind = self._fit()
        self._next = self.count + (PER_BEAT if len(self._pulses) > 2 * FIRST else _RECENT)
        tempo = round(clamp(60.0 * self._rate / (step * PER_BEAT), SLOWEST, FASTEST), 2)
        return tempo, max(0.0, (self.count + float(behind[-1]) / step) / PER_BEAT)

    def _fit(self) -> tuple[float, np.ndarray]:
        """Samples per pulse, and by how many samples each pulse was later than the line, shape (n,)."""
        points = np.array(self._pulses, dtype=np.float64)
        numbers, times = points[:, 0] - points[-1, 0], points[:, 1] - points[-1, 1]
        centred = numbers - numbers.mean()
        step = float(centred @ times / (centred @ centred))
        return step, times - times.mean() - step * centred
