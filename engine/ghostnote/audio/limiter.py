"""A look-ahead peak limiter in closed form over blocks: no loop over samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

RELEASE_S = 0.06
MAX_FRAMES = 1024
_FLUSH = 1e-9


class Limiter:
    """Keeps every frame's peak at or below `ceiling`, all channels by the same gain.

    Gain: the smallest gain needed within the look-ahead, released exponentially towards 1, then smoothed
    by a window as long as the look-ahead. A minimum over `d + 1` frames smoothed over `d + 1` frames never
    exceeds what the frame in the middle of both needs, so nothing overshoots (the scheme of Hämäläinen,
    "Smoothing of the control signal without clipped output in digital peak limiters", DAFx 2002). The release
    is a running maximum of (1 - gain) under an exponential, which `maximum.accumulate` gives at once.
    While no frame needs a gain below 1 the sound is delayed only, bit for bit.

    Thread: render thread. Realtime-safe: yes.
    """

    def __init__(self, rate: int, channels: int, ceiling: float, lookahead_ms: float) -> None:
        self._ceiling = ceiling
        self.delay_frames = max(1, round(lookahead_ms * 1e-3 * rate))
        taps = self.delay_frames + 1
        bell = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(taps) + 1.0) / (taps + 1))
        self._bell: Float64 = bell / bell.sum()
        decay = math.exp(-1.0 / (RELEASE_S * rate))
        steps = np.arange(MAX_FRAMES + 1, dtype=np.float64)
        self._rise = decay**-steps
        self._fall = decay**steps
        self._late = np.zeros((self.delay_frames, channels))
        self._needed = np.zeros(self.delay_frames)
        self._released = np.zeros(self.delay_frames)
        self._reduction = 0.0
        self._idle = True

    @property
    def reduction_db(self) -> float:
        """By how much it turned down at most in the last block, in dB ≥ 0 (120 at most)."""
        return -20.0 * math.log10(max(1.0 - self._reduction, 1e-6))

    def reset(self) -> None:
        """Forget everything: the next output is silence for the length of the look-ahead."""
        self._late[:] = 0.0
        self._needed[:] = 0.0
        self._released[:] = 0.0
        self._reduction = 0.0
        self._idle = True

    def process(self, sound: Float64, bad: NDArray[np.bool_] | None = None) -> Float64:
        """Limited sound, `delay_frames` later; `sound`: shape (n ≤ 1024, channels), finite.

        `bad`: frames, shape (n,), that must be silent; the gain fades to 0 before them and back after.
        """
        n, delay = len(sound), self.delay_frames
        lined = np.concatenate([self._late, sound])
        self._late[:] = lined[n:]
        delayed = lined[:n]
        peaks = np.abs(sound).max(axis=1)
        if self._idle and bad is None and (n == 0 or float(peaks.max()) <= self._ceiling):
            return delayed
        self._idle = False
        cut = 1.0 - self._ceiling / np.maximum(peaks, self._ceiling)
        if bad is not None:
            cut[bad] = 1.0
        needed = np.concatenate([self._needed, cut])
        self._needed[:] = needed[n:]
        held = _sliding_max(needed, delay + 1)
        scaled = held * self._rise[1 : n + 1]
        scaled[0] = max(scaled[0], self._released[-1])
        released = np.maximum.accumulate(scaled) * self._fall[1 : n + 1]
        curve = np.concatenate([self._released, released])
        self._released[:] = curve[n:]
        smooth = np.convolve(curve, self._bell, mode="valid")
        self._reduction = float(smooth.max())
        if self._released.max() < _FLUSH and not self._needed.any():
            self.reset_gain()
        return np.asarray(delayed * (1.0 - smooth)[:, None])

    def reset_gain(self) -> None:
        """The gain is 1 again: go on with delaying only."""
        self._released[:] = 0.0
        self._reduction = 0.0
        self._idle = True


def _sliding_max(values: Float64, width: int) -> Float64:
    """Maximum over each run of `width` values, shape (len - width + 1,), by doubling."""
    reach = 1
    while 2 * reach <= width:
        values = np.maximum(values[reach:], values[:-reach])
        reach *= 2
    rest = width - reach
    return np.maximum(values[rest:], values[:-rest]) if rest else values
