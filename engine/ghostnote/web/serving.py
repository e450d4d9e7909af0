"""An HTTP server for pages: opens its port, serves rooms, and ends cleanly."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from ghostnote.errors import NetworkError
from ghostnote.web.connections import Connections
from ghostnote.web.guard import LONGEST_BODY, Hosts, guarding

DEFAULT_PORT = 9770
LOOPBACK = "127.0.0.1"
_LONGEST_LINE = 4096
_MOST_HEADERS = 64
_KEEP_ALIVE_S = 10.0
_END_S = 2.0
_FREE_PORT = 9780


class Room(Protocol):
    """A part of the site: its routes, and what goes on while it is open."""

    def routes(self) -> Sequence[web.RouteDef]:
        """What it answers."""

    async def run(self) -> None:
        """What it does beside answering, until it is cancelled."""


def open_socket(bind: str, port: int) -> socket.socket:
    """A socket that listens. Raises NetworkError."""
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(bind).version == 6 else socket.AF_INET
    except ValueError:
        raise NetworkError(
            f"--bind {bind}: is no address; try 127.0.0.1, or 0.0.0.0 for the network"
        ) from None
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((bind, port))
        sock.listen(128)
    except OverflowError:
        sock.close()
        raise NetworkError(f"--port {port}: ports are 0…65535") from None
    except OSError as error:
        sock.close()
        raise NetworkError(_reason(bind, port, error)) from None
    return sock


def _reason(bind: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"TCP port {port} on {bind} is taken by another program; try --port {_FREE_PORT}, or --port 0"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"TCP port {port} on {bind} may not be opened by this user; try --port {_FREE_PORT}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{bind} is no address of this computer; try --bind 127.0.0.1 or --bind 0.0.0.0"
    return f"TCP port {port} on {bind} cannot be opened: {error.strerror or error}"


def address(sock: socket.socket) -> str:
    """What a browser is given to come to a socket."""
    host, port = sock.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = LOOPBACK
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_open(sock: socket.socket) -> bool:
    """Whether others than this computer can come to a socket."""
    return not ipaddress.ip_address(sock.getsockname()[0]).is_loopback


@asynccontextmanager
async def serving(
    sock: socket.socket, rooms: Sequence[Room], tell: Callable[[str], None]
) -> AsyncIterator[Connections]:
    """Serve rooms at a socket while the context lasts; the first room's first page is that of `/`."""
    guard = guarding(Hosts(sock.getsockname()[0]), tell)
    held: list[Connections] = []

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        held[0].begin(request)
        try:
            return await handler(request)
        finally:
            held[0].end(request)

    app = web.Application(client_max_size=LONGEST_BODY, middlewares=[count, guard])
    for room in rooms:
        app.add_routes(room.routes())
    quiet = logging.getLogger("ghostnote.web")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        logger=quiet,
        keepalive_timeout=_KEEP_ALIVE_S,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        max_headers=_MOST_HEADERS,
        shutdown_timeout=_END_S,
    )
    await runner.setup()
    assert runner.server is not None
    held.append(Connections(runner.server))
    listening = await asyncio.get_running_loop().create_server(held[0], sock=sock)
    tasks = [asyncio.create_task(work) for work in (held[0].watch(), *(room.run() for room in rooms))]
    try:
        yield held[0]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()


def serve(sock: socket.socket, rooms: Sequence[Room], tell: Callable[[str], None]) -> None:
    """Serve until the process is interrupted or asked to end; closes the socket."""

    async def run() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        if os.name != "nt":  # there Ctrl-C is a KeyboardInterrupt
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, ended.set)
        async with serving(sock, rooms, tell):
            await ended.wait()

    with sock, suppress(KeyboardInterrupt):
        asyncio.run(run())
