"""Windowed magnitude projection with momentum: the inner loop of the streaming phase reconstruction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.features import stft

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]

_SPARK = np.float32(1e-6)
"""Impulse added to the middle of each frame, so that silence still has a phase (see `Projection.run`)."""
_TINY = np.float32(1e-20)


@dataclass(frozen=True)
class Grid:
    """Overlapping frames of `n_fft` samples, `hop` apart; the first starts at sample 0 of the span."""

    n_fft: int
    hop: int
    frames: int

    @property
    def span(self) -> int:
        """Samples from the start of the first frame to the end of the last."""
        return (self.frames - 1) * self.hop + self.n_fft

    @property
    def bins(self) -> int:
        """Frequency bins of a frame."""
        return self.n_fft // 2 + 1

    def window_power(self, first: int, last: int) -> Float32:
        """Sum of the squared windows of frames `first` to `last - 1`, seen in the span, shape (span,).

        Frames outside the grid count where they reach into the span.
        """
        total = np.zeros(self.span, dtype=np.float64)
        power = stft.window(self.n_fft).astype(np.float64) ** 2
        for k in range(first, last):
            low, high = k * self.hop, k * self.hop + self.n_fft
            a, b = max(low, 0), min(high, self.span)
            if a < b:
                total[a:b] += power[a - low : b - low]
        return total.astype(np.float32)


@dataclass(frozen=True)
class Pace:
    """How far each iteration goes: `momentum` extrapolates from the last two signals, `over` overshoots the
    target magnitudes, and `window_floor` is the least summed squared window to divide by."""

    momentum: float
    over: float
    window_floor: float


class Projection:
    """Scratch memory and loop for up to `capacity` rows of one grid.

    Thread: one at a time. Realtime-safe: no locks, no logging; the FFT allocates its results.
    """

    def __init__(self, grid: Grid, pace: Pace, capacity: int) -> None:
        self.grid = grid
        self._momentum = np.float32(pace.momentum)
        self._over = np.float32(pace.over)
        self._window = stft.window(grid.n_fft)
        self._trial = np.zeros((capacity, grid.span), dtype=np.float32)
        self._frames = np.zeros((capacity, grid.frames, grid.n_fft), dtype=np.float32)
        self._ratio = np.zeros((capacity, grid.frames, grid.bins), dtype=np.float32)

    def run(
        self,
        now: Float32,
        before: Float32,
        targets: Float32,
        tails: Float32,
        gain: Float32,
        fixed: int,
        iterations: int,
        phases: Complex64 | None = None,
    ) -> tuple[Float32, Float32, Float32]:
        """Project the signal on the target magnitudes and back, `iterations` times.

        The projections are those of D. W. Griffin and J. S. Lim (1984), with the momentum of N. Perraudin,
        P. Balazs and P. L. Søndergaard (2013), here taken on the signal: the transform is linear, so that
        is the same and cheaper. Where the running spectrum is zero its phase is that of an impulse in the
        middle of the frame: without it silence could never end, 0/0 being 0.

        `now`, `before`: (n, span) the signal and the one before it; both are overwritten. `targets`:
        (n, frames, bins), raw FFT magnitudes. `tails`: (n, n_fft - hop) windowed sum of earlier frames, which
        stay as they are. `gain`: (span,) or (n, span), inverse of the summed squared windows. `fixed`: so
        many first samples keep their value. `phases`: (n, frames, bins) unit phases for the first iteration.
        Returns the signal, the one before it, and the windowed frames (n, frames, n_fft) that made it.
        """
        n, grid = len(now), self.grid
        hop, size, tail = grid.hop, grid.n_fft, tails.shape[1]
        trial, frames, ratio = self._trial[:n], self._frames[:n], self._ratio[:n]
        row, sample = trial.strides
        view = np.lib.stride_tricks.as_strided(trial, frames.shape, (row, hop * sample, sample))
        aims = targets * (1 + self._over)
        excess = (targets > 0) * self._over
        pieces = frames
        for _ in range(iterations):
            if phases is not None:
                spectrum, phases = phases * targets, None
            else:
                np.subtract(now, before, out=trial)
                np.multiply(trial, self._momentum, out=trial)
                np.add(trial, now, out=trial)
                np.multiply(view, self._window, out=frames)
                frames[:, :, size // 2] += _SPARK
                spectrum = fft.rfft(frames, axis=-1)
                np.abs(spectrum, out=ratio)
                np.add(ratio, _TINY, out=ratio)
                np.divide(aims, ratio, out=ratio)
                np.subtract(ratio, excess, out=ratio)
                np.multiply(spectrum, ratio, out=spectrum)
            pieces = fft.irfft(spectrum, n=size, axis=-1, overwrite_x=True)
            np.multiply(pieces, self._window, out=pieces)
            now, before = before, now
            now[:, :size] = pieces[:, 0]
            now[:, size:] = 0.0
            for k in range(1, grid.frames):
                now[:, k * hop : k * hop + size] += pieces[:, k]
            now[:, fixed:tail] += tails[:, fixed:]
            np.multiply(now, gain, out=now)
            now[:, :fixed] = before[:, :fixed]
        return now, before, pieces
