"""The beat: where the music is at a sample, and at which sample the grid's next line falls."""

from __future__ import annotations

import math
from collections import deque

from ghostnote.units import clamp

STEPS = {"1/16": 0.25, "1/8": 0.5, "1/4": 1.0, "1/2": 2.0}
"""Lines of the grid in beats; `1/1` is a bar."""

LONGEST_TAP_S = 3.0
"""A tap later than this after the last one begins anew."""
TAPS = 8
SLOWEST, FASTEST = 20.0, 300.0


class Beat:
    """The internal clock, in samples of the engine: exact, and the same live and offline.

    The beat is a straight line through an anchor that only moves when tempo, position or running change, so
    that nothing adds up. Thread: render; `position` may be read by others. Realtime-safe: yes.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.tempo = 120.0
        self.quantum = 4.0
        self.running = True
        self.grid = "off"
        # Replaced as one, so that another thread never sees half of it: (sample, beat, beats per sample).
        self._line = (0, 0.0, self.tempo / (60.0 * sample_rate))
        self._taps: deque[int] = deque(maxlen=TAPS)
        self._told = -1

    def position(self, sample: float) -> float:
        """The beat at a sample, counted from 0."""
        at, beat, pace = self._line
        return beat + (sample - at) * pace

    def move(self, at: int, beat: float) -> None:
        """Let the music be at `beat` at sample `at`."""
        self._told = math.ceil(beat) - 1
        self._anchor(at, beat)

    def set_tempo(self, at: int, tempo: float) -> None:
        """Go on from `at` at another tempo, in beats per minute."""
        beat = self.position(at)
        self.tempo = tempo
        self._anchor(at, beat)

    def set_running(self, at: int, running: bool) -> None:
        """Stop the beat where it is, or let it go on from there."""
        beat = self.position(at)
        self.running = running
        self._anchor(at, beat)

    def nudge(self, at: int, ms: float) -> None:
        """Move the music ahead by so many milliseconds (back, if negative); not to before its beginning."""
        self.move(at, max(0.0, self.position(at) + ms * self.tempo / 60000.0))

    def tap(self, at: int) -> tuple[float, float] | None:
        """A tap: from the second one on the tempo of the taps, and the beat that this one is."""
        if self._taps and not 0 < at - self._taps[-1] <= LONGEST_TAP_S * self._rate:
            self._taps.clear()
        self._taps.append(at)
        if len(self._taps) < 2:
            return None
        spans = sorted(b - a for a, b in zip(self._taps, list(self._taps)[1:], strict=False))
        middle = spans[(len(spans) - 1) // 4 : len(spans) - (len(spans) - 1) // 4]
        tempo = 60.0 * self._rate * len(middle) / sum(middle)
        return round(clamp(tempo, SLOWEST, FASTEST), 2), float(max(0, round(self.position(at))))

    def next_line(self, at: int) -> int:
        """First sample from `at` on where a line of the grid falls; `at` itself without a grid or a beat.

        It gives its own results back, so that what began on a line in a log begins there again.
        """
        if self.grid == "off" or not self.running:
            return at
        step = STEPS.get(self.grid, self.quantum)
        n = math.floor(self.position(at) / step)
        while self._sample(n * step) < at:
            n += 1
        return self._sample(n * step)

    def beat_before(self, end: int) -> int | None:
        """The latest beat that began before sample `end`, once each; None if it was told before."""
        latest = math.ceil(self.position(end)) - 1
        if not self.running or latest == self._told or latest < 0:
            return None
        self._told = latest
        return latest

    def _sample(self, beat: float) -> int:
        at, there, pace = self._line
        return at + math.ceil((beat - there) / pace - 1e-6)

    def _anchor(self, at: int, beat: float) -> None:
        pace = self.tempo / (60.0 * self._rate) if self.running else 0.0
        self._line = (at, beat, pace)
