"""Onsets in a signal that is still coming in: each is told as soon as it is sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote.features.onset_attack import attack
from ghostnote.features.onset_bands import MAX_RATE_HZ, MIN_RATE_HZ, Bands
from ghostnote.features.onset_evidence import HOP_S, WINDOW_S, Evidence
from ghostnote.features.onset_judge import Judge

Float32 = NDArray[np.float32]

_WANTED = 2.75
"""What has to speak for an onset, in nats, at sensitivity 0.5."""
_RANGE = 4.0
"""So much more of it at sensitivity 0, and less at 1."""
_REARM = 2.0
"""A new onset is only possible after so much less spoke for one."""
_BELOW_DB = 20.0
"""Levels in a band so far below the threshold are silence."""
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
    """A sound that began at sample `at`, known at sample `decided`.

    `strength`: 1 is just enough; one more is e times as likely.
    """

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
        self.bands = Bands(rate, window_s=WINDOW_S, hop_s=HOP_S)
        self._look = self.bands.n_fft + round(_KEPT_S * rate)
        self._buffer = np.zeros(4 * self._look, dtype=np.float32)
        self._filled = self._look
        self._end = 0
        self._due = self.bands.hop
        self._evidence = Evidence(self.bands, 10.0 ** ((self.options.threshold_db - _BELOW_DB) / 10.0))
        self._judge = Judge()
        self._wanted = _WANTED + _RANGE * (1.0 - 2.0 * self.options.sensitivity)
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
        over = self._judge.step(self._evidence.step(power)) - self._wanted
        if over < -_REARM:
            self._armed = True
        held = self._end - self._last < self.options.hold_s * self.bands.rate
        if over < 0.0 or held or not self._armed:
            return None
        if float(np.abs(frame).max()) < 10.0 ** (self.options.threshold_db / 20.0):
            return None
        self._armed = False
        self._last = self._end
        recent = self._buffer[self._filled - self._look : self._filled]
        begun = attack(recent, self.bands.rate, self._look - self.bands.n_fft // 2)
        return Onset(max(0, self._end - self._look + begun), self._end, 1.0 + over)
