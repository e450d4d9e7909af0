"""The bounded inbox between the receive threads and the render thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Sequence

from ghostnote.control.events import Event, part_of, starts_note
from ghostnote.state.registry import resolve
from ghostnote.state.table import ROOT, Command
from ghostnote.telemetry import Telemetry

_PANIC = f"{ROOT}/panic"


class Inbox:
    """Batches of events in order, with a fixed upper bound on what can wait.

    Writers (`put`) share a lock for a few microseconds; the reader (`drain`) only ever tries it, so the
    render thread never waits. When more than `capacity` events wait, the oldest batches give way: their
    hits and notes are dropped, everything else goes to the backlog, where the latest event of each
    address (of each pitch, for note releases) counts. Urgent commands (panic, hush) come out first and
    take the hits that were waiting before them along, so that silence is not followed by what it was
    meant to end.
    """

    def __init__(self, telemetry: Telemetry, capacity: int = 4096) -> None:
        self._telemetry = telemetry
        self._capacity = capacity
        self._lock = threading.Lock()
        self._queue: deque[tuple[int, tuple[Event, ...]]] = deque()
        self._waiting = 0
        self._backlog: dict[Hashable, Event] = {}
        self._urgent: dict[str, Event] = {}
        self._hushed_at = self._panicked_at = float("-inf")
        self._ticket = 0
        self._delivered = 0
        self._applied = 0

    def put(self, batch: Sequence[Event]) -> int:
        """Queue events that take effect together; returns the ticket that `applied` reaches later.

        Thread: any. Realtime-safe: no.
        """
        urgent = {e.addr: e for e in batch if _is_urgent(e)}
        rest = tuple(e for e in batch if not (urgent and _is_urgent(e)))
        silenced = coalesced = dropped = 0
        with self._lock:
            if rest and rest[0].received < self._hushed_at:
                # Received before a hush or panic that overtook it.
                heard = tuple(e for e in rest if not self._is_silenced(e))
                silenced += len(rest) - len(heard)
                rest = heard
            self._ticket += 1
            ticket = self._ticket
            for event in urgent.values():
                silenced += self._silence(event)
            self._urgent.update(urgent)
            if rest:
                self._queue.append((ticket, rest))
                self._waiting += len(rest)
            if self._waiting > self._capacity:
                coalesced, dropped = self._retire(self._waiting - self._capacity)
        if silenced:
            self._telemetry.count("inbox_silenced", silenced)
        if coalesced:
            self._telemetry.count("inbox_coalesced", coalesced)
        if dropped:
            self._telemetry.count("inbox_dropped", dropped)
            self._telemetry.trouble(
                "inbox_full", "more messages than can be played: the oldest hits were dropped"
            )
        return ticket

    def drain(self, limit: int = 128) -> list[Event]:
        """The next events, oldest first, at most `limit` unless one batch alone is larger.

        Thread: render. Realtime-safe: never waits, bounded work; empty this time if a writer is inside.
        """
        self._applied = self._delivered
        if self._delivered == self._ticket or not self._lock.acquire(blocking=False):
            return []
        try:
            events = list(self._urgent.values())
            self._urgent.clear()
            while self._backlog and len(events) < limit:
                events.append(self._backlog.pop(next(iter(self._backlog))))
            while self._queue and not self._backlog:
                ticket, batch = self._queue[0]
                if events and len(events) + len(batch) > limit:
                    break
                self._queue.popleft()
                self._waiting -= len(batch)
                events.extend(batch)
                self._delivered = ticket
            if not self._queue and not self._backlog:
                self._delivered = self._ticket
            return events
        finally:
            self._lock.release()

    @property
    def applied(self) -> int:
        """Ticket up to which everything was handed out and, one drain later, applied."""
        return self._applied

    def __len__(self) -> int:
        """Events that wait now."""
        return self._waiting + len(self._backlog) + len(self._urgent)

    def _silence(self, command: Event) -> int:
        """Take out the waiting hits that an urgent command ends (panic: the scheduled ones too)."""
        target = resolve(command.addr)
        part = target.part if target is not None else None
        everything = command.addr == _PANIC
        if part is None:
            self._hushed_at = max(self._hushed_at, command.received)
            if everything:
                self._panicked_at = max(self._panicked_at, command.received)
        kept: deque[tuple[int, tuple[Event, ...]]] = deque()
        before = self._waiting
        self._waiting = 0
        for ticket, batch in self._queue:
            rest = tuple(e for e in batch if not _is_sound(e, part) or not (everything or e.due is None))
            if rest:
                kept.append((ticket, rest))
                self._waiting += len(rest)
        self._queue = kept
        return before - self._waiting

    def _is_silenced(self, event: Event) -> bool:
        """Whether an event would start a note that a later, overtaking hush or panic was meant to end."""
        since = self._panicked_at if event.due is not None else self._hushed_at
        return event.received < since and _is_sound(event, None)

    def _retire(self, at_least: int) -> tuple[int, int]:
        """Take out the oldest batches that hold `at_least` events; how many were replaced and dropped."""
        freed = coalesced = dropped = 0
        while self._queue and freed < at_least:
            _, batch = self._queue.popleft()
            freed += len(batch)
            for event in batch:
                key = _backlog_key(event)
                if key is None:
                    dropped += 1
                else:
                    # Taken out first, so that the backlog stays in the order of its latest events.
                    coalesced += self._backlog.pop(key, None) is not None
                    self._backlog[key] = event
        self._waiting -= freed
        return coalesced, dropped


def _is_urgent(event: Event) -> bool:
    if event.due is not None:
        return False
    target = resolve(event.addr)
    return target is not None and isinstance(target.row, Command) and target.row.urgent


def _is_sound(event: Event, part: int | None) -> bool:
    """Whether an event starts a note of `part` (None: of any)."""
    target = resolve(event.addr)
    if target is None or not starts_note(target, event.args):
        return False
    return part is None or part == part_of(target, event.args)


def _backlog_key(event: Event) -> Hashable | None:
    """What an event is replaced by when the inbox is full: None if by nothing (a hit, a scheduled event)."""
    target = resolve(event.addr)
    if event.due is not None or target is None or starts_note(target, event.args):
        return None
    if target.name in ("off", "note"):
        return (target.part, event.args[0])
    if target.name in ("scene/set", "scene/slot", "scene/point"):  # of one recall all pieces count
        return (event.addr, *event.args[2:4])
    return (event.addr, event.args[0]) if target.name in ("slot/point", "slot/detail") else event.addr
