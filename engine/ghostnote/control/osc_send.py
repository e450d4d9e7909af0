"""OSC out: messages with the types i, f and s only, which every peer understands."""

from __future__ import annotations

import socket
from contextlib import suppress

from pythonosc.osc_message_builder import OscMessageBuilder

from ghostnote.state.table import Value
from ghostnote.telemetry import Telemetry

MAX_BYTES = 1400

_INT_MAX = 2**31 - 1
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

    def send(self, dest: tuple[str, int], addr: str, *args: Value) -> bool:
        """Send one message of at most `MAX_BYTES`; False if it was too large or the system refused it."""
        datagram = build(addr, *args)
        if len(datagram) > MAX_BYTES:
            self._telemetry.count("osc_out_too_large")
            return False
        try:
            self._sock.sendto(datagram, dest)
        except OSError:
            self._telemetry.count("osc_out_failed")
            return False
        return True

    def close(self) -> None:
        """Close the socket, if it is the sender's own."""
        if self._owned:
            with suppress(OSError):
                self._sock.close()
