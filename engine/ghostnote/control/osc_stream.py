"""Streams to visuals and patches: numbers to one port, everything to the next, each with its time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from ghostnote.control.osc_send import Encoder, build, bundles
from ghostnote.control.osc_time import timetag_at
from ghostnote.errors import NetworkError, UsageError
from ghostnote.state.table import Value
from ghostnote.telemetry import Telemetry

NUMBERS_PORT = 9771
"""Numbers alone, for receivers that take nothing else; the port after it gets everything."""
HOST = "127.0.0.1"
MAX_TARGETS = 16

Target = tuple[str, int]
Message = tuple[str, tuple[Value, ...]]


def parse_target(text: str) -> Target:
    """Host and port of the numbers of `HOST`, `HOST:PORT` or `:PORT`. Raises UsageError."""
    host, colon, port = text.strip().rpartition(":")
    if not colon:
        host, port = port, str(NUMBERS_PORT)
    if ":" in host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65534:
        raise UsageError(
            f"--targets {text}: HOST:PORT is needed, as in {HOST}:{NUMBERS_PORT}; a port from 1 to 65534, "
            "since everything goes to the port after it"
        )
    return host or HOST, int(port)


class _Peer:
    """A connected socket, which is told when nobody listens at its port."""

    def __init__(self, host: str, port: int) -> None:
        self.where = f"{host}:{port}"
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                host, port, socket.AF_INET, socket.SOCK_DGRAM
            )[0]
            self._sock = socket.socket(family, kind, proto)
            self._sock.setblocking(False)
            self._sock.connect(address)
        except (OSError, UnicodeError) as error:
            raise NetworkError(
                f"{self.where}: cannot be sent to ({error}); check the name and the network, or use {HOST}"
            ) from None

    def send(self, datagram: bytes) -> bool:
        """Send without waiting; False if nobody listens there, or the system refused it."""
        refused = False
        for _ in range(2):  # the first one may fail for the datagram before
            try:
                self._sock.send(datagram)
                return not refused
            except ConnectionRefusedError:
                refused = True
            except OSError:
                return False
        return False

    def close(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self._sock.close()


class Streams:
    """Sends to every target: `numbers` to its port and to the next, `words` to the next alone.

    What cannot be sent is counted, and each target is told of once. Thread: one. Never waits.
    """

    def __init__(self, targets: Iterable[Target], telemetry: Telemetry) -> None:
        """Raises NetworkError for a host that is not known, UsageError for too many targets."""
        wanted = list(dict.fromkeys(targets))
        if len(wanted) > MAX_TARGETS:
            raise UsageError(f"--targets: {len(wanted)} targets; {MAX_TARGETS} are the most")
        self._telemetry = telemetry
        self._encoder = Encoder()
        self._peers = [(_Peer(host, port), _Peer(host, port + 1)) for host, port in wanted]
        self._told: set[str] = set()

    @property
    def targets(self) -> list[str]:
        """Where numbers go."""
        return [numbers.where for numbers, _ in self._peers]

    def numbers(self, values: Mapping[str, float | int], heard: float) -> None:
        """One number for each address, as one bundle where it holds them.

        `heard`: monotonic time at which what they tell is, was, or will be heard.
        """
        if not self._peers:
            return
        encoded = (self._encoder.encode(addr, (value,)) for addr, value in values.items())
        for datagram in bundles(encoded, timetag_at(wall(heard))):
            for numbers, everything in self._peers:
                self._send(numbers, datagram, worth_telling=True)
                self._send(everything, datagram)

    def words(self, messages: Iterable[Message], heard: float) -> None:
        """Messages with anything in them, as bundles with the same time."""
        if not self._peers:
            return
        encoded = (build(addr, *args) for addr, args in messages)
        for datagram in bundles(encoded, timetag_at(wall(heard))):
            for _, everything in self._peers:
                self._send(everything, datagram)

    def close(self) -> None:
        """Close all sockets."""
        for pair in self._peers:
            for peer in pair:
                peer.close()

    def _send(self, peer: _Peer, datagram: bytes, worth_telling: bool = False) -> None:
        if peer.send(datagram):
            return
        self._telemetry.count("stream_unheard")
        if worth_telling and peer.where not in self._told:
            self._told.add(peer.where)
            self._telemetry.trouble(
                f"unheard:{peer.where}",
                f"nobody receives OSC at {peer.where} yet; it is sent there all the same",
            )


def wall(monotonic: float) -> float:
    """Seconds since 1970 of a monotonic time, by both clocks as they are now."""
    return monotonic + (time.time() - time.monotonic())
