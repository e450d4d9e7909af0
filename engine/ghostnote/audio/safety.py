"""The last stage before the device, always on: finite, below the ceiling, and starting from silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.limiter import Limiter
from ghostnote.units import db_to_gain

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SANE_PEAK = 32.0
"""Input beyond this (+30 dBFS) is a fault: it is held there, so that filters do not ring for seconds."""
DC_HZ = 10.0
RAMP_S = 0.02
START_FADE_S = 0.05
RESUME_FADE_S = 0.005
QUIET = 1e-4
"""After `panic`, input below this (-80 dBFS) counts as silent."""
MAX_FRAMES = 1024
_FLUSH = 1e-20


@dataclass(frozen=True)
class Meters:
    """Level of the output: `peak` falls by 20 dB/s, `rms` over 300 ms (linear); `reduction_db` ≥ 0."""

    peak: float
    rms: float
    reduction_db: float


class SafetyChain:
    """Finite check → DC block → ramped gain → look-ahead limiter → hard ceiling.

    The gain starts at 0 and fades in over 50 ms. Chunking does not matter: the same input in blocks of any
    sizes gives the same output within rounding. Below the ceiling the sound is only delayed, by
    `latency_frames`, and high-passed at 10 Hz.

    Thread: `process` render thread; the others any. Realtime-safe: yes.
    """

    def __init__(self, rate: int, channels: int, ceiling_db: float = -0.3, lookahead_ms: float = 0.5) -> None:
        self._rate = rate
        self._channels = channels
        self._ceiling = np.float32(db_to_gain(ceiling_db))
        self._limiter = Limiter(rate, channels, float(self._ceiling) * (1.0 - 1e-6), lookahead_ms)
        pole = float(np.exp(-2.0 * np.pi * DC_HZ / rate))
        steps = np.arange(MAX_FRAMES + 1, dtype=np.float64)
        self._rise = pole ** -steps[:, None]
        self._fall = pole ** steps[:, None]
        self._dc_in = np.zeros((1, channels))
        self._dc_out = np.zeros((1, channels))
        self._from = self._target = 0.0
        self._step, self._steps = 0, 1
        self._muted = False
        self._panics = 0
        self._seen_panics = 0
        self._resume = False
        self._wanted = 1.0
        self._heard = 1.0
        self._peak = self._power = 0.0
        self._faults = 0
        self._ramp_to(1.0, START_FADE_S)

    @property
    def latency_frames(self) -> int:
        """Delay of the sound, which is the limiter's look-ahead."""
        return self._limiter.delay_frames

    @property
    def faults(self) -> int:
        """How many frames came in that were not finite or far beyond full scale."""
        return self._faults

    @property
    def reduction_db(self) -> float:
        """By how much the limiter turns down now, in dB ≥ 0."""
        return self._limiter.reduction_db

    @property
    def meters(self) -> Meters:
        """Level of what goes to the device."""
        return Meters(self._peak, self._power**0.5, self.reduction_db)

    def set_gain(self, gain: float) -> None:
        """Master gain, linear ≥ 0 (not finite: ignored); reached over 20 ms."""
        if np.isfinite(gain) and gain >= 0.0:
            self._wanted = float(gain)

    def panic(self) -> None:
        """Silence from the next block on, until the input was silent for a block or `resume` is called."""
        self._panics += 1

    def resume(self) -> None:
        """End of `panic` even though the input is not silent; fades in over 5 ms."""
        self._resume = True

    def process(self, block: Float32) -> Float32:
        """Make `block`, shape (n, channels) float32, safe in place and return it."""
        for start in range(0, len(block), MAX_FRAMES):
            part = block[start : start + MAX_FRAMES]
            if self._must_mute(part):
                part[:] = 0.0
            else:
                self._process(part)
            self._measure(part)
        return block

    def _process(self, part: Float32) -> None:
        sound, bad = self._finite(part)
        sound = self._block_dc(sound)
        sound *= self._gains(len(part))
        limited = self._limiter.process(sound, bad)
        np.clip(limited, -self._ceiling, self._ceiling, out=part, casting="same_kind")
        if not np.isfinite(part.sum()):
            part[:] = 0.0
            self._faults += len(part)

    def _must_mute(self, part: Float32) -> bool:
        """Follow `panic` and `resume`; whether this part stays silent."""
        if self._panics != self._seen_panics:
            self._seen_panics = self._panics
            self._muted, self._resume = True, False
            self._limiter.reset()
            self._dc_in[:] = 0.0
            self._dc_out[:] = 0.0
            self._heard = -1.0
            self._ramp_to(0.0, 0.0)
        if not self._muted:
            return False
        if self._resume:
            self._muted = False
            return False
        if len(part) and float(np.abs(part).max()) < QUIET:
            self._muted = False
        return True

    def _finite(self, part: Float32) -> tuple[Float64, NDArray[np.bool_] | None]:
        """`part` in double precision with bad frames at 0 or held, and which frames were not finite."""
        peak = float(np.abs(part).max()) if part.size else 0.0
        sound = part.astype(np.float64)
        if peak <= SANE_PEAK:
            return sound, None
        finite = np.isfinite(sound)
        bad: NDArray[np.bool_] = np.logical_not(finite.all(axis=1))
        sound[~finite] = 0.0
        self._faults += int((bad | (np.abs(sound) > SANE_PEAK).any(axis=1)).sum())
        np.clip(sound, -SANE_PEAK, SANE_PEAK, out=sound)
        return sound, bad

    def _block_dc(self, sound: Float64) -> Float64:
        """y[n] = x[n] - x[n-1] + p·y[n-1], solved for a whole block: y[n] = pⁿ·Σ (x[k] - x[k-1])·p⁻ᵏ."""
        n = len(sound)
        steps = np.empty_like(sound)
        steps[0] = sound[0] - self._dc_in[0]
        np.subtract(sound[1:], sound[:-1], out=steps[1:])
        self._dc_in[0] = sound[-1]
        steps *= self._rise[1 : n + 1]
        np.cumsum(steps, axis=0, out=steps)
        steps += self._dc_out
        steps *= self._fall[1 : n + 1]
        self._dc_out[0] = steps[-1]
        self._dc_out[np.abs(self._dc_out) < _FLUSH] = 0.0
        return steps

    def _gains(self, frames: int) -> Float64 | float:
        """Master gain for each of the next `frames`, shape (frames, 1), or one number when it rests."""
        if self._wanted != self._heard:
            fade = RESUME_FADE_S if self._heard < 0.0 else RAMP_S
            self._heard = self._wanted
            self._ramp_to(self._wanted, fade if self._steps_left == 0 else max(fade, self._left_s))
        if self._step >= self._steps:
            return self._target
        steps = np.arange(self._step, self._step + frames, dtype=np.float64)
        self._step += frames
        share = np.minimum(steps / self._steps, 1.0)
        return np.asarray(self._from + (self._target - self._from) * share)[:, None]

    @property
    def _steps_left(self) -> int:
        return max(0, self._steps - self._step)

    @property
    def _left_s(self) -> float:
        return self._steps_left / self._rate

    def _ramp_to(self, gain: float, seconds: float) -> None:
        share = min(1.0, self._step / self._steps)
        self._from += (self._target - self._from) * share
        self._target = gain
        self._step, self._steps = 0, max(1, round(seconds * self._rate))
        if seconds == 0.0:
            self._from = gain

    def _measure(self, part: Float32) -> None:
        n = len(part)
        if not n:
            return
        seconds = n / self._rate
        self._peak = max(float(np.abs(part).max()), self._peak * 10.0 ** (-seconds))
        keep = float(np.exp(-seconds / 0.3))
        self._power = keep * self._power + (1.0 - keep) * float(np.vdot(part, part)) / part.size
        if self._power < _FLUSH:
            self._power = 0.0
        if self._peak < _FLUSH:
            self._peak = 0.0
