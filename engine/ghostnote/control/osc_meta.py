"""Messages about the conversation itself: hello, ping, sync, and subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ghostnote.control.osc_clients import Address, Client
from ghostnote.control.osc_conversation import SAYINGS
from ghostnote.control.osc_feedback import Feedback
from ghostnote.control.osc_nodes import selection
from ghostnote.control.osc_replies import Replies
from ghostnote.control.osc_requests import Requests
from ghostnote.control.osc_subscriptions import DEFAULT_LEASE_S, MAX_HZ, MAX_LEASE_S, TICK_HZ
from ghostnote.errors import MessageError
from ghostnote.state.table import ROOT, Value

PROTOCOL = 1

Arguments = tuple[Value, ...]


@dataclass
class ServerInfo:
    """What `/gn/hello` tells a peer; a port of 0 means that nothing listens there (yet)."""

    version: str = ""
    session: str = ""
    osc_port: int = 0
    http_port: int = 0


class Meta:
    """Carries out what does not concern the engine. Thread: the server's.

    `handlers`: by address, what to call with the peer, the arguments and the monotonic time of receipt; they
    raise MessageError.
    """

    def __init__(
        self, replies: Replies, requests: Requests, info: ServerInfo, feedback: Feedback | None
    ) -> None:
        self._replies = replies
        self._requests = requests
        self._info = info
        self.handlers: dict[str, Callable[[Client, Arguments, float], None]] = {
            f"{ROOT}/hello": self._hello,
            f"{ROOT}/ping": self._ping,
            f"{ROOT}/sync": self._sync,
        }
        if feedback is not None:
            self._feedback = feedback
            self._table = feedback.subscriptions
            self.handlers |= {
                f"{ROOT}/subscribe": self._subscribe,
                f"{ROOT}/renew": self._renew,
                f"{ROOT}/unsubscribe": self._unsubscribe,
                f"{ROOT}/refresh": self._refresh,
            }

    def _hello(self, client: Client, args: Arguments, now: float) -> None:
        names = [a for a in args if isinstance(a, str)]
        ports = [a for a in args if not isinstance(a, str)]
        if len(names) > 1 or len(ports) > 1:
            raise _args(f"{ROOT}/hello")
        if names:
            client.name = names[0][:64]
        if ports:
            client.reply_to = self._address(client, f"{ROOT}/hello: reply port", ports[0])
        info = self._info
        self._replies.reply(
            client, f"{ROOT}/hello/reply", info.version, PROTOCOL, info.osc_port, info.http_port, info.session
        )

    def _ping(self, client: Client, args: Arguments, now: float) -> None:
        self._replies.reply(client, f"{ROOT}/pong", _number(f"{ROOT}/ping", args))

    def _sync(self, client: Client, args: Arguments, now: float) -> None:
        self._requests.sync(client, _number(f"{ROOT}/sync", args))

    def _subscribe(self, client: Client, args: Arguments, now: float) -> None:
        addr = f"{ROOT}/subscribe"
        dest, pattern, rest = self._dest(client, addr, args)
        if len(rest) > 2 or any(isinstance(a, str) for a in rest):
            raise _args(addr)
        max_hz, lease_s = (*map(float, rest), *(MAX_HZ, DEFAULT_LEASE_S)[len(rest) :])
        if max_hz <= 0.0:
            raise MessageError("range", f"{addr}: {max_hz:g} messages a second; give 1…{TICK_HZ}")
        if lease_s < 0.0 or (lease_s == 0.0 and not _is_loopback(dest[0])):
            raise MessageError(
                "range",
                f"{addr}: a lease of {lease_s:g} s; give 1…{MAX_LEASE_S:.0f} (on this computer 0: for ever)",
            )
        fitted = min(max(max_hz, 0.1), float(TICK_HZ)), min(lease_s, MAX_LEASE_S)
        _, nodes = self._table.subscribe(dest, client.source, pattern or ROOT, *fitted, now)
        self._feedback.snapshot(dest, nodes)

    def _renew(self, client: Client, args: Arguments, now: float) -> None:
        dest, pattern, rest = self._dest(client, f"{ROOT}/renew", args)
        if rest or pattern is not None:
            raise _args(f"{ROOT}/renew")
        if not self._table.renew(dest, now):
            raise _unknown("renew", dest)

    def _unsubscribe(self, client: Client, args: Arguments, now: float) -> None:
        dest, pattern, rest = self._dest(client, f"{ROOT}/unsubscribe", args)
        if rest:
            raise _args(f"{ROOT}/unsubscribe")
        if not self._table.unsubscribe(dest, pattern):
            raise _unknown("unsubscribe", dest)

    def _refresh(self, client: Client, args: Arguments, now: float) -> None:
        dest, pattern, rest = self._dest(client, f"{ROOT}/refresh", args)
        if rest:
            raise _args(f"{ROOT}/refresh")
        mine = self._table.of(dest) if pattern is None else ()
        self._feedback.snapshot(dest, mine or selection(pattern or ROOT))

    def _dest(self, client: Client, addr: str, args: Arguments) -> tuple[Address, str | None, Arguments]:
        """Where to send (the port that is named, else where replies go), the pattern, and what is left."""
        dest = client.reply_to
        if args and not isinstance(args[0], str):
            dest = self._address(client, f"{addr}: port", args[0])
            args = args[1:]
        if args and isinstance(args[0], str):
            return dest, args[0], args[1:]
        return dest, None, args

    def _address(self, client: Client, what: str, port: float) -> Address:
        """A port of the peer's computer. Raises MessageError (`range`) if it can be none, or is our own."""
        host = client.sender[0]
        if not 1 <= port <= 65535 or port != int(port):
            raise MessageError("range", f"{what} {port} is not in 1…65535")
        if port == self._info.osc_port and _is_loopback(host):
            raise MessageError("range", f"{what} {port} is this server's own; give the one you listen on")
        return host, int(port)


def _unknown(what: str, dest: Address) -> MessageError:
    return MessageError(
        "not_found", f"{ROOT}/{what}: {dest[0]}:{dest[1]} has no such subscription; see {ROOT}/subscribe"
    )


def _args(addr: str) -> MessageError:
    return MessageError("args", f"{addr} takes {SAYINGS[addr].usage}")


def _is_loopback(host: str) -> bool:
    return host.startswith("127.")


def _number(addr: str, args: Arguments) -> int:
    """The one optional whole number of a meta message."""
    if len(args) > 1:
        raise _args(addr)
    if args and isinstance(args[0], str):
        raise MessageError("type", f"{addr} takes a number, got the word {args[0][:32]!r}")
    return int(args[0]) if args else 0
