"""Onsets in a signal that is still coming in: each is told as soon as it is sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote.features.onset_attack import attack
from ghostnote.features.onset_bands import MAX_RATE_HZ, MIN_RATE_HZ, Bands, Rise

Float32 = NDArray[np.float32]

_STRENGTH = 0.7
_RANGE = 4.0
"""The strength asked for at sensitivity 0, relative to that at 0.5; at 1 it is the inverse."""
_REARM = 0.5
"""A new onset is only possible after the strength fell below this share of what is asked for."""
_WINDOW_S = 0.0232
_HOP_S = 0.003
_GAP_S = 0.016
_REFERENCE_S = 0.04
_BELOW_DB = 20.0
"""Levels in a band so far below the threshold are silence."""
_USUAL_S = 1.0
_SPREADS = 4.0
"""The strength that is usual: median plus so many times the distance from there to the upper quartile."""
_FLOOR_RISE_DB_S = 6.0
_FLOOR_SMOOTH_S = 0.05
_KEPT_S = 0.12


@dataclass(frozen=True)
class StreamOptions:
    """When a sound counts: `threshold_db`, peaks below which (full scale is 0) are no onsets; `sensitivity`
    from 0 to 1; `hold_s`, the least time from one onset to the next. Raises UsageError."""

    threshold_db: float = -60.0
    sensitivity: float = 0.5
    hold_s: float = 0.05

    def __post_init__(self) -> None:
        for name, low, high in (
            ("threshold_db", -90.0, 0.0),
            ("sensitivity", 0.0, 1.0),
            ("hold_s", 0.01, 10.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} {value:g}: from {low:g} to {high:g}")


@dataclass(frozen=True)
class Onset:
    """A sound that began at sample `at`, known at sample `decided`. `strength`: 1 is just enough."""

    at: int
    decided: int
    strength: float


class OnsetStream:
    """Onsets of a mono signal that comes in blocks of any size; how it is cut into blocks changes nothing.

    Thread: whoever reads the input, one at a time. Not for an audio callback: allocates small arrays.
    """

    def __init__(self, rate: int, options: StreamOptions | None = None) -> None:
        if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
            raise UsageError(f"rate {rate} Hz: from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be listened to")
        self.options = options or StreamOptions()
        self.bands = Bands(rate, window_s=_WINDOW_S, hop_s=_HOP_S)
        hops = self.bands.rate / self.bands.hop
        self._rise = Rise(gap=round(_GAP_S * hops), reference=round(_REFERENCE_S * hops))
        self._look = self.bands.n_fft + round(_KEPT_S * rate)
        self._buffer = np.zeros(4 * self._look, dtype=np.float32)
        self._filled = self._look
        self._end = 0
        self._due = self.bands.hop
        quiet_db = self.options.threshold_db - _BELOW_DB
        self._least = np.float32(10.0 ** (quiet_db / 10.0))
        self._levels = np.full((self._rise.history + 1, self.bands.count), quiet_db, dtype=np.float32)
        self._floor = np.full(self.bands.count, self._least, dtype=np.float32)
        self._smooth = self._floor.copy()
        self._strengths = np.zeros(max(1, round(_USUAL_S * hops)), dtype=np.float32)
        self._usual = 0.0
        self._frame = 0
        self._armed = True
        self._last = -(10**12)

    def process(self, block: Float32) -> list[Onset]:
        """Take a block (n,), any n, finite or not, and tell the onsets that became sure, in order."""
        found = []
        block = np.nan_to_num(np.asarray(block, dtype=np.float32), posinf=0.0, neginf=0.0)
        at = 0
        while at < len(block):
            take = min(len(block) - at, self._due)
            if self._filled + take > len(self._buffer):
                self._buffer[: self._look] = self._buffer[self._filled - self._look : self._filled]
                self._filled = self._look
            self._buffer[self._filled : self._filled + take] = block[at : at + take]
            self._filled, self._end = self._filled + take, self._end + take
            at, self._due = at + take, self._due - take
            if self._due == 0:
                self._due = self.bands.hop
                onset = self._step()
                if onset is not None:
                    found.append(onset)
        return found

    def _step(self) -> Onset | None:
        """Look at the frame that has just become complete."""
        frame = self._buffer[self._filled - self.bands.n_fft : self._filled]
        power = self.bands.powers(frame[np.newaxis])[0]
        self._track(power)
        self._levels[:-1] = self._levels[1:]
        self._levels[-1] = 10.0 * np.log10(power + self._floor)
        strength = float(self._rise.strength(self._levels, self.bands.spread_db)[0])
        over = strength - self._usually(strength)
        wanted = _STRENGTH * _RANGE ** (1.0 - 2.0 * self.options.sensitivity)
        if over < _REARM * wanted:
            self._armed = True
        held = self._end - self._last < self.options.hold_s * self.bands.rate
        loud = float(np.abs(frame).max()) >= 10.0 ** (self.options.threshold_db / 20.0)
        if over < wanted or held or not self._armed or not loud:
            return None
        self._armed = False
        self._last = self._end
        recent = self._buffer[self._filled - self._look : self._filled]
        begun = attack(recent, self.bands.rate, self._look - self.bands.n_fft // 2)
        return Onset(max(0, self._end - self._look + begun), self._end, over / wanted)

    def _usually(self, strength: float) -> float:
        """The strength usual in the last second, looked at ten times in it; notes the present one."""
        if self._frame % max(1, len(self._strengths) // 10) == 0:
            middle, upper = np.quantile(self._strengths, (0.5, 0.75))
            self._usual = float(middle + _SPREADS * (upper - middle))
        self._strengths[self._frame % len(self._strengths)] = strength
        self._frame += 1
        return self._usual

    def _track(self, power: Float32) -> None:
        """Follow the noise floor: down at once, up slowly."""
        share = min(1.0, self.bands.hop / (_FLOOR_SMOOTH_S * self.bands.rate))
        self._smooth += np.float32(share) * (power - self._smooth)
        up = np.float32(10.0 ** (_FLOOR_RISE_DB_S * self.bands.hop / self.bands.rate / 10.0))
        self._floor = np.maximum(np.minimum(self._smooth, self._floor * up), self._least)
