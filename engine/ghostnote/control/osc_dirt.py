"""SuperDirt's messages: `/dirt/play` becomes `/gn/play`, so that TidalCycles and SuperCollider play parts.

Orbit n plays part n + 1. `gain` is SuperDirt's (its fourth power is the amplitude), `pan` goes from 0 to 1,
`note` and `n` are semitones, a `speed` below 0 plays backwards. What there is nothing for (effects,
`accelerate`) is left out, and said once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ghostnote.control.events import Event, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_clients import Address, Client
from ghostnote.control.osc_guard import Message, parse
from ghostnote.control.osc_nodes import Values
from ghostnote.control.osc_receiver import Receiver
from ghostnote.control.osc_replies import Replies
from ghostnote.control.osc_send import OscSender
from ghostnote.control.osc_tags import Tags
from ghostnote.control.osc_time import Received
from ghostnote.errors import MessageError
from ghostnote.state.registry import TARGETS, check
from ghostnote.state.table import PARTS, ROOT, Command, Value
from ghostnote.telemetry import Telemetry

CONTROL_BUSES = 16
"""As many are named in the handshake; Tidal takes an empty list for no answer."""
MAX_GAIN = 2.0
SOUNDS = {
    "bd": "kick",
    "sd": "snare",
    "sn": "snare",
    "hh": "hihat_closed",
    "hc": "hihat_closed",
    "ho": "hihat_open",
    "oh": "hihat_open",
    "lt": "tom_low",
    "ht": "tom_high",
    "cp": "clap",
    "rs": "rim",
    "rim": "rim",
}
"""What patterns call the sounds of a drum machine, and what our models call them."""

_PLAY = TARGETS[f"{ROOT}/play"]
_SAME = frozenset(a.name for a in _PLAY.row.arguments) if isinstance(_PLAY.row, Command) else frozenset()
_KNOWN = frozenset(["orbit", "midinote", "octave", "legato", "delta", "cps", "cycle", "nudge", "_id_"])
"""What else has an effect, or has had it: a nudge is in the time tag."""
OCTAVE = 5
"""SuperDirt's own."""


class DirtRouter:
    """Turns SuperDirt's messages into events. Thread: its server's only."""

    def __init__(
        self, inbox: Inbox, telemetry: Telemetry, sender: OscSender, values: Values, port: int
    ) -> None:
        self._inbox = inbox
        self._telemetry = telemetry
        self._replies = Replies(sender, telemetry)
        self._tags = Tags(self._replies, telemetry, values)
        self._port = port

    def tick(self) -> bool:
        """Nothing is answered later."""
        return False

    def handle(self, datagram: bytes, sender: Address, received: Received) -> None:
        """Carry out one datagram; never raises for what is in it."""
        client = self._replies.client(sender)
        try:
            packet = parse(datagram)
        except MessageError as error:
            self._replies.tell(client, "", error, received.monotonic)
            return
        for addr, reason in packet.rejected:
            self._replies.tell(client, addr, reason, received.monotonic)
        for group in packet.groups:
            due, late = self._tags.due(group.timetag, client, received)
            batch = next_batch()
            events = []
            for message in group.messages:
                try:
                    args = self._args(message, client)
                except MessageError as error:
                    self._replies.tell(client, message.addr, error, received.monotonic)
                    continue
                if args is None:
                    continue
                if late and self._tags.drops:
                    self._telemetry.count("osc_late_dropped")
                    continue
                events.append(Event(_PLAY.addr, args, client.source, received.monotonic, due, batch))
            if events:
                self._inbox.put(events)

    def _args(self, message: Message, client: Client) -> tuple[Value, ...] | None:
        """Checked arguments of a note; None for what was answered here or is none."""
        if message.addr == "/dirt/hello":
            self._replies.reply(client, "/dirt/hello/reply")
        elif message.addr == "/dirt/handshake":
            here = ("&serverHostname", client.sender[0], "&serverPort", self._port)
            self._replies.reply(
                client, "/dirt/handshake/reply", *here, "&controlBusIndices", *range(CONTROL_BUSES)
            )
        elif message.addr in ("/dirt/play", "/play2"):
            return self._note(message, client)
        elif message.addr not in ("/dirt/setControlBus", "/c_set"):
            raise MessageError("unknown_address", f"{message.addr}: there is /dirt/play, hello and handshake")
        return None

    def _note(self, message: Message, client: Client) -> tuple[Value, ...] | None:
        args = message.args
        if len(args) % 2:
            raise MessageError("args", f"{message.addr} takes names and values, got {len(args)} arguments")
        given: dict[str, Value] = {}
        for name, value in zip(args[::2], args[1::2], strict=True):
            if not isinstance(name, str) or isinstance(value, bytes):
                raise MessageError("type", f"{message.addr}: {str(name)[:32]!r} is no name with a value")
            given[name] = value
        left_out = sorted(set(given) - _SAME - _KNOWN)
        if left_out:
            self._telemetry.count("dirt_left_out", len(left_out))
            names = ", ".join(name[:16] for name in left_out[:8])
            if f"without {names}" not in client.told and len(client.told) < 64:
                client.told.add(f"without {names}")
                self._telemetry.trouble("dirt_left_out_told", f"/dirt/play: nothing here does {names}")
        pairs = dict(_translated(given, message.addr))
        if pairs.pop("silent", None):
            return None
        return check(_PLAY, tuple(item for pair in pairs.items() for item in pair))[0]


class DirtServer(Receiver):
    """Listens at a port of its own as SuperDirt does. Raises NetworkError."""

    def __init__(
        self, inbox: Inbox, telemetry: Telemetry, *, values: Values, bind: str = "127.0.0.1", port: int
    ) -> None:
        super().__init__(telemetry, bind, port, "dirt", "--dirt")
        self._router = DirtRouter(inbox, telemetry, OscSender(telemetry, self._sock), values, self.port)


def _translated(given: dict[str, Value], addr: str) -> Iterator[tuple[str, Value]]:
    """Names and values of `/gn/play`; `silent` if nothing would be heard."""
    number = {name: _number(addr, name, value) for name, value in given.items() if name in _NUMBERS}
    yield from ((name, given[name]) for name in given if name in _SAME - _CHANGED)
    orbit = int(number.get("orbit", 0.0))
    yield "part", orbit % len(PARTS) + 1
    if isinstance(sound := given.get("s"), str):
        yield "s", SOUNDS.get(sound, sound)
    if "midinote" in number:
        yield "n", number["midinote"] - 60.0
    elif not number.keys().isdisjoint(("note", "n", "octave")):
        octaves = number.get("octave", OCTAVE) - OCTAVE
        yield "n", number.get("note", number.get("n", 0.0)) + 12.0 * octaves
    if "gain" in number:
        gain = min(number["gain"], MAX_GAIN)
        yield ("gain", 80.0 * math.log10(gain)) if gain > 0.0 else ("silent", 1)
    if "pan" in number:
        yield "pan", 2.0 * number["pan"] - 1.0
    speed, rate = number.get("speed", 1.0), number.get("rate", 1.0)
    if "speed" in number:
        yield ("speed", abs(speed)) if speed else ("silent", 1)
    if "rate" in number or speed < 0.0:
        yield "rate", math.copysign(1.0, speed) * rate
    if "sustain" in number:
        yield "sustain", number["sustain"]
    elif "legato" in number and "delta" in number:
        yield "sustain", number["legato"] * number["delta"]
    if cut := int(number.get("cut", 0.0)):
        yield "cut", (orbit % len(PARTS) + 1) * 1000 + abs(cut) % 1000


_NUMBERS = frozenset(
    [
        "orbit",
        "midinote",
        "note",
        "n",
        "octave",
        "gain",
        "pan",
        "speed",
        "rate",
        "sustain",
        "legato",
        "delta",
        "cut",
    ]
)
_CHANGED = _NUMBERS | {"s", "part"}


def _number(addr: str, name: str, value: Value) -> float:
    if isinstance(value, str):
        raise MessageError("type", f"{addr}: {name} takes a number, got the word {value[:32]!r}")
    return float(value)
