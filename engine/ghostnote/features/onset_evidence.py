"""What each band of a signal that comes in says about whether a sound begins now, frame by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.onset_bands import Bands

Float32 = NDArray[np.float32]

WINDOW_S = 0.0232
HOP_S = 0.004
"""Windows and frames of what is judged live."""
FEATURES = 8
"""Numbers that each band says in a frame."""

_GAP_S = 0.016
_SHORT_S, _LONG_S = 0.040, 0.120
"""The level now is held against what ended `_GAP_S` ago: so much of it, and so much."""
_STEP_S = 0.006
_FLOOR_RISE_DB_S = 6.0
_FLOOR_SMOOTH_S = 0.05
_RESTLESS_S = 1.0
"""How long a band that rose is remembered to be one that rises."""
_RESTLESS_AFTER_S = 0.060
"""A rise counts for that only later, so that an onset does not speak against itself."""
_OCTAVES = 4.0
_MIDDLE_HZ = 800.0


class Evidence:
    """Levels of the bands of one signal, and what they lately were.

    Each band's power is taken over a noise floor that falls at once and rises by 6 dB a second, and never
    below `least` (1 = full scale). One frame after the other; allocates small arrays.
    """

    def __init__(self, bands: Bands, least: float) -> None:
        frames = bands.rate / bands.hop
        self._gap = max(1, round(_GAP_S * frames))
        self._short = max(1, round(_SHORT_S * frames))
        self._step = max(1, round(_STEP_S * frames))
        self._after = max(1, round(_RESTLESS_AFTER_S * frames))
        self._least = np.float32(least)
        quiet_db = np.float32(10.0 * np.log10(least))
        rows = max(self._gap + max(self._short, round(_LONG_S * frames)), self._after)
        self._levels = np.full((rows, bands.count), quiet_db, dtype=np.float32)
        self._rises = np.zeros((self._after, bands.count), dtype=np.float32)
        self._restless = np.zeros(bands.count, dtype=np.float32)
        self._decay = np.float32(np.exp(-1.0 / (_RESTLESS_S * frames)))
        self._floor = np.full(bands.count, self._least, dtype=np.float32)
        self._smooth = self._floor.copy()
        self._share = np.float32(min(1.0, 1.0 / (_FLOOR_SMOOTH_S * frames)))
        self._up = np.float32(10.0 ** (_FLOOR_RISE_DB_S / frames / 10.0))
        self._per_spread = 1.0 / bands.spread_db
        middle = np.sqrt(bands.edges[:-1] * bands.edges[1:].astype(np.float64)) * bands.rate / bands.n_fft
        self._out = np.zeros((bands.count, FEATURES), dtype=np.float32)
        self._out[:, 7] = np.log2(middle / _MIDDLE_HZ) / _OCTAVES
        self._around = np.empty(bands.count, dtype=np.float32)
        self._frame = 0

    def step(self, power: Float32) -> Float32:
        """Take the power in each band (bands,) of the next frame; what each says, shape (bands, FEATURES).

        In order: how far the level stands above the loudest that the band and its neighbours were in 40 ms,
        the band in 120 ms, the mean of the 40 ms, and what it was 6 ms ago, all in standard deviations of
        noise; how far below the loudest band it is, how far above its floor; how much it rose in the last
        second; where it lies. The result is overwritten by the next call.
        """
        self._track(power)
        levels = self._levels
        levels[:-1] = levels[1:]
        now = levels[-1]
        np.log10(power + self._floor, out=now)
        now *= np.float32(10.0)
        stop = len(levels) - self._gap
        recent = levels[stop - self._short : stop]
        own = recent.max(axis=0)
        around = self._around
        around[:] = own
        np.maximum(around[1:], own[:-1], out=around[1:])
        np.maximum(around[:-1], own[1:], out=around[:-1])
        out = self._out
        out[:, 0] = now - around
        out[:, 1] = now - levels[:stop].max(axis=0)
        out[:, 2] = now - recent.mean(axis=0)
        out[:, 3] = now - levels[-1 - self._step]
        out[:, :4] *= self._per_spread[:, np.newaxis]
        np.clip(out[:, :4], -3.0, 6.0, out=out[:, :4])
        out[:, 4] = (now - now.max()) / np.float32(20.0)
        out[:, 5] = (now - np.float32(10.0) * np.log10(self._floor)) / np.float32(20.0)
        np.clip(out[:, 4:6], -3.0, 3.0, out=out[:, 4:6])
        self._restless *= self._decay
        np.maximum(self._restless, self._rises[self._frame % self._after], out=self._restless)
        self._rises[self._frame % self._after] = out[:, 0]
        out[:, 6] = self._restless
        self._frame += 1
        return out

    def _track(self, power: Float32) -> None:
        """Follow the noise floor: down at once, up slowly."""
        self._smooth += self._share * (power - self._smooth)
        np.minimum(self._smooth, self._floor * self._up, out=self._floor)
        np.maximum(self._floor, self._least, out=self._floor)
