"""Feedback: every change of a value, whoever made it, to all OSC subscribers but its author."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from ghostnote.control.osc_clients import Address
from ghostnote.control.osc_nodes import STATUS, Node, Values
from ghostnote.control.osc_probe import DEAD_AFTER, PortProbe
from ghostnote.control.osc_send import Encoder, OscSender, bundles
from ghostnote.control.osc_subscriptions import TICK_HZ, Selection, Subscriber, Subscriptions
from ghostnote.errors import MessageError
from ghostnote.telemetry import Telemetry

MAX_SNAPSHOTS = 128
SNAPSHOT_DATAGRAMS = 4
"""Datagrams of a snapshot in one tick."""
TICK_DATAGRAMS = 32
"""Datagrams of all snapshots together in one tick, so that many who come at once do not hold up the sound."""

AT_REST_S = 2.0
"""What a subscriber has not set for so long it may be told again."""

_REST_S = 0.05
_SNAPSHOT_NODES = 64
_LEASE_TICKS = TICK_HZ // 2
_STATUS_TICKS = TICK_HZ
_PROBE_TICKS = TICK_HZ // 10


class ChangeSource(Protocol):
    """Where changes come from: `core.changes.ChangeReader`."""

    def take(self) -> list[tuple[str, str]]:
        """Addresses that changed since the last call, with their authors; ("", "") = any may have."""


class Feedback:
    """Sends snapshots and changes to subscribers, in a thread of its own that looks 60 times a second.

    Of each address a subscriber is sent the latest value, at most as often as its rate allows, and always
    the last one. A parameter that it set itself it is not told, unless it was told another value since. All
    changes of a tick go out as one bundle (or as few as hold them), encoded once for everyone with the same
    selection.
    """

    def __init__(
        self,
        changes: ChangeSource,
        values: Values,
        sender: OscSender,
        telemetry: Telemetry,
        probe: PortProbe | None = None,
    ) -> None:
        self.subscriptions = Subscriptions()
        self._changes = changes
        self._values = values
        self._sender = sender
        self._telemetry = telemetry
        self._encoder = Encoder()
        self._probe = probe or PortProbe()
        self._snapshots: deque[tuple[Address, deque[Node]]] = deque()
        self._ticks = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ghostnote-feedback", daemon=True)

    def start(self) -> None:
        """Begin to send, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop sending."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)
        self._probe.close()

    def snapshot(self, dest: Address, nodes: Sequence[Node]) -> None:
        """Send the present value of all nodes to one destination, over the next ticks. Thread: any.

        Raises MessageError (`busy`).
        """
        if len(self._snapshots) >= MAX_SNAPSHOTS:
            raise MessageError("busy", "too many clients ask for everything; ask again in a second")
        self._snapshots.append((dest, deque(nodes)))

    def tick(self, now: float) -> None:
        """One look: what has changed and is due is sent. Thread: the feedback's own (or a test's)."""
        self._ticks += 1
        changes = self._changes.take()
        if not len(self.subscriptions) and not self._snapshots:
            return
        if self._ticks % _LEASE_TICKS == 0:
            self.subscriptions.expire(now)
        tell_status = self._ticks % _STATUS_TICKS == 0
        encoded: dict[str, bytes] = {}
        for selection in self.subscriptions.selections:
            _note(selection, changes)
            if tell_status:
                selection.waiting.update((a, "") for a in selection.of if a.startswith(STATUS))
            if selection.waiting:
                self._send_changes(selection, now, encoded)
        if self._snapshots:
            self._send_snapshots(encoded)
        self._look_for_the_dead(now)

    def _run(self) -> None:
        next_at = time.monotonic()
        while not self._closing.is_set():
            try:
                self.tick(time.monotonic())
            except Exception as error:  # whatever went wrong, the next change is told again
                self._telemetry.trouble("osc_feedback_error", f"OSC feedback lost: {error!r}")
            resting = not len(self.subscriptions) and not self._snapshots
            next_at = max(next_at + (_REST_S if resting else 1.0 / TICK_HZ), time.monotonic())
            time.sleep(max(0.0, next_at - time.monotonic()))

    def _send_changes(self, selection: Selection, now: float, encoded: dict[str, bytes]) -> None:
        """Send those of a selection's changes whose pause is over."""
        waiting, sent = selection.waiting, selection.sent
        due: list[tuple[str, str, bytes]] = []
        for addr in list(waiting):
            before = sent.get(addr)
            if before is not None and not self._is_over(self._ticks - before[0], selection.pause_ticks(addr)):
                continue
            source = waiting.pop(addr)
            message = self._message(selection.of[addr], encoded)
            if message:
                due.append((addr, source, message))
        if not due:
            return
        authors = {source for _, source, _ in due}
        others = selection.subscribers
        if any(subscriber.source in authors for subscriber in others):
            for subscriber in others:
                if subscriber.source in authors:
                    rest = (m for addr, source, m in due if _concerns(subscriber, addr, source, sent))
                    for datagram in bundles(rest):
                        self._sender.send_datagram(subscriber.dest, datagram)
            others = tuple(subscriber for subscriber in others if subscriber.source not in authors)
        if others:
            dests = tuple(subscriber.dest for subscriber in others)
            for datagram in bundles(message for _, _, message in due):
                self._sender.send_to_all(dests, datagram)
        for addr, source, _ in due:
            sent[addr] = (self._ticks, now, source)

    def _is_over(self, since: int, pause: int) -> bool:
        """Whether an address may be sent again; those that go on moving are sent in the same ticks."""
        return since >= 2 * pause or (since >= pause and self._ticks % pause == 0)

    def _message(self, node: Node, encoded: dict[str, bytes]) -> bytes:
        """A node's value as a message; empty if it has none."""
        message = encoded.get(node.addr)
        if message is None:
            try:
                args = node.present(self._values)
                message = self._encoder.encode(node.addr, args) if args else b""
            except Exception as error:  # one value that cannot be told must not silence the others
                self._telemetry.trouble("osc_feedback_error", f"OSC feedback of {node.addr}: {error!r}")
                message = b""
            encoded[node.addr] = message
        return message

    def _send_snapshots(self, encoded: dict[str, bytes]) -> None:
        """A piece of every snapshot that is not finished, as far as a tick's room goes."""
        left = TICK_DATAGRAMS
        for _ in range(len(self._snapshots)):
            dest, nodes = self._snapshots.popleft()
            room = SNAPSHOT_DATAGRAMS
            while nodes and room > 0:
                some = [nodes.popleft() for _ in range(min(_SNAPSHOT_NODES, len(nodes)))]
                datagrams = bundles(m for node in some if (m := self._message(node, encoded)))
                for datagram in datagrams:
                    self._sender.send_datagram(dest, datagram)
                room -= len(datagrams)
                left -= len(datagrams)
            if nodes:
                self._snapshots.append((dest, nodes))
            if left <= 0:
                return

    def _look_for_the_dead(self, now: float) -> None:
        """Ask one subscriber's computer after another whether its port is open; drop those that are not."""
        subscriber = self._probe.subscriber
        if subscriber is None:
            if self._ticks % _PROBE_TICKS == 0 and (
                subscriber := self._probe.choose(self.subscriptions.all(), now)
            ):
                self._probe.begin(subscriber, self._value_at_rest(subscriber, now), now)
            return
        refused = self._probe.finished(now)
        if refused is None:
            return
        subscriber.refused = subscriber.refused + 1 if refused else 0
        if subscriber.refused >= DEAD_AFTER and self.subscriptions.unsubscribe(subscriber.dest):
            host, port = subscriber.dest
            self._telemetry.trouble(
                "osc_subscriber_gone", f"OSC: nobody listens on {host}:{port} any more; its subscriptions end"
            )

    def _value_at_rest(self, subscriber: Subscriber, now: float) -> bytes:
        """A value that a subscriber may be told again, since no hand of its own is on it."""
        for node in self.subscriptions.each(subscriber.dest):
            if now - subscriber.spoke.get(node.of, float("-inf")) > AT_REST_S:
                message = self._message(node, {})
                if message:
                    return message
        return b""


def _note(selection: Selection, changes: list[tuple[str, str]]) -> None:
    """Keep those changes that a selection is about; the latest author of each counts.

    Readings have none: whoever filled a slot with a random draw does not know what came of it.
    """
    of = selection.of
    for addr, source in changes:
        if addr in of:
            selection.waiting[addr] = "" if of[addr].target is None else source
        elif not addr:
            selection.waiting.update((known, "") for known in of if not known.startswith(STATUS))


def _concerns(
    subscriber: Subscriber, addr: str, source: str, sent: dict[str, tuple[int, float, str]]
) -> bool:
    """Whether a change must be told: not to its author, unless someone else's came between (a crossing)."""
    if source != subscriber.source:
        return True
    before = sent.get(addr)
    if before is None or before[2] == source:
        return False
    return before[1] > subscriber.spoke.get(addr, float("-inf"))
