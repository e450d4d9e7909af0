"""Guesses when a device takes its next block, so that waiting neither burns the processor nor oversleeps."""

from __future__ import annotations

SHORT_S = 0.00025
"""One more look after this long, when the block is due but was not seen to be taken yet."""
MAX_S = 0.004
"""Longest sleep, so that a wrong guess costs little."""
MARGIN_S = 0.00008
"""Aim this long after the expected moment."""
CREEP_S = 0.000015
"""Guess so much earlier after each block that was there already, until a look comes too early."""


class BlockPace:
    """Follows the moments at which blocks are taken, from looks that find one taken or not.

    A look that finds a block taken only tells that it was taken since the last look. So the guess is kept
    between the two, and creeps earlier until a look comes too early: that one tells the moment to within
    `SHORT_S`. Without the creeping, every late look would move the guess later, once around the period.

    Thread: render thread. Realtime-safe: yes.
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._next_s = 0.0
        self._empty_at_s = 0.0

    def set_period(self, period_s: float) -> None:
        """The device's block now lasts `period_s`."""
        self._period_s = period_s

    def taken(self, at_s: float) -> None:
        """A look at `at_s` found that a block was taken since the last look, which `sleep_s` tells of."""
        guess = self._next_s + max(0.0, (at_s - self._next_s) // self._period_s) * self._period_s
        earliest = max(self._empty_at_s, at_s - self._period_s)
        self._next_s = min(max(guess, earliest), at_s) - CREEP_S + self._period_s

    def sleep_s(self, now_s: float) -> float:
        """After a look at `now_s` that found nothing: sleep so long, to just after the next block, or a
        short while when it is due."""
        self._empty_at_s = now_s
        ahead = self._next_s - now_s + MARGIN_S
        return min(ahead, MAX_S) if ahead > SHORT_S else SHORT_S
