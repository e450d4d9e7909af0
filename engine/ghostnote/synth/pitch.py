"""Pitch by playing a voice's samples faster or slower, at any ratio, without a step when the ratio moves."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BEFORE = 7
"""Samples before a position that reading it needs."""
AFTER = 8
"""Samples from a position on that reading it needs."""
LOWEST, HIGHEST = -36.0, 24.0
"""Semitones beyond which pitch stays: three octaves down, two up (which costs four times the work)."""

_TAPS = BEFORE + AFTER
_PHASES = 1024
_KAISER_BETA = 7.0


def ratio_of(semitones: float) -> float:
    """Speed at which samples are played for a pitch, within `LOWEST` … `HIGHEST`."""
    return float(2.0 ** (min(max(semitones, LOWEST), HIGHEST) / 12.0))


def ramp(start: Float64, ratio_from: Float64, ratio_to: Float64, count: int) -> Float64:
    """Positions of `count` samples and of the one after them, the speed going from one ratio to the other.

    `start`, `ratio_from`, `ratio_to`: shape (n,). Returns shape (n, count + 1).
    """
    steps, squares = _steps(count)
    bend = (ratio_to - ratio_from) / (2.0 * count)
    positions = np.asarray(start[:, None] + ratio_from[:, None] * steps)
    if bend.any():
        positions += bend[:, None] * squares
    return positions


@lru_cache(maxsize=4)
def _steps(count: int) -> tuple[Float64, Float64]:
    steps = np.arange(count + 1, dtype=np.float64)
    return steps, steps**2


class SampleReader:
    """Windowed-sinc interpolation with a table of phases; exact at whole positions.

    The voices' spectra are cut at the highest frequency that their ratio leaves, so that nothing folds back
    and one table serves all ratios. Thread: render. Realtime-safe: no locks; allocates its result.
    """

    def __init__(self, samples: Float32) -> None:
        """Read from `samples`, shape (rows, length), contiguous; what is written there later is read too."""
        self._table = _sinc_table()
        # A window is one item of this view, so that gathering windows copies whole ones, not numbers.
        bytes_ = samples.itemsize
        self._windows = np.ndarray(
            samples.size - _TAPS + 1, dtype=f"V{_TAPS * bytes_}", buffer=samples.data, strides=bytes_
        )

    def read(self, first: NDArray[np.intp], positions: Float64) -> Float32:
        """Samples of n voices at fractional positions, shape (n, count).

        `first`: where each voice's position 0 is in the flattened samples, shape (n,). `positions`: shape
        (n, count), each at least `BEFORE`; `AFTER` samples from it on must be the voice's.
        """
        whole = np.floor(positions)
        phase = np.rint((positions - whole) * _PHASES).astype(np.intp)
        start = whole.astype(np.intp) + (first - BEFORE)[:, None]
        around = self._windows[start].view(np.float32).reshape(*start.shape, _TAPS)
        return np.asarray(np.einsum("nct,nct->nc", around, self._table.take(phase, axis=0)))


@lru_cache(maxsize=1)
def _sinc_table() -> Float32:
    shares = np.arange(_PHASES + 1)[:, None] / _PHASES
    offsets = np.arange(-BEFORE, AFTER)[None, :] - shares
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (offsets / AFTER) ** 2)))
    table = np.where(offsets == np.rint(offsets), offsets == 0.0, np.sinc(offsets)) * window
    return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float32)
