"""One datagram to many addresses, by a single system call where there is one (Linux: sendmmsg)."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

from ghostnote.control.osc_clients import Address

FEW = 3
"""For fewer addresses the call itself is not worth its preparation."""
MAX_KEPT = 16
"""Sets of addresses that are kept ready."""

_SOCKADDR = struct.Struct("=H2s4s8x")


class _Piece(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """`struct msghdr`, see sendmsg(2)."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(_Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """`struct mmsghdr`, see sendmmsg(2)."""

    _fields_ = (("message", _Message), ("sent", ctypes.c_uint))


_SIZE = ctypes.sizeof(_Header)


class _Ready:
    """Headers for some addresses, all of which point to the one datagram that is sent next."""

    def __init__(self, dests: tuple[Address, ...]) -> None:
        names = b"".join(
            _SOCKADDR.pack(socket.AF_INET, port.to_bytes(2, "big"), socket.inet_aton(host))
            for host, port in dests
        )
        self._names = ctypes.create_string_buffer(names, len(names))
        self.piece = _Piece()
        self.headers = (_Header * len(dests))()
        first = ctypes.addressof(self._names)
        for k, header in enumerate(self.headers):
            header.message.name = first + k * _SOCKADDR.size
            header.message.name_size = _SOCKADDR.size
            header.message.pieces = ctypes.pointer(self.piece)
            header.message.piece_count = 1


class Burst:
    """Sends over one UDP socket without waiting. Thread: one at a time.

    Twenty subscribers are one call instead of twenty, each of which would give the interpreter away and wait
    to get it back.
    """

    def __init__(self, sock: socket.socket, call: Callable[..., int] | None = None) -> None:
        """`call`: sendmmsg (None: the system's, if it has one)."""
        self._sock = sock
        self._call = call or _sendmmsg()
        self._ready: dict[tuple[Address, ...], _Ready] = {}

    def send(self, dests: tuple[Address, ...], datagram: bytes) -> int:
        """Send a datagram to every address (IPv4, in numbers); to how many the system took it."""
        if self._call is None or len(dests) < FEW:
            return sum(self._one(dest, datagram) for dest in dests)
        ready = self._ready.get(dests)
        if ready is None:
            if len(self._ready) >= MAX_KEPT:
                self._ready.clear()
            ready = self._ready[dests] = _Ready(dests)
        ready.piece.base, ready.piece.size = datagram, len(datagram)
        at = sent = 0
        while at < len(dests):
            start = ctypes.byref(ready.headers, at * _SIZE)
            took = self._call(self._sock.fileno(), start, len(dests) - at, socket.MSG_DONTWAIT)
            sent += max(0, took)
            at += took if took > 0 else 1  # the first one was refused
        return sent

    def _one(self, dest: Address, datagram: bytes) -> bool:
        with suppress(OSError):
            self._sock.sendto(datagram, dest)
            return True
        return False


def _sendmmsg() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = ctypes.CDLL(None).sendmmsg
    except (OSError, AttributeError):
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    found.restype = ctypes.c_int
    call: Callable[..., int] = found
    return call
