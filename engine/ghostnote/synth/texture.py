"""The texture of noise: how the magnitudes of one noise differ from their median, frame by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

_FLOOR_DB = -60.0
_NEXT_ALIKE = 0.35
"""Correlation of a frame with the next one."""


class TextureBank:
    """Log-magnitudes of seeded white noise, median 0, from which each hit takes its own stretch.

    Per-bin medians of noisy sounds are smooth, and smooth magnitudes sound like a comb: real noise has deep
    holes and peaks, alike in neighbouring frames and bins as far as their windows overlap. The texture is
    the spectrum of real noise, so it has exactly those.

    Thread: any, read-only after construction.
    """

    def __init__(self, spec: FeatureSpec, seed: int = 0, seconds: float = 4.0) -> None:
        """Build `seconds` of texture, but at least two sounds long."""
        self._frames = spec.frames
        count = max(int(seconds * spec.sample_rate / spec.hop), 2 * spec.frames)
        edge = -(-spec.n_fft // spec.hop)
        noise = np.random.default_rng(seed).standard_normal((count + 2 * edge) * spec.hop, dtype=np.float32)
        power = np.square(stft.magnitudes(noise, spec, count + 2 * edge)[edge:-edge])
        # The median of a magnitude's square is ln 2 times its mean where the spectrum is complex, and
        # 0.455 times at the real bins 0 and Nyquist; measured here, so that both are right.
        power /= np.median(power[:, 1:-1])
        power[:, [0, -1]] /= np.median(power[:, [0, -1]])
        log = 0.5 * np.log(np.maximum(power, np.float32(10.0 ** (_FLOOR_DB / 10.0))))
        self._log = log.astype(np.float32)
        self._log.flags.writeable = False

    @property
    def offsets(self) -> int:
        """Number of different stretches."""
        return len(self._log) - self._frames + 1

    def take(self, offset: int) -> Float32:
        """Natural log of magnitude over median from frame `offset` (any integer, wraps), shape (F, B).

        A read-only view: nothing is copied.
        """
        start = offset % self.offsets
        return self._log[start : start + self._frames]

    def at(self, frames: NDArray[np.float64]) -> Float32:
        """The same at any frames counted as offsets are, which may lie between two and wrap, shape (n, B)."""
        below = np.floor(frames)
        first = below.astype(np.intp) % len(self._log)
        share = (frames - below).astype(np.float32)[:, None]
        rows = self._log[first]
        if not share.any():
            return rows
        # The mean of two frames is less rough than a frame between them.
        rough = np.sqrt(1.0 - 2.0 * (1.0 - _NEXT_ALIKE) * share * (1.0 - share))
        between = rows * (1.0 - share) + self._log[(first + 1) % len(self._log)] * share
        return np.asarray(between / rough)
