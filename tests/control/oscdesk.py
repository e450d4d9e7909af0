"""An OSC router with everything around it but a socket: messages in by hand, what it sends is kept."""

from __future__ import annotations

from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_feedback import Feedback
from ghostnote.control.osc_guard import parse
from ghostnote.control.osc_meta import ServerInfo
from ghostnote.control.osc_probe import PortProbe
from ghostnote.control.osc_router import OscRouter
from ghostnote.control.osc_send import build
from ghostnote.control.osc_subscriptions import TICK_HZ
from ghostnote.control.osc_time import Received
from ghostnote.state.registry import DEFAULTS
from ghostnote.telemetry import Telemetry

PEER = ("127.0.0.1", 5000)
WALL_S = 1_790_000_000


class Recorder:
    """Stands for the outgoing socket and keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple] = []
        self.datagrams: list[tuple] = []

    def send(self, dest, addr, *args):
        build(addr, *args)
        self.sent.append((dest, addr, args))
        return True

    def send_datagram(self, dest, datagram):
        self.datagrams.append((dest, datagram))
        return True

    def send_to_all(self, dests, datagram):
        self.datagrams += [(dest, datagram) for dest in dests]

    def take(self) -> list[tuple]:
        taken, self.sent = self.sent, []
        return [(addr, *args) for _, addr, args in taken]

    def take_feedback(self) -> list[tuple]:
        """(port, address, arguments…) of what was sent in bundles, in order."""
        taken, self.datagrams = self.datagrams, []
        return [
            (dest[1], message.addr, *message.args)
            for dest, datagram in taken
            for group in parse(datagram).groups
            for message in group.messages
        ]


class Log:
    """Changes as the engine would note them."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, str]] = []

    def take(self) -> list[tuple[str, str]]:
        taken, self.waiting = self.waiting, []
        return taken


class Trusting(PortProbe):
    """Takes every port for open."""

    def choose(self, subscribers, now):
        return None


class Desk:
    """A router with everything around it, driven by hand; its engine applies what comes in at `apply`."""

    def __init__(self, probe: PortProbe | None = None, **more) -> None:
        self.telemetry = Telemetry(hold_s=0.0)
        self.inbox = Inbox(self.telemetry)
        self.out = Recorder()
        self.values = dict(DEFAULTS)
        self.changes = Log()
        self.feedback = Feedback(self.changes, self.values, self.out, self.telemetry, probe or Trusting())
        info = ServerInfo("0.1.0", "evening", 9770, 0)
        self.router = OscRouter(
            self.inbox,
            self.telemetry,
            self.out,
            values=self.values,
            info=info,
            feedback=self.feedback,
            **more,
        )
        self.now = 100.0

    def send(self, datagram: bytes, sender=PEER) -> list[tuple]:
        received = Received(self.now, int((WALL_S + self.now) * 1e9))
        self.router.handle(datagram, sender, received)
        return self.out.take()

    def say(self, addr: str, *args, sender=PEER) -> list[tuple]:
        return self.send(build(addr, *args), sender)

    def events(self) -> list[tuple]:
        return [(e.addr, *e.args) for e in self.inbox.drain()]

    def apply(self) -> None:
        """Let everything that waits take effect, as the engine does."""
        for event in self.inbox.drain():
            self.change(event.addr, event.args[0], event.source)

    def change(self, addr: str, value, source: str = "") -> None:
        self.values[addr] = value
        self.changes.waiting.append((addr, source))

    def ticks(self, count: int = 1) -> list[tuple]:
        """What is sent to subscribers in the next ticks."""
        sent = []
        for _ in range(count):
            self.now += 1.0 / TICK_HZ
            self.feedback.tick(self.now)
            sent += self.out.take_feedback()
        return sent

    def listen(self, pattern: str, *more, sender=PEER) -> None:
        """Subscribe at the sender's own port and let the snapshot pass."""
        assert self.say("/gn/subscribe", sender[1], pattern, *more, sender=sender) == []
        self.ticks(20)
