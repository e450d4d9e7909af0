"""Guesses when a device takes its next block, so that waiting neither burns the processor nor oversleeps."""

from __future__ import annotations

SHORT_S = 0.00025
"""One more look after this long, when the block is due but was not seen to be taken yet."""
MAX_S = 0.004
"""Longest sleep, so that a wrong guess costs little."""
MARGIN_S = 0.00008
"""Aim this long after the expected moment: timers wake late rather than early."""
_EASE = 0.1


class BlockPace:
    """Follows the moments at which blocks were seen to be taken; the earliest ones are the true ones.

    Thread: render thread. Realtime-safe: yes.
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._next_s = 0.0

    def set_period(self, period_s: float) -> None:
        """The device's block now lasts `period_s`."""
        self._period_s = period_s

    def taken(self, at_s: float) -> None:
        """A block was seen to have been taken at `at_s` (seen late, never early)."""
        lateness = (at_s - self._next_s) % self._period_s if self._next_s else 0.0
        if not self._next_s or at_s < self._next_s or at_s > self._next_s + self._period_s:
            self._next_s = at_s + self._period_s
        else:
            self._next_s = at_s - lateness * (1.0 - _EASE) + self._period_s

    def sleep_s(self, now_s: float) -> float:
        """How long to sleep from `now_s`: to just after the next block, or a short while when it is due."""
        ahead = self._next_s - now_s + MARGIN_S
        return min(ahead, MAX_S) if ahead > SHORT_S else SHORT_S
