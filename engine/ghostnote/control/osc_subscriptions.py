"""Who wants to be told of what: the bounded table of OSC subscriptions, their rates and leases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from ghostnote.control.osc_clients import Address
from ghostnote.control.osc_nodes import OUT, Node, selection
from ghostnote.errors import MessageError

MAX_SUBSCRIBERS = 64
MAX_PATTERNS = 16
TICK_HZ = 60
"""How often the feedback looks for changes."""
MAX_HZ = 30.0
"""At most so many messages a second of one address, and twice as many of those under `/gn/out`."""
DEFAULT_LEASE_S = 30.0
MAX_LEASE_S = 3600.0


@dataclass(eq=False)
class Subscriber:
    """One destination: the author that it is told nothing about, and when it was last heard of.

    `spoke`: monotonic time at which it last set an address itself. `refused`: probes in a row that its
    computer refused.
    """

    dest: Address
    source: str
    heard: float
    spoke: dict[str, float] = field(default_factory=dict)
    leases: dict[str, float] = field(default_factory=dict)
    refused: int = 0


@dataclass(eq=False)
class Selection:
    """What one pattern at one rate names, and everyone who subscribed to just that.

    `waiting`: addresses whose change has not been sent, with the author. `sent`: when a change was last sent,
    in ticks and seconds, and whose.
    """

    nodes: tuple[Node, ...]
    every_ticks: int
    every_ticks_out: int
    subscribers: tuple[Subscriber, ...] = ()
    waiting: dict[str, str] = field(default_factory=dict)
    sent: dict[str, tuple[int, float, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.of: dict[str, Node] = {node.of: node for node in self.nodes}

    def pause_ticks(self, addr: str) -> int:
        """Ticks from one message of an address to the next."""
        return self.every_ticks_out if addr.startswith(OUT) else self.every_ticks


class Subscriptions:
    """The table. Thread: any; a lock is held for microseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[Address, Subscriber] = {}
        self._selections: dict[tuple[str, float], Selection] = {}
        self._hosts: dict[str, float] = {}
        self._sources: dict[str, Subscriber] = {}
        self.selections: tuple[Selection, ...] = ()
        """All selections that someone has subscribed to, replaced as a whole."""

    def subscribe(
        self, dest: Address, source: str, pattern: str, max_hz: float, lease_s: float, now: float
    ) -> tuple[Subscriber, tuple[Node, ...]]:
        """Subscribe, or renew with another rate or lease; what the pattern names.

        `lease_s` 0 = until unsubscribed. Raises MessageError (`busy`, `range`, `unknown_address`).
        """
        nodes = selection(pattern)
        with self._lock:
            subscriber = self._subscribers.get(dest)
            if subscriber is None:
                if len(self._subscribers) >= MAX_SUBSCRIBERS:
                    raise MessageError("busy", f"{MAX_SUBSCRIBERS} clients are subscribed already; try later")
                subscriber = Subscriber(dest, source, now)
            elif pattern not in subscriber.leases and len(subscriber.leases) >= MAX_PATTERNS:
                raise MessageError("busy", f"{MAX_PATTERNS} patterns are subscribed to already by this port")
            self._leave(subscriber, pattern)
            self._subscribers[dest] = subscriber
            subscriber.source, subscriber.heard, subscriber.refused = source, now, 0
            subscriber.leases[pattern] = lease_s
            found = self._selections.get((pattern, max_hz))
            if found is None:
                found = Selection(nodes, _ticks(min(max_hz, MAX_HZ)), _ticks(max_hz))
                self._selections[pattern, max_hz] = found
            found.subscribers = (*found.subscribers, subscriber)
            self._publish()
        return subscriber, nodes

    def renew(self, dest: Address, now: float) -> bool:
        """Begin a destination's leases anew; whether it has any."""
        subscriber = self._subscribers.get(dest)
        if subscriber is not None:
            subscriber.heard = now
        return subscriber is not None

    def heard(self, host: str, now: float) -> None:
        """A host sent something: that renews its leases."""
        if host in self._hosts:
            self._hosts[host] = now

    def spoke(self, source: str, addr: str, now: float) -> None:
        """An author set an address itself, so that it knows the value."""
        subscriber = self._sources.get(source)
        if subscriber is not None:
            subscriber.spoke[addr] = now

    def unsubscribe(self, dest: Address, pattern: str | None = None) -> bool:
        """End a destination's subscription to a pattern, or all of them; whether there was one."""
        with self._lock:
            subscriber = self._subscribers.get(dest)
            if subscriber is None or (pattern is not None and pattern not in subscriber.leases):
                return False
            for known in [pattern] if pattern is not None else list(subscriber.leases):
                self._leave(subscriber, known)
            if not subscriber.leases:
                del self._subscribers[dest]
            self._publish()
            return True

    def expire(self, now: float) -> int:
        """End the subscriptions whose lease is over; how many."""
        over = [
            (subscriber.dest, pattern)
            for subscriber in list(self._subscribers.values())
            for pattern, lease_s in list(subscriber.leases.items())
            if lease_s and now > max(subscriber.heard, self._hosts.get(subscriber.dest[0], 0.0)) + lease_s
        ]
        return sum(self.unsubscribe(*one) for one in over)

    def each(self, dest: Address) -> Iterator[Node]:
        """Everything that a destination has subscribed to, as often as it has."""
        for found in self.selections:
            if any(subscriber.dest == dest for subscriber in found.subscribers):
                yield from found.nodes

    def of(self, dest: Address) -> tuple[Node, ...]:
        """Everything that a destination has subscribed to, each once."""
        return tuple(dict.fromkeys(self.each(dest)))

    def all(self) -> list[Subscriber]:
        """Everyone."""
        return list(self._subscribers.values())

    def __len__(self) -> int:
        return len(self._subscribers)

    def _leave(self, subscriber: Subscriber, pattern: str) -> None:
        subscriber.leases.pop(pattern, None)
        for (known, _), found in self._selections.items():
            if known == pattern:
                found.subscribers = tuple(s for s in found.subscribers if s is not subscriber)

    def _publish(self) -> None:
        self._selections = {key: s for key, s in self._selections.items() if s.subscribers}
        self.selections = tuple(self._selections.values())
        self._hosts = {host: self._hosts.get(host, 0.0) for host, _ in self._subscribers}
        self._sources = {s.source: s for s in self._subscribers.values()}


def _ticks(hz: float) -> int:
    return max(1, -int(-TICK_HZ // hz))
