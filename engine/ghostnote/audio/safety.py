"""The last stage before the device, always on: finite, below the ceiling, and starting from silence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.limiter import Limiter
from ghostnote.units import db_to_gain

Float32 = NDArray[np.float32]

SANE_PEAK = 32.0
"""Input beyond this (+30 dBFS) is a fault: it is held there, so that filters do not ring for seconds."""
DC_HZ = 10.0
RAMP_S = 0.02
START_FADE_S = 0.05
RESUME_FADE_S = 0.005
QUIET = 1e-4
"""After `panic`, input below this (-80 dBFS) counts as silent."""
MAX_FRAMES = 288
"""Longest piece worked on at once: a quantum of the engine at 192 kHz."""
_PIECES = 4
"""Lengths of pieces to keep memory for; a quantum at a device's rate has two."""
_FLUSH = 1e-20


@dataclass(frozen=True)
class Meters:
    """Level of the output: `peak` falls by 20 dB/s, `rms` over 300 ms (linear); `reduction_db` ≥ 0."""

    peak: float
    rms: float
    reduction_db: float


class _Piece:
    """Memory for pieces of `frames` frames, and what of the chain depends on that length."""

    def __init__(self, channels: int, frames: int, dc_block: Float32, rate: int) -> None:
        self.source = np.zeros((channels, frames + 1), dtype=np.float32)
        """The DC block's state, then the sound that comes in."""
        self.state, self.sound = self.source[:, 0], self.source[:, 1:]
        self.matrix = np.ascontiguousarray(dc_block[: frames + 1, : frames + 1])
        self.result = np.zeros((channels, frames + 1), dtype=np.float32)
        self.blocked, self.next_state = self.result[:, :frames], self.result[:, frames]
        self.magnitude = np.zeros((channels, frames), dtype=np.float32)
        self.flat = self.magnitude.reshape(-1)
        seconds = frames / rate
        self.peak_fall = 10.0**-seconds
        self.power_keep = math.exp(-seconds / 0.3)

    def peak(self, sound: Float32) -> float:
        """Largest magnitude in `sound`, shape (channels, frames); not a number where one of it is none."""
        np.abs(sound, out=self.magnitude)
        return self.flat.item(self.flat.argmax())


class SafetyChain:
    """Finite check → DC block → ramped gain → look-ahead limiter → hard ceiling.

    The gain starts at 0 and fades in over 50 ms. Chunking does not matter: the same input in blocks of any
    sizes gives the same output within rounding. Below the ceiling the sound is only delayed, by
    `latency_frames`, and high-passed at 10 Hz.

    What is finite, sane and below the ceiling after the DC block, as its one peak tells, takes a short way:
    none of the later stages would change it, but for the gain. All else goes through every stage.

    Thread: `process` render thread; the others any. Realtime-safe: yes.
    """

    def __init__(self, rate: int, channels: int, ceiling_db: float = -0.3, lookahead_ms: float = 0.5) -> None:
        self._rate = rate
        self._channels = channels
        self._ceiling = np.float32(db_to_gain(ceiling_db))
        self._limiter = Limiter(rate, channels, float(self._ceiling) * (1.0 - 1e-6), lookahead_ms)
        self._dc_block = _dc_block(math.exp(-2.0 * math.pi * DC_HZ / rate))
        self._state = np.zeros(channels, dtype=np.float32)
        self._offset = 0.0
        # |input| <= |blocked| + |state|, and the state moves by less than (1 - pole) times the peak a frame.
        pace = 1.0 - math.exp(-2.0 * math.pi * DC_HZ / rate)
        self._calm_peak = 0.5 * SANE_PEAK / (1.0 + MAX_FRAMES * pace)
        self._pieces: dict[int, _Piece] = {}
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
        if 0.0 <= gain < math.inf:
            self._wanted = float(gain)

    def panic(self) -> None:
        """Silence from the next block on, until the input was silent for a block or `resume` is called."""
        self._panics += 1

    def resume(self) -> None:
        """End of `panic` even though the input is not silent; fades in over 5 ms."""
        self._resume = True

    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is seen to
    def process(self, block: Float32) -> Float32:
        """Make `block`, shape (n, channels) float32, safe in place and return it."""
        if 0 < len(block) <= MAX_FRAMES:
            self._process(block.T)
        else:
            for start in range(0, len(block), MAX_FRAMES):
                self._process(block[start : start + MAX_FRAMES].T)
        return block

    def _process(self, part: Float32) -> None:
        """Make `part`, shape (channels, n ≤ `MAX_FRAMES`), safe in place."""
        frames = part.shape[1]
        piece = self._pieces.get(frames)
        if piece is None:
            if len(self._pieces) >= _PIECES:
                self._pieces.clear()
            piece = self._pieces[frames] = _Piece(self._channels, frames, self._dc_block, self._rate)
        if (self._muted or self._panics != self._seen_panics) and self._must_mute(part):
            part[:] = 0.0
            self._measure(piece, 0.0, 0.0)
            return
        piece.sound[:] = part
        piece.state[:] = self._state
        np.dot(piece.source, piece.matrix, out=piece.result)
        peak = piece.peak(piece.blocked)
        gains, top = self._gains(frames)
        calm = peak <= self._calm_peak and self._offset <= 0.5 * SANE_PEAK
        if calm and self._limiter.idle and peak * top <= self._limiter.ceiling:
            power = float(np.dot(piece.flat, piece.flat))
            if gains is not None:
                np.multiply(piece.blocked, gains, out=piece.blocked)
            self._limiter.delay(piece.blocked, part)
            self._measure(piece, peak * top, power * top * top)
        else:
            bad = None if calm else self._mend(piece)
            if gains is not None:
                np.multiply(piece.blocked, gains, out=piece.blocked)
            self._limiter.process(piece.blocked, part, bad)
            peak = piece.peak(part)
            if not peak <= self._ceiling:
                self._hold_ceiling(part)
                peak = piece.peak(part)
            self._measure(piece, peak, float(np.dot(piece.flat, piece.flat)))
        self._state[:] = piece.next_state
        self._offset = max(map(abs, piece.next_state.tolist()))
        if self._offset < _FLUSH:
            self._state[:] = 0.0

    def _hold_ceiling(self, part: Float32) -> None:
        np.clip(part, -self._ceiling, self._ceiling, out=part)
        if not np.isfinite(part).all():
            part[:] = 0.0
            self._faults += part.shape[1]

    def _must_mute(self, part: Float32) -> bool:
        """Follow `panic` and `resume`; whether this part stays silent."""
        if self._panics != self._seen_panics:
            self._seen_panics = self._panics
            self._muted, self._resume = True, False
            self._limiter.reset()
            self._state[:] = 0.0
            self._offset = 0.0
            self._heard = -1.0
            self._ramp_to(0.0, 0.0)
        if not self._muted:
            return False
        if self._resume:
            self._muted = False
            return False
        if part.size and float(np.abs(part).max()) < QUIET:
            self._muted = False
        return True

    def _mend(self, piece: _Piece) -> NDArray[np.bool_] | None:
        """Set bad samples to 0, hold those beyond `SANE_PEAK`, block the DC anew; the frames not finite."""
        sound = piece.sound
        finite = np.isfinite(sound)
        bad: NDArray[np.bool_] = np.logical_not(finite.all(axis=0))
        sound[~finite] = 0.0
        faults = int((bad | (np.abs(sound) > SANE_PEAK).any(axis=0)).sum())
        if faults:
            self._faults += faults
            np.clip(sound, -SANE_PEAK, SANE_PEAK, out=sound)
            np.dot(piece.source, piece.matrix, out=piece.result)
        return bad if bad.any() else None

    def _gains(self, frames: int) -> tuple[Float32 | float | None, float]:
        """Master gain for each of the next `frames`, one number when it rests, None at 1; and its largest."""
        if self._wanted != self._heard:
            fade = RESUME_FADE_S if self._heard < 0.0 else RAMP_S
            self._heard = self._wanted
            self._ramp_to(self._wanted, fade if self._steps_left == 0 else max(fade, self._left_s))
        if self._step >= self._steps:
            return (None if self._target == 1.0 else self._target), self._target
        steps = np.arange(self._step, self._step + frames, dtype=np.float32)
        self._step += frames
        share = np.minimum(steps / np.float32(self._steps), np.float32(1.0))
        gains = np.float32(self._from) + np.float32(self._target - self._from) * share
        return gains, max(self._from, self._target)

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

    def _measure(self, piece: _Piece, peak: float, energy: float) -> None:
        self._peak = max(peak, self._peak * piece.peak_fall)
        self._power = piece.power_keep * self._power + (1.0 - piece.power_keep) * energy / piece.flat.size
        if self._power < _FLUSH:
            self._power = 0.0
        if self._peak < _FLUSH:
            self._peak = 0.0


def _dc_block(pole: float) -> Float32:
    """y[n] = x[n] - x[n-1] + pole·y[n-1] as a product of (state, x[0], x[1], …) with a matrix.

    State: the slow part s[n] = y[n] - x[n], so that y[n] = x[n] + s[n], s[n+1] = s[n] - (1 - pole)·y[n].
    Column n has the gain of each to y[n]; its row of x[n] is the last, and leaving that out gives s[n].
    """
    steps = np.arange(MAX_FRAMES + 1, dtype=np.float64)
    lag = steps[None, :] - steps[1:, None]
    matrix = np.empty((MAX_FRAMES + 1, MAX_FRAMES + 1))
    matrix[0] = pole**steps
    matrix[1:] = np.where(lag >= 0.0, -(1.0 - pole) * pole ** np.maximum(lag, 0.0), 0.0)
    matrix[np.arange(1, MAX_FRAMES + 1), np.arange(MAX_FRAMES)] = 1.0
    return matrix.astype(np.float32)
