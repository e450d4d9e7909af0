"""Receivers of the streams to visuals: two ports in a row, and what came in at one."""

from __future__ import annotations

import socket
from contextlib import suppress

from pythonosc.osc_bundle import OscBundle


def pair() -> tuple[socket.socket, socket.socket]:
    """Sockets at two ports in a row that hold much and never wait."""
    while True:
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        first.bind(("127.0.0.1", 0))
        try:
            second.bind(("127.0.0.1", first.getsockname()[1] + 1))
        except OSError:
            first.close()
            second.close()
            continue
        for sock in (first, second):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sock.setblocking(False)
        return first, second


def drain(sock: socket.socket) -> list[tuple[str, tuple]]:
    """All messages that have come in, as (address, arguments)."""
    waiting, found = [], []
    with suppress(BlockingIOError):
        while True:
            waiting.append(sock.recv(65536))
    for bundle in map(OscBundle, waiting):
        contents = (bundle.content(k) for k in range(bundle.num_contents))
        found += [(m.address, tuple(m.params)) for m in contents]
    return found
