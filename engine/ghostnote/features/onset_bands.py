"""How strongly the bands of the short-time spectrum rise from one moment to the next, for onsets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 384_000

_HANN_OVERLAP = (4.0 / 9.0, 1.0 / 36.0)
"""Correlation of powers of Hann-windowed noise one and two bins apart."""
_OWN_SPREAD_DB = 1.5
"""How much levels of sounds that do not begin vary beyond Gaussian noise."""


@dataclass(frozen=True)
class Bands:
    """Geometry of the bands: windows of `window_s` every `hop_s`, bands of a fraction of an octave.

    Frame k is centred on sample `k * hop`. Bands do not overlap and hold at least one bin each.
    """

    rate: int
    window_s: float = 0.0348
    hop_s: float = 0.005
    lowest_hz: float = 40.0
    highest_hz: float = 16_000.0
    per_octave: float = 3.0

    @cached_property
    def hop(self) -> int:
        """Samples from one frame to the next, at most `hop_s`."""
        return max(1, int(self.rate * self.hop_s))

    @cached_property
    def n_fft(self) -> int:
        """Samples in a window, even."""
        return int(fft.next_fast_len(max(16, round(self.rate * self.window_s)), real=True) + 1) // 2 * 2

    @cached_property
    def window(self) -> Float32:
        """Periodic Hann window, scaled so that a full-scale sine has magnitude 1 at its bin."""
        hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(self.n_fft) / self.n_fft)
        return np.asarray(2.0 * hann / hann.sum(), dtype=np.float32)

    @cached_property
    def edges(self) -> Int64:
        """First bin of each band, and one past the last bin, shape (bands + 1,)."""
        highest = min(self.highest_hz, 0.45 * self.rate)
        lowest = min(self.lowest_hz, highest / 4.0)
        count = max(1, round(self.per_octave * np.log2(highest / lowest)))
        hz = np.geomspace(lowest, highest, count + 1)
        bins = np.clip(np.round(hz * self.n_fft / self.rate), 1, self.n_fft // 2 + 1)
        return np.unique(bins.astype(np.int64))

    @cached_property
    def count(self) -> int:
        """Number of bands."""
        return len(self.edges) - 1

    @cached_property
    def spread_db(self) -> Float32:
        """Standard deviation in dB of each band's level in steady noise, shape (bands,)."""
        bins = np.diff(self.edges).astype(np.float64)
        pairs = sum(2.0 * c * np.maximum(bins - k, 0.0) for k, c in enumerate(_HANN_OVERLAP, start=1))
        freedom = bins**2 / (bins + pairs)
        noise_db = 10.0 / np.log(10.0) * np.sqrt(1.0 / freedom + 0.5 / freedom**2 + 1.0 / (6.0 * freedom**3))
        return np.asarray(np.sqrt(noise_db**2 + _OWN_SPREAD_DB**2), dtype=np.float32)

    def powers(self, frames: Float32) -> Float32:
        """Power in each band of frames (k, n_fft) that are not windowed yet; shape (k, bands).

        A full-scale sine has power 1 in its band.
        """
        spectrum = fft.rfft(frames * self.window, axis=-1)
        power = spectrum.real**2 + spectrum.imag**2
        inside = power[:, self.edges[0] : self.edges[-1]]
        return np.asarray(np.add.reduceat(inside, self.edges[:-1] - self.edges[0], axis=-1), np.float32)


@dataclass(frozen=True)
class Rise:
    """How the level now is held against what was: the loudest of `reference` frames, `gap` frames ago.

    In standard deviations, `knee` is taken off what each band says, and `cap` limits it.
    """

    gap: int = 4
    reference: int = 8
    knee: float = 0.5
    cap: float = 6.0

    @property
    def history(self) -> int:
        """Frames before the present one that are looked at."""
        return self.gap + self.reference - 1

    def strength(self, levels_db: Float32, spread_db: Float32) -> Float32:
        """Onset strength of frames, after SuperFlux (Böck & Widmer, DAFx 2013).

        `levels_db`: (history + k, bands), the first `history` frames only being looked back at. Returns (k,):
        the quadratic mean over bands of how many standard deviations a band's level stands above the loudest
        that it and its neighbours lately were. Steady noise stays near 0, however loud; so do decays and
        vibrato. Squares make few bands that rise much count as many that rise a little.
        """
        windows = np.lib.stride_tricks.sliding_window_view(levels_db, self.reference, axis=0)
        count = len(levels_db) - self.history
        own = windows[:count].max(axis=-1)
        before = own.copy()
        before[:, 1:-1] = np.maximum(own[:, 1:-1], np.maximum(own[:, :-2], own[:, 2:]))
        rise = np.clip((levels_db[self.history :] - before) / spread_db - self.knee, 0.0, self.cap)
        return np.asarray(np.sqrt(np.square(rise).mean(axis=-1)), dtype=np.float32)
