"""The connections of a server: so many at most, none that is idle or slow for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import web

MOST = 64
IDLE_S = 15.0
"""A connection without a whole request for so long is closed: headers that drip in, and kept-alive ones."""
BUSY_S = 90.0
"""A request whose answer is not taken for so long is ended."""
LOOK_S = 1.0

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_FULL)
        transport.close()


class Connections:
    """A factory of protocols for `loop.create_server`. Thread: the loop's."""

    def __init__(
        self, server: web.Server, clock: Callable[[], float] = time.monotonic, most: int = MOST
    ) -> None:
        self._server, self._clock, self._most = server, clock, most
        self._open: dict[asyncio.BaseProtocol, float] = {}
        self._busy: set[asyncio.BaseProtocol] = set()

    def __call__(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection."""
        if len(self._server.connections) >= self._most:
            return _Refused()
        self._forget()
        handler = self._server()
        self._open[handler] = self._clock()
        return handler

    def begin(self, request: web.Request) -> None:
        """A whole request has come."""
        self._busy.add(request.protocol)
        self._open[request.protocol] = self._clock()

    def end(self, request: web.Request) -> None:
        """It was answered, as far as we are concerned."""
        self._busy.discard(request.protocol)
        self._open[request.protocol] = self._clock()

    def close_slow(self) -> int:
        """Close connections that take too long; how many."""
        self._forget()
        now, closed = self._clock(), 0
        for handler, since in list(self._open.items()):
            if now - since > (BUSY_S if handler in self._busy else IDLE_S):
                assert isinstance(handler, web.RequestHandler)
                transport = handler.transport
                if transport is not None:
                    transport.abort()
                closed += 1
                self._drop(handler)
        return closed

    async def watch(self) -> None:
        """Close slow connections from time to time, for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.close_slow()

    def _forget(self) -> None:
        alive = set(self._server.connections)
        for handler, since in list(self._open.items()):
            # A new connection is none of the server's until its transport is there.
            if handler not in alive and self._clock() - since > LOOK_S:
                self._drop(handler)

    def _drop(self, handler: asyncio.BaseProtocol) -> None:
        self._open.pop(handler, None)
        self._busy.discard(handler)
