"""What an OSC datagram means: meta messages are answered here, the rest is checked and put into the inbox."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ghostnote.control.events import Event, is_button_release, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_clients import Address, Client, Clients
from ghostnote.control.osc_guard import Message, parse
from ghostnote.control.osc_pattern import AddressTree, is_pattern
from ghostnote.control.osc_send import OscSender
from ghostnote.control.osc_time import IMMEDIATELY, MAX_AHEAD_S, Received, seconds_ahead
from ghostnote.errors import MessageError
from ghostnote.state.registry import DEFAULTS, TARGETS, Target, check, nearest, resolve
from ghostnote.state.table import ROOT, Command, Parameter, Value
from ghostnote.telemetry import Telemetry

PROTOCOL = 1
MAX_EFFECTS = 512
MAX_SYNCS = 64
MAX_NOTICES = 64

Values = Mapping[str, Value | Sequence[float]]
"""Present values by address: one number or word for a parameter, all numbers of a slot's point."""

_nearest = lru_cache(maxsize=256)(nearest)
_REPLIES = frozenset(f"{ROOT}/{name}" for name in ("error", "done", "pong", "synced", "hello/reply"))


@dataclass(frozen=True)
class ServerInfo:
    """What `/gn/hello` tells a peer; a port of 0 means that nothing listens there."""

    version: str = ""
    session: str = ""
    osc_port: int = 0
    http_port: int = 0


class OscRouter:
    """Turns datagrams into events and replies. Thread: OSC receive thread only."""

    def __init__(
        self,
        inbox: Inbox,
        telemetry: Telemetry,
        sender: OscSender,
        *,
        values: Values,
        info: ServerInfo,
        settled: Callable[[float], bool] = lambda received: True,
    ) -> None:
        self._inbox = inbox
        self._telemetry = telemetry
        self._sender = sender
        self._values = values
        self._info = info
        self._settled = settled
        self._clients = Clients()
        self._tree = AddressTree(TARGETS)
        self._meta: dict[str, Callable[[Client, tuple[Value, ...]], None]] = {
            f"{ROOT}/hello": self._hello,
            f"{ROOT}/ping": self._ping,
            f"{ROOT}/sync": self._sync,
        }
        self._ticket = 0
        self._asked: list[tuple[Client, int]] = []
        self._syncs: deque[tuple[int, float, Client, int]] = deque(maxlen=MAX_SYNCS)
        self._notices: deque[tuple[Client, str, str, str]] = deque(maxlen=MAX_NOTICES)

    def notify(self, source: str, addr: str, code: str, text: str) -> None:
        """Tell the author of a slow command how it ended: done (`code` empty) or an error. Thread: any."""
        client = self._clients.of_source(source)
        if client is not None:
            self._notices.append((client, addr, code, text))

    def handle(self, datagram: bytes, sender: Address, received: Received) -> None:
        """Carry out one datagram; never raises for what is in it."""
        client = self._clients.get(sender)
        try:
            packet = parse(datagram)
        except MessageError as error:
            self._tell(client, "", error, received)
            return
        for addr, reason in packet.rejected:
            self._tell(client, addr, reason, received)
        room = MAX_EFFECTS
        for group in packet.groups:
            due = self._due(group.timetag, client, received)
            batch = next_batch()
            events: list[Event] = []
            for message in group.messages:
                try:
                    targets, args = self._targets(message, client)
                    room -= len(targets)
                    if room < 0:
                        raise MessageError("range", f"more than {MAX_EFFECTS} effects in one datagram")
                    for target in targets:
                        fitted = self._fit(target, args, client)
                        if fitted is not None:
                            events.append(
                                Event(target.addr, fitted, client.source, received.monotonic, due, batch)
                            )
                except MessageError as error:
                    self._tell(client, message.addr, error, received)
            if events:
                self._ticket = self._inbox.put(events)
        self._syncs.extend((self._ticket, received.monotonic, *asked) for asked in self._asked)
        self._asked.clear()

    def tick(self) -> bool:
        """Send notices, answer every `/gn/sync` that can be; whether one still waits."""
        while self._notices:
            noticed, addr, code, text = self._notices.popleft()
            if code:
                self._reply(noticed, f"{ROOT}/error", addr, code, text[:512], 0)
            else:
                self._reply(noticed, f"{ROOT}/done", addr, 0, text[:512])
        while self._syncs:
            ticket, received, client, number = self._syncs[0]
            if self._inbox.applied < ticket or not self._settled(received):
                return True
            self._syncs.popleft()
            self._reply(client, f"{ROOT}/synced", number)
        return False

    def _targets(self, message: Message, client: Client) -> tuple[Sequence[Target], tuple[Value, ...]]:
        """What a message is for (nothing if it was answered here) and its arguments."""
        args = tuple(a for a in message.args if not isinstance(a, bytes))
        if len(args) != len(message.args):
            raise MessageError("type", f"{message.addr} takes no blobs")
        target = resolve(message.addr)
        if target is not None:
            return (target,), args
        meta = self._meta.get(message.addr)
        if meta is not None:
            meta(client, args)
            return (), ()
        if message.addr in _REPLIES:
            self._telemetry.count("osc_replies_ignored")
            return (), ()
        targets = [TARGETS[a] for a in self._tree.match(message.addr)] if is_pattern(message.addr) else []
        if not targets:
            raise MessageError("unknown_address", message.addr)
        return targets, args

    def _fit(self, target: Target, args: tuple[Value, ...], client: Client) -> tuple[Value, ...] | None:
        """Checked arguments of something to do; None if the message asked for a value or does nothing."""
        parameter = isinstance(target.row, Parameter)
        if not args and (parameter or target.addr in self._values or _is_list(target)):
            self._reply(client, target.addr, *self._present(target))
            return None
        fitted, clipped = check(target, args)
        if is_button_release(target, fitted):
            return None
        if clipped:
            self._telemetry.count("osc_clipped")
            if parameter:
                self._reply(client, target.addr, *fitted)
        return fitted

    def _present(self, target: Target) -> tuple[Value, ...]:
        value = self._values.get(target.addr, DEFAULTS.get(target.addr))
        if value is None or value == ():
            raise MessageError("not_found", f"{target.addr} has no value yet")
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (int, float)):
            whole = isinstance(target.row, Parameter) and target.row.kind == "i"
            return (int(value) if whole else float(value),)
        return tuple(float(v) for v in value)

    def _due(self, timetag: int, client: Client, received: Received) -> float | None:
        """Monotonic time of a time tag, or None for now: immediate, late, or too far ahead to be meant."""
        if timetag <= IMMEDIATELY:
            return None
        ahead = seconds_ahead(timetag, received)
        if ahead <= 0.0:
            self._telemetry.count("osc_late")
            return None
        if ahead <= MAX_AHEAD_S:
            return received.monotonic + ahead
        self._telemetry.count("osc_far_ahead")
        if not client.far_ahead_told:
            client.far_ahead_told = True
            text = f"time tag {ahead:.0f} s ahead (limit {MAX_AHEAD_S:.0f} s), taken as now: check the clocks"
            self._telemetry.trouble("osc_clock", f"OSC from {client.sender[0]}: {text}")
            self._reply(client, f"{ROOT}/error", "", "range", text, 0)
        return None

    def _hello(self, client: Client, args: tuple[Value, ...]) -> None:
        """`[s:name] [i:reply_port]`, either or both."""
        names = [a for a in args if isinstance(a, str)]
        ports = [a for a in args if not isinstance(a, str)]
        if len(names) > 1 or len(ports) > 1:
            raise MessageError("args", f"{ROOT}/hello takes [s:name] [i:reply_port]")
        if names:
            client.name = names[0][:64]
        if ports:
            if not 1 <= ports[0] <= 65535:
                raise MessageError("range", f"{ROOT}/hello: reply port {ports[0]} is not in 1…65535")
            client.reply_to = (client.sender[0], int(ports[0]))
        info = self._info
        self._reply(
            client, f"{ROOT}/hello/reply", info.version, PROTOCOL, info.osc_port, info.http_port, info.session
        )

    def _ping(self, client: Client, args: tuple[Value, ...]) -> None:
        self._reply(client, f"{ROOT}/pong", _number(f"{ROOT}/ping", args))

    def _sync(self, client: Client, args: tuple[Value, ...]) -> None:
        self._asked.append((client, _number(f"{ROOT}/sync", args)))

    def _reply(self, client: Client, addr: str, *args: Value) -> None:
        self._sender.send(client.reply_to, addr, *args)

    def _tell(self, client: Client, addr: str, error: MessageError, received: Received) -> None:
        """Count an error, and tell sender and player about it unless they were told just now."""
        if not self._clients.may_tell(client, error.code, received.monotonic):
            self._telemetry.count(f"osc_{error.code}")
            return
        text = str(error)
        if error.code == "unknown_address":
            text = f"no such address; the nearest is {_nearest(addr)}"
        about = text if addr in text else f"{addr}: {text}"
        self._telemetry.trouble(f"osc_{error.code}", f"OSC from {client.source[4:]}: {about}")
        self._reply(client, f"{ROOT}/error", addr, error.code, text[:512], 0)


def _is_list(target: Target) -> bool:
    """Whether a command takes any number of values; none at all asks for them."""
    return isinstance(target.row, Command) and target.row.variadic


def _number(addr: str, args: tuple[Value, ...]) -> int:
    """The one optional whole number of a meta message."""
    if len(args) > 1:
        raise MessageError("args", f"{addr} takes [i:number], got {len(args)} arguments")
    if args and isinstance(args[0], str):
        raise MessageError("type", f"{addr} takes a number, got the word {args[0][:32]!r}")
    return int(args[0]) if args else 0
