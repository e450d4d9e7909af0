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


class Projection:
    """Scratch memory and loop for up to `capacity` rows of one grid.

    Thread: one at a time. Realtime-safe: no locks, no logging; the FFT allocates its results.
    """

    def __init__(self, grid: Grid, capacity: int) -> None:
        self.grid = grid
        self._window = stft.window(grid.n_fft)
        self._buffers = [np.zeros((capacity, grid.span), dtype=np.float32) for _ in range(4)]
        self._frames = np.zeros((capacity, grid.frames, grid.n_fft), dtype=np.float32)
        self._ratio = np.zeros((capacity, grid.frames, grid.bins), dtype=np.float32)

    def run(
        self,
        estimate: Float32,
        targets: Float32,
        tails: Float32 | None,
        gain: Float32,
        fixed: int,
        iterations: int,
        momentum: float,
        phases: Complex64 | None = None,
    ) -> tuple[Float32, Float32]:
        """Project the signal on the target magnitudes and back, `iterations` times.

        The projections are those of Griffin & Lim (1984). Momentum is that of Perraudin, Balazs &
        Søndergaard (2013), taken on the signal: since the transform is linear it is the same, and cheaper.
        Where the running spectrum is zero its phase is that of an impulse in the middle of the frame:
        without it silence could never end, 0/0 being 0.

        `estimate`: (n, span) signal to start from. `targets`: (n, frames, bins), raw FFT magnitudes.
        `tails`: (n, n_fft - hop) windowed sum of the earlier frames, which stay as they are, or None.
        `gain`: (span,) or (n, span), inverse of the summed squared windows. `fixed`: so many first
        samples of the span keep their value. `phases`: (frames, bins) unit phases to start from instead.
        Returns the signal (n, span) and the windowed frames (n, frames, n_fft) of the last projection;
        the signal is scratch memory, valid until the next call.
        """
        n = len(estimate)
        grid = self.grid
        hop, size = grid.hop, grid.n_fft
        now, before, after, trial = (buffer[:n] for buffer in self._buffers)
        frames, ratio = self._frames[:n], self._ratio[:n]
        row, sample = trial.strides
        view = np.lib.stride_tricks.as_strided(trial, frames.shape, (row, hop * sample, sample))
        pieces = frames
        now[...] = estimate
        for iteration in range(iterations):
            if iteration == 0:
                trial[...] = now
            else:
                np.subtract(now, before, out=trial)
                trial *= np.float32(momentum)
                trial += now
            if iteration == 0 and phases is not None:
                spectrum = phases * targets
            else:
                np.multiply(view, self._window, out=frames)
                frames[:, :, size // 2] += _SPARK
                spectrum = fft.rfft(frames, axis=-1)
                np.abs(spectrum, out=ratio)
                np.maximum(ratio, _TINY, out=ratio)
                np.divide(targets, ratio, out=ratio)
                spectrum *= ratio
            pieces = fft.irfft(spectrum, n=size, axis=-1, overwrite_x=True)
            pieces *= self._window
            after[...] = 0.0
            if tails is not None:
                after[:, : size - hop] = tails
            for k in range(grid.frames):
                after[:, k * hop : k * hop + size] += pieces[:, k]
            after *= gain
            after[:, :fixed] = now[:, :fixed]
            now, before, after = after, now, before
        return now, pieces
