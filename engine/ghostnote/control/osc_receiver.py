"""One UDP socket, one receive thread, a bounded appetite."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import sys
import threading
import time
from collections import deque
from types import TracebackType
from typing import Protocol, Self

from ghostnote.control.osc_clients import Address
from ghostnote.control.osc_guard import MAX_DATAGRAM
from ghostnote.control.osc_time import Received
from ghostnote.errors import NetworkError
from ghostnote.state.table import ROOT
from ghostnote.telemetry import Telemetry

RECEIVE_BUFFER = 4 * 1024 * 1024
MAX_BACKLOG = 4096
MAX_BACKLOG_BYTES = 4 * 1024 * 1024

_FREE_PORT = 9770
_BURST = 16
_YIELD_S = 0.0001
_READ_AHEAD = 256
_IDLE_S = 0.1
_SYNC_S = 0.004
_STATS_S = 1.0
_URGENT = tuple(f"{ROOT}/{name}\0".encode() for name in ("panic", "hush"))


class Router(Protocol):
    """What datagrams are handed to."""

    def handle(self, datagram: bytes, sender: Address, received: Received) -> None:
        """Carry out one datagram; never raises for what is in it."""

    def tick(self) -> bool:
        """Send what can be answered later; whether something still waits."""


class Receiver:
    """Receives datagrams over UDP (IPv4) and hands them to a router, which a subclass makes.

    The socket is opened at once: raises NetworkError when the port is taken or the address is not this
    computer's. `start` begins to receive. `name` begins its counters' names, and `option` is what a person
    sets the port with.

    Under a flood, the interpreter is given away after every few messages, panic and hush overtake what
    waits, and the oldest datagrams give way; all of it is counted.
    """

    _router: Router

    def __init__(self, telemetry: Telemetry, bind: str, port: int, name: str, option: str) -> None:
        self._telemetry = telemetry
        self._prefix = name
        self._sock = _open(bind, port, option)
        self.bind, self.port = self._sock.getsockname()
        self.receive_buffer = _effective_buffer(self._sock)
        self._backlog: deque[tuple[bytes, Address, Received]] = deque()
        self._backlog_bytes = 0
        self._urgent: deque[tuple[bytes, Address, Received]] = deque(maxlen=64)
        self._received = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ghostnote-{name}", daemon=True)

    def start(self) -> None:
        """Begin to receive, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop receiving (within a fraction of a second) and close the socket; may be called again."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)
        self._sock.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def kernel_drops(self) -> int | None:
        """Datagrams that the system dropped before they were read; None if unknown (not Linux)."""
        try:
            inode = str(os.fstat(self._sock.fileno()).st_ino)
            with open("/proc/net/udp", encoding="ascii") as table:
                for row in table:
                    fields = row.split()
                    if len(fields) > 12 and fields[9] == inode:
                        return int(fields[12])
        except (OSError, ValueError):
            return None
        return None

    def _run(self) -> None:
        next_stats = time.monotonic() + _STATS_S
        syncing = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            while not self._closing.is_set():
                if not self._backlog:
                    selector.select(_SYNC_S if syncing else _IDLE_S)
                try:
                    self._receive()
                    done = self._work()
                    syncing = self._router.tick()
                except Exception as error:  # a receive thread that dies would silence the instrument
                    self._telemetry.trouble(f"{self._prefix}_internal", f"OSC message lost: {error!r}")
                    done = _BURST
                if done >= _BURST:
                    # Every quarter of a millisecond or so, the render thread finds the interpreter free.
                    time.sleep(_YIELD_S)
                now = time.monotonic()
                if now >= next_stats:
                    next_stats = now + _STATS_S
                    self._tell_stats()

    def _receive(self) -> None:
        """Empty the system's queue into the backlog; panic and hush overtake it."""
        for _ in range(_READ_AHEAD):
            try:
                datagram, sender = self._sock.recvfrom(MAX_DATAGRAM + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                # Windows tells of a peer that went away, or of a datagram over the limit, here.
                if self._closing.is_set() or error.errno == errno.EBADF:
                    return
                self._telemetry.count(f"{self._prefix}_receive_errors")
                return
            self._received += 1
            item = (datagram, sender, Received.now())
            if datagram.startswith(_URGENT):
                self._urgent.append(item)
                continue
            self._backlog.append(item)
            self._backlog_bytes += len(datagram)
            while len(self._backlog) > MAX_BACKLOG or self._backlog_bytes > MAX_BACKLOG_BYTES:
                self._backlog_bytes -= len(self._backlog.popleft()[0])
                self._telemetry.count(f"{self._prefix}_dropped")

    def _work(self) -> int:
        """Carry out up to one burst of waiting datagrams; how many."""
        while self._urgent:
            self._router.handle(*self._urgent.popleft())
        for done in range(_BURST):
            if not self._backlog:
                return done
            datagram, sender, received = self._backlog.popleft()
            self._backlog_bytes -= len(datagram)
            self._router.handle(datagram, sender, received)
        return _BURST

    def _tell_stats(self) -> None:
        if self._received:
            self._telemetry.count(f"{self._prefix}_received", self._received)
            self._received = 0
            drops = self.kernel_drops()
            if drops is not None:
                self._telemetry.gauge(f"{self._prefix}_kernel_drops", drops)


def _open(bind: str, port: int, option: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        sock.bind((bind, port))
    except OverflowError:
        sock.close()
        raise NetworkError(f"OSC port {port} does not exist; ports are 0…65535 ({option})") from None
    except OSError as error:
        sock.close()
        raise NetworkError(_reason(bind, port, option, error)) from None
    return sock


def _reason(bind: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"UDP port {port} on {bind} is taken by another program; try {option} {port + 1}"
    if error.errno == errno.EACCES:
        return f"UDP port {port} on {bind} may not be opened by this user; try {option} {_FREE_PORT}"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{bind} is not an IPv4 address of this computer; try --bind 127.0.0.1 or --bind 0.0.0.0"
    return f"UDP port {port} on {bind} cannot be opened: {error.strerror or error}"


def _effective_buffer(sock: socket.socket) -> int:
    """Bytes that the system granted; Linux reports twice the usable size (socket(7))."""
    size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return size // 2 if sys.platform.startswith("linux") else size
