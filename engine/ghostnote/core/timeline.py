"""What takes effect when: scheduled messages, the lines of a log, and what waits for the beat's grid."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator

from ghostnote.control.events import part_of, starts_note
from ghostnote.core.beat import Beat
from ghostnote.state.registry import Target
from ghostnote.state.table import Value

Script = Iterable[tuple[int, Target, tuple[Value, ...]]]
Due = tuple[int, Target, tuple[Value, ...], str]
"""A sample, what to do then, with which checked arguments, and who wants it."""

MAX_PENDING = 16384


_RECALLS = ("scene/set", "scene/slot")


class Timeline:
    """Events in order of their samples. Thread: render. Realtime-safe: no locks, bounded.

    Notes and recalls that come between two lines of the beat's grid wait for the next one. What begins on a
    line does not wait, so that a log, which has them where they began, is played as it is.
    """

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._events: list[tuple[int, int, Target, tuple[Value, ...], str]] = []
        self._order = itertools.count()
        self._script: Iterator[tuple[int, Target, tuple[Value, ...]]] = iter(())
        self._next: tuple[int, Target, tuple[Value, ...]] | None = None
        self._played = False
        self._waiting: list[Due] = []
        self._since = 0

    def schedule(self, at: int, target: Target, args: tuple[Value, ...], source: str) -> bool:
        """Remember an event; False if too many wait."""
        if len(self._events) + len(self._waiting) >= MAX_PENDING:
            return False
        heapq.heappush(self._events, (at, next(self._order), target, args, source))
        return True

    def follow(self, script: Script, played: bool = False) -> None:
        """Take a log's events too; they are in order, and none of them is too many.

        `played`: they are where they took effect, so that none waits for the grid; what an undo did has no
        line of the grid to be on.
        """
        self._played = played
        self._script = iter(script)
        self._next = next(self._script, None)

    def cancel_notes(self) -> None:
        """Forget the hits and notes that have been scheduled and have not begun."""
        self._events[:] = [e for e in self._events if not starts_note(e[2], e[3])]
        heapq.heapify(self._events)
        self.cancel_waiting(None)

    def cancel_waiting(self, part: int | None) -> None:
        """Forget the notes (of a part, if one is given) that wait for the grid."""
        self._waiting[:] = [
            e for e in self._waiting if _is_recall(e[1]) or part not in (None, part_of(e[1], e[2]))
        ]

    def due(self, now: int, end: int) -> Iterator[Due]:
        """What takes effect from sample `now` to before `end`, in order; a log's lines come first."""
        self._since = now
        while self._next is not None and self._next[0] < end:
            at, target, args = self._next
            self._next = next(self._script, None)
            if self._played:
                yield max(at, now), target, args, ""
            else:
                yield from self._come(max(at, now), target, args, "")
        while self._events and self._events[0][0] < end:
            at, _, target, args, source = heapq.heappop(self._events)
            yield from self._come(max(at, now), target, args, source)
        yield from self._begin(end - 1)

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._events and self._next is None and not self._waiting

    def _come(self, at: int, target: Target, args: tuple[Value, ...], source: str) -> Iterator[Due]:
        yield from self._begin(at)
        self._since = max(self._since, at)
        due = (at, target, args, source)
        waits = starts_note(target, args) or _is_recall(target)
        if (waits and self._beat.next_line(at) > at) or _ends_one_of(self._waiting, target, args):
            self._waiting.append(due)
        else:
            yield due

    def _begin(self, until: int) -> Iterator[Due]:
        """What waits, if a line of the grid comes up to sample `until`; notes keep their length."""
        if not self._waiting:
            return
        line = self._beat.next_line(self._since)
        if line > until:
            return
        waiting, self._waiting = self._waiting, []
        begun: dict[tuple[int | None, Value], int] = {}
        for at, target, args, source in waiting:
            if starts_note(target, args) or _is_recall(target):
                if target.name == "note":
                    begun[target.part, args[0]] = at
                yield line, target, args, source
            else:
                late = line - begun.get((target.part, args[0]), at)
                heapq.heappush(self._events, (at + late, next(self._order), target, args, source))


def _is_recall(target: Target) -> bool:
    return target.name in _RECALLS


def _ends_one_of(waiting: list[Due], target: Target, args: tuple[Value, ...]) -> bool:
    """Whether a message releases a note that has not begun yet."""
    if not waiting or not (target.name == "off" or (target.name == "note" and float(args[1]) <= 0.0)):
        return False
    return any(
        t.name == "note" and t.part == target.part and a[0] == args[0] and float(a[1]) > 0.0
        for _, t, a, _ in waiting
    )
