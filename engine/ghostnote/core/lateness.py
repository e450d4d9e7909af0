"""What did not go as the timeline says since a decoder was late: told to the log, done again by a render."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

Tell = Callable[[str, int], None]
"""Called with what happened in this quantum, and how many quanta ago its decode started, or a switch."""

WAITS, LATE, FAILED = "waits", "late", "failed"
REFUSED, ACCEPTED = "refused", "accepted"
STALLED = "stalled"
WORDS = (WAITS, LATE, FAILED, REFUSED, ACCEPTED, STALLED)
"""Not there when due; there, later; failed; no room for another job; room again; stuck (1) or not (0)."""


class Lateness:
    """Decodes of a performance that were not on time, by the quantum in which they started; one a quantum.

    `happened`: the quantum of each entry, its word and its number, in order of time.
    """

    def __init__(self, happened: Iterable[tuple[int, str, int]]) -> None:
        self._ends: dict[int, tuple[float, bool]] = {}
        self._full: list[list[float]] = []
        self._stuck: list[list[float]] = []
        for quantum, word, number in happened:
            if word == WAITS:
                self._ends[quantum - number] = (math.inf, True)
            elif word in (LATE, FAILED):
                self._ends[quantum - number] = (quantum, word == LATE)
            elif word == STALLED:
                _turn(self._stuck, quantum, bool(number))
            else:
                _turn(self._full, quantum, word == REFUSED)

    def waits(self, started: int, quantum: int) -> bool:
        """Whether a decode that is due was not there yet."""
        return quantum < self._ends.get(started, (0, True))[0]

    def failed(self, started: int) -> bool:
        """Whether a decode came to nothing."""
        return not self._ends.get(started, (0, True))[1]

    def refuses(self, quantum: int) -> bool:
        """Whether there was no room for another decode."""
        return _within(self._full, quantum)

    def stalled(self, quantum: int) -> bool:
        """Whether the decoder was stuck."""
        return _within(self._stuck, quantum)


def _turn(spans: list[list[float]], quantum: int, on: bool) -> None:
    if on:
        spans.append([quantum, math.inf])
    elif spans:
        spans[-1][1] = quantum


def _within(spans: list[list[float]], quantum: int) -> bool:
    while spans and quantum >= spans[0][1]:
        del spans[0]
    return bool(spans) and quantum >= spans[0][0]
