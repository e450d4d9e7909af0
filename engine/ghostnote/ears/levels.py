"""How loud it is now: peak and RMS of both channels, and the level in bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.features.stft import window

Float32 = NDArray[np.float32]

EDGES_HZ = (20.0, 100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 20000.0)
"""Borders of the bands."""
BANDS = len(EDGES_HZ) - 1
_N_FFT = 1024


class Levels:
    """Takes blocks (n, channels) of a stream and tells, whenever asked, what came in since it was asked last.

    A full-scale sine has peak 1, RMS 0.71, and 0.71 in its band. Thread: one.
    """

    def __init__(self, rate: int) -> None:
        hz = fft.rfftfreq(_N_FFT, 1.0 / rate)
        which = np.digitize(hz, EDGES_HZ) - 1
        self._member = np.stack([which == k for k in range(BANDS)]).astype(np.float32)
        self._window = window(_N_FFT)
        self._scale = 2.0 / (float(np.square(self._window).sum()) * _N_FFT)
        self._last = np.zeros(_N_FFT, dtype=np.float32)
        self._peak = np.zeros(2, dtype=np.float32)
        self._power = np.zeros(2)
        self._frames = 0

    def take(self, block: Float32) -> None:
        """What came in: the first two channels count, one counts for both."""
        sides = np.nan_to_num(block[:, :2], posinf=0.0, neginf=0.0)
        if not len(sides):
            return
        self._peak = np.maximum(self._peak, np.abs(sides).max(axis=0))
        self._power = self._power + np.square(sides, dtype=np.float64).sum(axis=0)
        self._frames += len(sides)
        tail = sides[-_N_FFT:].mean(axis=1)
        self._last[: -len(tail)] = self._last[len(tail) :]
        self._last[-len(tail) :] = tail

    def silence(self) -> None:
        """Forget what came in."""
        self._peak, self._power, self._frames = np.zeros(2, dtype=np.float32), np.zeros(2), 0
        self._last[:] = 0.0

    def read(self) -> tuple[Float32, Float32, Float32]:
        """Peaks (2,), RMS (2,) and levels in bands (`BANDS`,) since the last call, from 0 to about 1."""
        rms = np.sqrt(self._power / max(1, self._frames)).astype(np.float32)
        peak = self._peak
        power = np.square(np.abs(fft.rfft(self._last * self._window))) * self._scale
        bands = np.sqrt(self._member @ power.astype(np.float32))
        self._peak, self._power, self._frames = np.zeros_like(peak), np.zeros(2), 0
        return peak, rms, np.asarray(bands, dtype=np.float32)
