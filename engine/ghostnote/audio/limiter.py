"""A look-ahead peak limiter in closed form over blocks: no loop over samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RELEASE_S = 0.06
MAX_FRAMES = 1024
_FLUSH = 1e-7
"""What is turned down by less than this (-140 dB) is not turned down any more."""


class Limiter:
    """Keeps every frame's peak at or below `ceiling`, all channels by the same gain.

    Gain: the smallest gain needed within the look-ahead, released exponentially towards 1, then smoothed
    by a window as long as the look-ahead. A minimum over `d + 1` frames smoothed over `d + 1` frames never
    exceeds what the frame in the middle of both needs, so nothing overshoots (the scheme of Hämäläinen,
    "Smoothing of the control signal without clipped output in digital peak limiters", DAFx 2002). The release
    is a running maximum of (1 - gain) under an exponential, which `maximum.accumulate` gives at once.
    While no frame needs a gain below 1 the sound is delayed only, bit for bit; while the gain comes back,
    the smoothed exponential is an exponential again.

    Thread: render thread. Realtime-safe: yes.
    """

    def __init__(self, rate: int, channels: int, ceiling: float, lookahead_ms: float) -> None:
        self.ceiling = ceiling
        self.delay_frames = max(1, round(lookahead_ms * 1e-3 * rate))
        taps = self.delay_frames + 1
        bell = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(taps) + 1.0) / (taps + 1))
        self._bell: Float64 = bell / bell.sum() * (1.0 + 1e-9)
        """Symmetric: correlating is convolving. Its sum is above 1, so that a gain of 0 is exactly 0."""
        decay = math.exp(-1.0 / (RELEASE_S * rate))
        steps = np.arange(MAX_FRAMES + 1, dtype=np.float64)
        self._rise = decay**-steps
        self._fall = decay**steps
        self._lag = float(self._bell @ decay ** -np.arange(taps, dtype=np.float64))
        """How far the smoothed gain is behind while it comes back."""
        self._late = np.zeros((channels, self.delay_frames), dtype=np.float32)
        self._needed = np.zeros(self.delay_frames)
        self._released = np.zeros(self.delay_frames)
        self._reduction = 0.0
        self._calm_frames = 0
        """Frames since the last one that needed a gain below 1."""
        self.idle = True
        """Whether no frame that is still to come out needs a gain below 1."""

    @property
    def reduction_db(self) -> float:
        """By how much it turned down at most in the last block, in dB ≥ 0 (120 at most)."""
        return -20.0 * math.log10(max(1.0 - self._reduction, 1e-6))

    def reset(self) -> None:
        """Forget everything: the next output is silence for the length of the look-ahead."""
        self._late[:] = 0.0
        self._needed[:] = 0.0
        self.reset_gain()

    def reset_gain(self) -> None:
        """The gain is 1 again: go on with delaying only."""
        self._released[:] = 0.0
        self._reduction = 0.0
        self.idle = True

    def delay(self, sound: Float32, out: Float32) -> None:
        """`out` = the sound `delay_frames` ago; both of shape (channels, n), not the same memory."""
        late, delay, n = self._late, self.delay_frames, sound.shape[1]
        if n < delay:
            out[:] = late[:, :n]
            late[:, : delay - n] = late[:, n:]
            late[:, delay - n :] = sound
        else:
            out[:, :delay] = late
            out[:, delay:] = sound[:, : n - delay]
            late[:] = sound[:, n - delay :]

    def process(self, sound: Float32, out: Float32, bad: NDArray[np.bool_] | None = None) -> None:
        """`out` = limited sound, `delay_frames` later; `sound`: shape (channels, n ≤ 1024), finite.

        `bad`: frames, shape (n,), that must be silent; the gain fades to 0 before them and back after.
        """
        n = sound.shape[1]
        if not n:
            return
        peaks = np.maximum.reduce(np.abs(sound), axis=0)
        calm = bad is None and peaks.item(peaks.argmax()) <= self.ceiling
        if self.idle and calm:
            self.delay(sound, out)
            return
        self.idle = False
        if calm and self._calm_frames > 2 * self.delay_frames:
            smooth = self._come_back(n)
        else:
            smooth = self._turn_down(peaks, bad)
        self._calm_frames = self._calm_frames + n if calm else 0
        self._reduction = smooth.item(smooth.argmax())
        self.delay(sound, out)
        np.multiply(out, np.maximum(1.0 - smooth, 0.0), out=out, casting="same_kind")
        if self._released[0] < _FLUSH and not self._needed.any():
            self.reset_gain()

    def _come_back(self, n: int) -> Float64:
        """The reduction while nothing needs any: an exponential."""
        last = float(self._released[-1])
        released = last * self._fall[1 : n + 1]
        self._released[:] = last * self._fall[n] * self._rise[self.delay_frames - 1 :: -1]
        return self._lag * released

    def _turn_down(self, peaks: Float32, bad: NDArray[np.bool_] | None) -> Float64:
        """The reduction, 1 - gain, for each frame that comes out, shape (n,)."""
        n = len(peaks)
        cut = 1.0 - self.ceiling / np.maximum(peaks, self.ceiling, dtype=np.float64)
        if bad is not None:
            cut[bad] = 1.0
        needed = np.concatenate([self._needed, cut])
        self._needed[:] = needed[n:]
        scaled = _sliding_max(needed, self.delay_frames + 1)
        scaled *= self._rise[1 : n + 1]
        scaled[0] = max(scaled[0], self._released[-1])
        np.maximum.accumulate(scaled, out=scaled)
        scaled *= self._fall[1 : n + 1]
        curve = np.concatenate([self._released, scaled])
        self._released[:] = curve[n:]
        return np.correlate(curve, self._bell, mode="valid")


def _sliding_max(values: Float64, width: int) -> Float64:
    """Maximum over each run of `width` values, shape (len - width + 1,), by doubling."""
    reach = 1
    while 2 * reach <= width:
        values = np.maximum(values[reach:], values[:-reach])
        reach *= 2
    rest = width - reach
    return np.maximum(values[rest:], values[:-rest]) if rest else values
