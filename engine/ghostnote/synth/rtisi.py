"""Windowed magnitude projection with momentum: the inner loop of the streaming phase reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.features import stft

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]

Rows = NDArray[np.intp]

_SPARK = np.float32(4e-9)
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
    """How far an iteration goes.

    `momentum` extrapolates from the last two signals, `over` overshoots the projection; both have a value
    for the oldest and one for the newest hop that may change, and are linear between. `window_floor` is the
    least summed squared window to divide by. Frames before `oldest` stay as the iteration before left them.
    """

    momentum: tuple[float, float]
    over: tuple[float, float]
    window_floor: float
    oldest: int = 0


@dataclass(frozen=True)
class _Iteration:
    """A pace laid out over the samples that may change: momentum, over (free,), gain (ages, free)."""

    oldest: int
    momentum: Float32
    over: Float32
    gain: Float32


class Projection:
    """Scratch memory and loop for up to `capacity` rows of one grid.

    Thread: one at a time. Realtime-safe: no locks, no logging; the FFT allocates its results.
    """

    def __init__(self, grid: Grid, fixed: int, paces: Sequence[Pace], powers: Float32, capacity: int) -> None:
        """Prepare iterations at `paces` that leave the first `fixed` samples as they are.

        `powers`: (ages, span) sums of the squared windows of the frames that exist, by a row's age.
        """
        self.grid = grid
        self._fixed = fixed
        self._window = stft.window(grid.n_fft)
        self._scaled = self._window * np.float32(stft.magnitude_scale(grid.n_fft))
        self._trial = np.zeros((capacity, grid.span), dtype=np.float32)
        self._free = np.zeros((capacity, grid.span - fixed), dtype=np.float32)
        self._frames = np.zeros((capacity * grid.frames, grid.n_fft), dtype=np.float32)
        self._pieces = np.zeros((capacity, grid.frames, grid.n_fft), dtype=np.float32)
        self._ratio = np.zeros((capacity * grid.frames, grid.bins), dtype=np.float32)
        made = {pace: self._lay_out(pace, powers) for pace in paces}
        self._iterations = [made[pace] for pace in paces]

    def _lay_out(self, pace: Pace, powers: Float32) -> _Iteration:
        grid = self.grid
        at = np.arange(self._fixed, grid.span) / grid.hop - 0.5
        ends = (self._fixed / grid.hop, grid.span / grid.hop - 1.0)
        over = np.interp(at, ends, pace.over)
        power = np.maximum(powers[:, self._fixed :], pace.window_floor) * stft.magnitude_scale(grid.n_fft)
        return _Iteration(
            pace.oldest,
            np.interp(at, ends, pace.momentum).astype(np.float32),
            over.astype(np.float32),
            ((1.0 + over) / power).astype(np.float32),
        )

    def run(
        self,
        given: Float32,
        now: Float32,
        before: Float32,
        targets: Float32,
        tails: Float32,
        ages: int | Rows,
        which: slice = slice(None),
        phases: Complex64 | None = None,
    ) -> tuple[Float32, Float32, Float32]:
        """Project the signal on the target magnitudes and back, once for each iteration in `which`.

        The projections are those of D. W. Griffin and J. S. Lim (1984), accelerated as by N. Perraudin,
        P. Balazs and P. L. Søndergaard (2013) and, with overshoot, by R. Nenov, D.-K. Nguyen and P. Balazs
        (2023); here on the signal: the transform is linear, so that is the same and cheaper. Where the
        running spectrum is zero its phase is that of an impulse in the middle of the frame: without it
        silence could never end, 0/0 being 0.

        `given`: (n, fixed) samples that stay. `now`, `before`: (n, free) the samples after them and the ones
        of an iteration before; both are overwritten. `targets`: (n, frames, bins), linear magnitudes.
        `tails`: (n, n_fft - hop) windowed sum of earlier frames, which stay as they are. `ages`: (n,) of the
        rows, or one for all. `phases`: (n, frames, bins) unit phases for the first iteration. Returns the
        samples, the ones before, and the windowed frames (n, frames, n_fft) that made them, which are scratch
        memory and hold until the next call.
        """
        n, fixed, size = len(now), self._fixed, self.grid.n_fft
        trial, free = self._trial[:n], self._free[:n]
        row, sample = trial.strides
        strides = (row, self.grid.hop * sample, sample)
        view = np.lib.stride_tricks.as_strided(trial, (n, self.grid.frames, size), strides)
        trial[:, :fixed] = given
        pieces = self._pieces[:n]
        for i, iteration in enumerate(self._iterations[which]):
            oldest = iteration.oldest
            wanted = targets[:, oldest:]
            if phases is not None:
                spectrum, phases = phases * wanted, None
                free[:] = 0.0
            else:
                count = self.grid.frames - oldest
                frames = self._frames[: n * count].reshape(n, count, size)
                ratio = self._ratio[: n * count].reshape(n, count, -1)
                np.subtract(now, before, out=free)
                np.multiply(free, iteration.momentum, out=free)
                np.add(free, now, out=free)
                trial[:, fixed:] = free
                np.multiply(view[:, oldest:], self._scaled, out=frames)
                if i == 0:
                    frames[:, :, size // 2] += _SPARK
                spectrum = fft.rfft(frames, axis=-1)
                np.abs(spectrum, out=ratio)
                np.add(ratio, _TINY, out=ratio)
                np.divide(wanted, ratio, out=ratio)
                np.multiply(spectrum, ratio, out=spectrum)
            changed = fft.irfft(spectrum, n=size, axis=-1, overwrite_x=True)
            np.multiply(changed, self._window, out=pieces[:, oldest:])
            now, before = before, now
            self._overlap_add(pieces, tails, now)
            np.multiply(now, iteration.gain[ages], out=now)
            np.multiply(free, iteration.over, out=free)
            np.subtract(now, free, out=now)
        return now, before, pieces

    def _overlap_add(self, pieces: Float32, tails: Float32, out: Float32) -> None:
        """Sum of windowed frames and tails where samples are free; what one frame alone reaches is copied."""
        hop, fixed, tail = self.grid.hop, self._fixed, tails.shape[1]
        np.add(pieces[:, 0, fixed:tail], tails[:, fixed:], out=out[:, : tail - fixed])
        out[:, tail - fixed : tail - fixed + hop] = pieces[:, 0, tail:]
        for k in range(1, self.grid.frames):
            first, last = max(k * hop - fixed, 0), k * hop + tail - fixed
            shared = out[:, first:last]
            np.add(shared, pieces[:, k, tail - (last - first) : tail], out=shared)
            out[:, last : last + hop] = pieces[:, k, tail:]
