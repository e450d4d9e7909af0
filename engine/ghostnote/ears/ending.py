"""Whether a sound has died away: its level against its own peak, and against what was there before it."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_FALLEN_DB = 45.0
"""A sound is over when it is so far below its loudest."""
_BELOW_DB = 12.0
"""It is over, too, when it is so far below the threshold of onsets."""
_OVER_BEFORE_DB = 2.0
"""Or no louder than what was there before it, but for so much."""
_QUIET_S = 0.08
_STEP_S = 0.01


class Ending:
    """Follows the level of a sound in steps of 10 ms. Thread: that of the listener."""

    BEFORE_S: ClassVar[float] = 0.05
    """How much of what was there before a sound it is held against."""

    def __init__(self, rate: int, threshold_db: float) -> None:
        self._step = max(1, round(_STEP_S * rate))
        self._steps = round(_QUIET_S / _STEP_S)
        self._silence = 10.0 ** ((threshold_db - _BELOW_DB) / 10.0)
        self._peak = self._limit = self._sum = 0.0
        self._count = self._quiet = 0

    def begin(self, before: Float32, begun: Float32) -> None:
        """A sound began after the samples `before`, and has gone on for `begun`."""
        was = float(np.mean(np.square(before))) if len(before) else 0.0
        self._limit = max(self._silence, was * 10.0 ** (_OVER_BEFORE_DB / 10.0))
        self._peak = self._sum = 0.0
        self._count = self._quiet = 0
        self.over(begun)

    @property
    def left(self) -> int:
        """How many samples from now on it may be over."""
        return self._step - self._count

    def over(self, piece: Float32) -> bool:
        """Whether it is over after the next samples."""
        at = 0
        while at < len(piece):
            take = min(self._step - self._count, len(piece) - at)
            part = piece[at : at + take]
            self._sum += float(part @ part)
            self._count, at = self._count + take, at + take
            if self._count == self._step:
                self._close()
        return self._quiet >= self._steps

    def _close(self) -> None:
        power = self._sum / self._step
        self._sum, self._count = 0.0, 0
        self._peak = max(self._peak, power)
        limit = max(self._limit, self._peak * math.pow(10.0, -_FALLEN_DB / 10.0))
        # What was as loud before it began is still no end while the sound is at its loudest.
        self._quiet = self._quiet + 1 if power < limit and power < self._peak else 0
