"""What each voice has still to play: samples made ahead, read at the speed of the voice's pitch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ghostnote.synth.pitch import AFTER, BEFORE, HIGHEST, SampleReader, ramp, ratio_of

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_QUANTA = 32
"""Quanta that are read before the queues are moved back to the first column."""


class SampleQueues:
    """One queue of samples for each row: `BEFORE` played ones, kept for interpolation, then the next one.

    The queues of rows that play at their sounds' own pitch begin at the same column, so that a quantum of
    all of them is a slice, and going on moves nothing. Rows that are bent (read at another speed, or between
    two samples) begin where they have come to and are interpolated.

    Thread: render. Realtime-safe: bounded work, no locks.
    """

    def __init__(self, rows: int, quantum: int, longest_hop: int) -> None:
        self._quantum = quantum
        most = BEFORE + AFTER + int(quantum * ratio_of(HIGHEST))
        self._samples = np.zeros((rows, _QUANTA * quantum + most + 2 * longest_hop), dtype=np.float32)
        self._reader = SampleReader(self._samples)
        self._head = 0
        self._first = [0] * rows
        self._end = [0] * rows
        self._at = [float(BEFORE)] * rows
        self._ratio = [1.0] * rows
        self._ratio_before = [1.0] * rows
        self._needed = [BEFORE + quantum] * rows
        self._laid = [False] * rows
        self._is_bent = [False] * rows
        self._bent: list[int] = []
        self._positions: Float64 = np.zeros((0, quantum + 1), dtype=np.float64)
        self._shortest: int | None = None

    def lay(self, row: int, delay: int, ratio: float) -> None:
        """Begin a queue with silence, so that its first sample is played `delay` samples from now."""
        wait = delay * ratio
        silence = BEFORE + math.ceil(wait)
        self._samples[row, self._head : self._head + silence] = 0.0
        self._end[row] = self._head + silence
        self._at[row] = silence - wait
        self._ratio[row] = self._ratio_before[row] = ratio
        self._laid[row] = True
        self._sort(row)

    def drop(self, row: int) -> None:
        """Forget a queue."""
        self._laid[row] = False
        self._sort(row)

    def copy(self, row: int, to: int) -> None:
        """Let row `to` have the same queue as `row` and be read at the same place."""
        self._samples[to] = self._samples[row]
        for known in (self._first, self._end, self._needed):
            known[to] = known[row]
        for course in (self._at, self._ratio, self._ratio_before):
            course[to] = course[row]
        self._laid[to] = self._laid[row]
        if self._is_bent[row]:
            self._is_bent[to] = True
            self._bent.append(to)
        self._shortest = None

    def laid(self, row: int) -> bool:
        """Whether the row has a queue."""
        return self._laid[row]

    def ratio(self, row: int) -> float:
        """Speed at which the row is played at the end of this quantum."""
        return self._ratio[row]

    def turn(self, row: int, ratio: float) -> None:
        """Let the row's speed go to `ratio` over this quantum."""
        if ratio != self._ratio[row]:
            self._ratio[row] = ratio
            self._sort(row)

    def follow(self) -> None:
        """Find where the bent rows are read in this quantum, once their speeds are known."""
        if not self._bent:
            return
        known = (self._at, self._ratio_before, self._ratio)
        at, before, after = np.array([[of[row] for row in self._bent] for of in known], dtype=np.float64)
        self._positions = ramp(at, before, after, self._quantum)
        for row, last in zip(self._bent, self._positions[:, -2].tolist(), strict=True):
            self._needed[row] = math.floor(last) + AFTER

    def suffice(self) -> bool:
        """Whether no queue is short."""
        if self._shortest is None:
            rows = [row for row, laid in enumerate(self._laid) if laid and not self._is_bent[row]]
            self._shortest = min((self._end[row] for row in rows), default=self._samples.shape[1])
        if self._shortest - self._head < BEFORE + self._quantum:
            return False
        return all(self._end[row] - self._first[row] >= self._needed[row] for row in self._bent)

    def is_short(self, row: int, least: int = 0) -> bool:
        """Whether the queue has fewer samples than this quantum reads, or fewer than `least`."""
        first = self._first[row] if self._is_bent[row] else self._head
        held = self._end[row] - first
        return held < self._needed[row] or held < least

    def push(self, row: int, samples: Float32) -> None:
        """Add samples, shape (hop,), at the end of a row's queue."""
        if self._end[row] + len(samples) > self._samples.shape[1]:
            self._move(row, self._first[row], 0)
        end = self._end[row]
        self._end[row] = after = end + len(samples)
        self._samples[row, end:after] = samples
        self._shortest = None

    def read(self) -> Float32:
        """This quantum's samples of all rows, shape (rows, quantum), until anything else is called.

        Rows without a queue have any finite numbers.
        """
        start = self._head + BEFORE
        block = self._samples[:, start : start + self._quantum]
        if self._bent:
            width = self._samples.shape[1]
            first = np.array([row * width + self._first[row] for row in self._bent], dtype=np.intp)
            block = block.copy()
            block[self._bent] = self._reader.read(first, self._positions[:, :-1])
        return block

    def advance(self) -> None:
        """Go on to the next quantum."""
        self._head += self._quantum
        if self._bent:
            self._advance_bent()
        if self._head >= _QUANTA * self._quantum:
            self._rewind()

    def _advance_bent(self) -> None:
        for row, position in zip(list(self._bent), self._positions[:, -1].tolist(), strict=True):
            spent = math.floor(position) - BEFORE
            self._first[row] += spent
            self._at[row] = at = position - spent
            self._ratio_before[row] = self._ratio[row]
            if at == BEFORE:
                self._sort(row)

    def _sort(self, row: int) -> None:
        """Keep what is known of which rows are bent, after a change of one."""
        own_pitch = self._at[row] == BEFORE and self._ratio[row] == self._ratio_before[row] == 1.0
        bent = self._laid[row] and not own_pitch
        self._shortest = None
        if bent == self._is_bent[row]:
            return
        self._is_bent[row] = bent
        if bent:
            self._bent.append(row)
            self._first[row] = self._head
            return
        self._bent.remove(row)
        self._needed[row] = BEFORE + self._quantum
        if self._laid[row]:
            self._move(row, self._first[row], self._head)

    def _move(self, row: int, first: int, to: int) -> None:
        """Let a queue that begins at column `first` begin at column `to`."""
        end = self._end[row]
        self._first[row], self._end[row] = to, to + end - first
        self._samples[row, to : self._end[row]] = self._samples[row, first:end]

    def _rewind(self) -> None:
        for row, laid in enumerate(self._laid):
            if laid and not self._is_bent[row]:
                self._move(row, self._head, 0)
        self._head = 0
        self._shortest = None
