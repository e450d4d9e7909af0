"""Whether a subscriber still listens: a value sent from a connected socket, and the system's word on it.

Of a closed port (ICMP port unreachable) UDP tells only a socket that is connected to it (RFC 1122, 4.1.3.3).
Feedback goes out of the server's own port, so one subscriber after another is sent a value from a connected
socket too.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from ghostnote.control.osc_clients import Address
from ghostnote.control.osc_subscriptions import Subscriber

EVERY_S = 5.0
AGAIN_S = 1.0
"""A subscriber is asked at most so often; again after a refusal."""
WAIT_S = 0.25
"""As long an answer may take."""
DEAD_AFTER = 3
"""Refusals in a row after which a port is dead."""


class PortProbe:
    """One probe at a time. Thread: feedback."""

    def __init__(self) -> None:
        self.subscriber: Subscriber | None = None
        self._sock: socket.socket | None = None
        self._until = 0.0
        self._asked: dict[Address, float] = {}

    def choose(self, subscribers: Sequence[Subscriber], now: float) -> Subscriber | None:
        """The subscriber that was not asked for longest, if that is long enough."""
        self._asked = {s.dest: self._asked.get(s.dest, now) for s in subscribers}
        first = min(subscribers, key=lambda s: self._asked[s.dest] - EVERY_S * (s.refused > 0), default=None)
        if first is None:
            return None
        return first if now - self._asked[first.dest] >= (AGAIN_S if first.refused else EVERY_S) else None

    def begin(self, subscriber: Subscriber, datagram: bytes, now: float) -> None:
        """Send a datagram (none if it is empty) and begin to wait."""
        self._asked[subscriber.dest] = now
        if not datagram:
            return
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self.subscriber, self._until = subscriber, now + WAIT_S
        try:
            self._sock.connect(subscriber.dest)
            self._sock.send(datagram)
        except OSError:
            self.close()

    def finished(self, now: float) -> bool | None:
        """Whether the port was refused; None while that may still come."""
        if self._sock is None:
            return False
        try:
            self._sock.recv(1)
        except BlockingIOError:
            if now < self._until:
                return None
            refused = False
        except ConnectionError:
            refused = True
        except OSError:
            # No way there, which says nothing about the port.
            refused = False
        else:
            refused = False
        self.close()
        return refused

    def close(self) -> None:
        """End the probe that is under way."""
        if self._sock is not None:
            self._sock.close()
        self._sock = self.subscriber = None
