"""OSC out: messages with the types i, f and s only, which every peer understands."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

from pythonosc.osc_message_builder import OscMessageBuilder

from ghostnote.control.osc_burst import Burst
from ghostnote.control.osc_clients import Address
from ghostnote.control.osc_time import IMMEDIATELY
from ghostnote.state.table import Value
from ghostnote.telemetry import Telemetry

MAX_BYTES = 1400

_INT_MAX = 2**31 - 1
_SIZE = struct.Struct(">i")
_FLOAT = struct.Struct(">f")
_BUNDLE = b"#bundle\0"
_HEAD = len(_BUNDLE) + 8
_FLOAT_MAX = 3.4028234663852886e38


def build(addr: str, *args: Value) -> bytes:
    """One OSC message; booleans and integers become `i` (clipped to 32 bits), floats `f`, text `s`."""
    builder = OscMessageBuilder(address=addr)
    for arg in args:
        if isinstance(arg, str):
            builder.add_arg(arg.replace("\0", "").encode("utf-8", "replace").decode("utf-8"), "s")
        elif isinstance(arg, int):
            builder.add_arg(min(max(int(arg), -_INT_MAX - 1), _INT_MAX), "i")
        else:
            builder.add_arg(min(max(arg, -_FLOAT_MAX), _FLOAT_MAX), "f")
    dgram: bytes = builder.build().dgram
    return dgram


def bundles(messages: Iterable[bytes], timetag: int = IMMEDIATELY) -> list[bytes]:
    """Messages in as few datagrams as hold them, in order, each a bundle of at most `MAX_BYTES`.

    A message that is too large for a bundle is left out. `timetag`: 64-bit NTP time of what they tell.
    """
    head = _BUNDLE + (timetag % (1 << 64)).to_bytes(8, "big")
    found: list[bytes] = []
    parts: list[bytes] = []
    size = _HEAD
    for message in messages:
        more = 4 + len(message)
        if size + more > MAX_BYTES:
            if parts:
                found.append(head + b"".join(parts))
            parts, size = [], _HEAD
            if size + more > MAX_BYTES:
                continue
        parts += (_SIZE.pack(len(message)), message)
        size += more
    return [*found, head + b"".join(parts)] if parts else found


class Encoder:
    """`build` for the same addresses again and again: one number after an address is packed at once."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, bool], bytes] = {}

    def encode(self, addr: str, args: tuple[Value, ...]) -> bytes:
        """The same bytes as `build(addr, *args)`."""
        if len(args) != 1 or isinstance(args[0], str):
            return build(addr, *args)
        value = args[0]
        whole = isinstance(value, int)
        head = self._heads.get((addr, whole))
        if head is None:
            head = self._heads[addr, whole] = build(addr, 0 if whole else 0.0)[:-4]
        if whole:
            return head + _SIZE.pack(min(max(int(value), -_INT_MAX - 1), _INT_MAX))
        return head + _FLOAT.pack(min(max(value, -_FLOAT_MAX), _FLOAT_MAX))


class OscSender:
    """Sends to any address over one UDP socket, never waiting; what cannot be sent is counted.

    With `sock` it answers from that socket (and leaves it open), so that replies come from the port that the
    peer wrote to.
    """

    def __init__(self, telemetry: Telemetry, sock: socket.socket | None = None) -> None:
        self._telemetry = telemetry
        self._owned = sock is None
        self._sock = sock or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._burst = Burst(self._sock)

    def send(self, dest: Address, addr: str, *args: Value) -> bool:
        """Send one message of at most `MAX_BYTES`; False if it was too large or the system refused it."""
        datagram = build(addr, *args)
        if len(datagram) > MAX_BYTES:
            self._telemetry.count("osc_out_too_large")
            return False
        return self.send_datagram(dest, datagram)

    def send_datagram(self, dest: Address, datagram: bytes) -> bool:
        """Send what is encoded already; False if the system refused it. Thread: any."""
        try:
            self._sock.sendto(datagram, dest)
        except OSError:
            self._telemetry.count("osc_out_failed")
            return False
        return True

    def send_to_all(self, dests: tuple[Address, ...], datagram: bytes) -> None:
        """Send what is encoded already to many; what the system refuses is counted. Thread: one at a time."""
        refused = len(dests) - self._burst.send(dests, datagram)
        if refused:
            self._telemetry.count("osc_out_failed", refused)

    def close(self) -> None:
        """Close the socket, if it is the sender's own."""
        if self._owned:
            with suppress(OSError):
                self._sock.close()
