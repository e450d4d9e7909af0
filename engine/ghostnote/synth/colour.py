"""What changes the colour of frames and not their pitch: a tilt of the spectrum, a shift of its envelope."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

PIVOT_HZ = 1000.0
MOST_BOOST_DB = 12.0
"""A tilt raises nothing by more; without a limit, 12 dB an octave would be 52 dB at the bottom of a kick."""
_LOWEST_HZ = 20.0
_NEPERS = np.float32(np.log(10.0) / 20.0)
_ENVELOPE_STEP = 6
_FLOOR = 1e-6
_MOST_MOVE_DB = 36.0


class Colour:
    """Gains for frames of magnitudes. Thread: render. Realtime-safe: no locks; allocates its results."""

    def __init__(self, spec: FeatureSpec) -> None:
        self._bins = spec.bins
        hertz = np.arange(spec.bins) * (spec.sample_rate / spec.n_fft)
        self._octaves = np.log2(np.maximum(hertz, _LOWEST_HZ) / PIVOT_HZ).astype(np.float32)
        # The envelope: power under overlapping triangles, as wide as the partials of a voice are apart.
        self._points = np.arange(0, spec.bins + _ENVELOPE_STEP, _ENVELOPE_STEP, dtype=np.float64)
        rows = [np.interp(np.arange(spec.bins), self._points, row) for row in np.eye(len(self._points))]
        spread = np.stack(rows).astype(np.float32)
        self._spread = spread
        self._gather = np.ascontiguousarray((spread / spread.sum(axis=1, keepdims=True)).T)

    def tilt(self, db_per_octave: float, ratio: float) -> Float32:
        """Gain of each bin, shape (B,), for a tilt around 1 kHz as it is heard at speed `ratio`."""
        rise = np.float32(db_per_octave) * (self._octaves + np.float32(np.log2(ratio)))
        return np.asarray(np.exp(np.minimum(rise, np.float32(MOST_BOOST_DB)) * _NEPERS))

    def shift(self, frames: Float32, semitones: float) -> None:
        """Move the smoothed envelope of `frames`, shape (count, B), in place; peaks stay where they are."""
        power = np.square(frames) @ self._gather
        envelope = 0.5 * np.log(power + np.float32(_FLOOR**2))
        where = np.minimum(self._points * 2.0 ** (-semitones / 12.0), self._points[-1])
        at = where / _ENVELOPE_STEP
        low = np.minimum(at.astype(np.intp), len(self._points) - 2)
        share = (at - low).astype(np.float32)
        moved = envelope[:, low] * (1.0 - share) + envelope[:, low + 1] * share
        most = np.float32(_MOST_MOVE_DB) * _NEPERS
        np.multiply(frames, np.exp(np.clip(moved - envelope, -most, most) @ self._spread), out=frames)
