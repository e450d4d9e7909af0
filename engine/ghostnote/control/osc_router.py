"""What an OSC datagram means: meta messages are answered here, the rest is checked and put into the inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ghostnote.control.events import Event, is_button_release, next_batch, starts_note
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_clients import Address, Client
from ghostnote.control.osc_conversation import ANSWERS
from ghostnote.control.osc_feedback import Feedback
from ghostnote.control.osc_guard import Message, parse
from ghostnote.control.osc_meta import Meta, ServerInfo
from ghostnote.control.osc_nodes import NODES, Node, Values, find, has_value
from ghostnote.control.osc_pattern import is_pattern
from ghostnote.control.osc_replies import Replies
from ghostnote.control.osc_requests import Requests, split_request
from ghostnote.control.osc_send import OscSender
from ghostnote.control.osc_tags import Tags
from ghostnote.control.osc_time import Received
from ghostnote.errors import MessageError
from ghostnote.state.registry import check
from ghostnote.state.table import Command, Parameter, Value
from ghostnote.telemetry import Telemetry

MAX_EFFECTS = 512
SAME_POSITION = 1e-4
"""Two positions of a knob in 0…1 that no one can tell apart."""

Arguments = tuple[Value, ...]


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
        feedback: Feedback | None = None,
    ) -> None:
        self._inbox = inbox
        self._telemetry = telemetry
        self._values = values
        self._replies = Replies(sender, telemetry)
        self._requests = Requests(inbox, self._replies, settled)
        self._meta = Meta(self._replies, self._requests, info, feedback).handlers
        self._subscriptions = None if feedback is None else feedback.subscriptions
        self._tags = Tags(self._replies, telemetry, values)
        self._ticket = 0

    def notify(self, source: str, addr: str, code: str, text: str, request: int = 0) -> None:
        """Tell the author of a slow command how it ended: done (`code` empty) or an error. Thread: any."""
        self._requests.notify(source, addr, code, text, request)

    def answer(self, source: str, messages: Sequence[tuple[str, Arguments]]) -> int:
        """Send messages to an author at once; how many went out. Thread: any."""
        return self._requests.answer(source, messages)

    def refuse(self, source: str, addr: str, code: str, text: str) -> None:
        """Tell the author of a quick message that it could not be done. Thread: any."""
        self._requests.refuse(source, addr, code, text)

    def tick(self) -> bool:
        """Send what can be answered now; whether something still waits."""
        return self._requests.tick()

    def handle(self, datagram: bytes, sender: Address, received: Received) -> None:
        """Carry out one datagram; never raises for what is in it."""
        client = self._replies.client(sender)
        if self._subscriptions is not None:
            self._subscriptions.heard(sender[0], received.monotonic)
        try:
            packet = parse(datagram)
        except MessageError as error:
            self._replies.tell(client, "", error, received.monotonic)
            return
        for addr, reason in packet.rejected:
            self._replies.tell(client, addr, reason, received.monotonic)
        room = MAX_EFFECTS
        for group in packet.groups:
            due, late = self._tags.due(group.timetag, client, received)
            batch = next_batch()
            events: list[Event] = []
            for message in group.messages:
                request = 0
                try:
                    nodes, args = self._nodes(message, client, received)
                    room -= len(nodes)
                    if room < 0:
                        raise MessageError("range", f"more than {MAX_EFFECTS} effects in one datagram")
                    for node in nodes:
                        own, request = split_request(node.target, args)
                        fitted = self._fit(node, own, client, alone=len(nodes) == 1)
                        if fitted is None or node.target is None:
                            continue
                        event = Event(node.of, fitted, client.source, received.monotonic, due, batch, request)
                        if not (late and self._is_dropped(event, node)):
                            events.append(event)
                            self._remember(event, node, client, received)
                except MessageError as error:
                    self._replies.tell(client, message.addr, error, received.monotonic, request)
            if events:
                self._ticket = self._inbox.put(events)
        self._requests.stamp(self._ticket, received.monotonic)

    def _nodes(
        self, message: Message, client: Client, received: Received
    ) -> tuple[Sequence[Node], Arguments]:
        """What a message is for (nothing if it was answered here) and its arguments."""
        args = tuple(a for a in message.args if not isinstance(a, bytes))
        if len(args) != len(message.args):
            raise MessageError("type", f"{message.addr} takes no blobs")
        node = NODES.get(message.addr)
        if node is not None:
            return (node,), args
        meta = self._meta.get(message.addr)
        if meta is not None:
            meta(client, args, received.monotonic)
            return (), ()
        if message.addr in ANSWERS:
            self._telemetry.count("osc_replies_ignored")
            return (), ()
        nodes = find(message.addr) if is_pattern(message.addr) else ()
        if not nodes:
            raise MessageError("unknown_address", message.addr)
        return nodes, args

    def _fit(self, node: Node, args: Arguments, client: Client, alone: bool) -> Arguments | None:
        """Checked arguments of something to do; None if the message asked for a value or does nothing."""
        target = node.target
        if target is None or (not args and self._can_be_asked(node)):
            if args and alone:
                raise MessageError("args", f"{node.addr} can be asked for, but not set")
            if not args:
                present = node.present(self._values)
                if not present and alone:
                    raise MessageError("not_found", f"{node.addr} has no value yet")
                if present:
                    self._replies.reply(client, node.addr, *present)
            return None
        if node.mirrored:
            return self._fit_position(node, args, client)
        fitted, clipped = check(target, args)
        if is_button_release(target, fitted):
            return None
        if clipped:
            self._telemetry.count("osc_clipped")
        if isinstance(target.row, Parameter) and fitted != args:
            self._replies.reply(client, node.addr, *fitted)
        return fitted

    def _fit_position(self, node: Node, args: Arguments, client: Client) -> Arguments:
        """A parameter's value from a position in 0…1; the sender is told where it is, if it moved."""
        assert node.target is not None
        row = node.target.row
        assert isinstance(row, Parameter)
        if len(args) != 1:
            raise MessageError("args", f"{node.addr} takes 1 argument, got {len(args)}")
        if isinstance(args[0], str):
            raise MessageError("type", f"{node.addr} takes a number in 0…1, got the word {args[0][:32]!r}")
        value = row.from_unit(float(args[0]))
        position = row.to_unit(value)
        if abs(position - args[0]) > SAME_POSITION:
            self._replies.reply(client, node.addr, position)
        return (value,)

    def _can_be_asked(self, node: Node) -> bool:
        target = node.target
        assert target is not None
        row = target.row
        if isinstance(row, Parameter) or node.of in self._values:
            return True
        return isinstance(row, Command) and row.variadic

    def _is_dropped(self, event: Event, node: Node) -> bool:
        """Whether a late message is a note that `osc/late` forbids."""
        if not self._tags.drops or node.target is None or not starts_note(node.target, event.args):
            return False
        self._telemetry.count("osc_late_dropped")
        return True

    def _remember(self, event: Event, node: Node, client: Client, received: Received) -> None:
        """What must be answered later, and what the author now knows by itself."""
        row = None if node.target is None else node.target.row
        if isinstance(row, Command) and event.request and not row.slow:
            self._requests.command(client, node.addr, event.request)
        if self._subscriptions is not None and has_value(node):
            self._subscriptions.spoke(client.source, node.of, received.monotonic)
