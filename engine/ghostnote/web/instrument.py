"""The instrument that plays on this computer, asked by OSC: whether it is there, and to take a sound."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress

from ghostnote.control.osc_guard import parse
from ghostnote.control.osc_send import build
from ghostnote.errors import MessageError, NetworkError

PORT = 9770
WAIT_S = 10.0
"""So long may a sound take to be in its slot: it is embedded, and others may be waiting."""
PING_S = 0.5
SLOTS = "abcdefgh"

_numbers = itertools.count(1)


class Instrument:
    """Asks one instrument, at a UDP port of this computer."""

    def __init__(self, port: int = PORT) -> None:
        self.port = port

    async def there(self) -> bool:
        """Whether it answers."""
        number = next(_numbers)
        try:
            await self._ask(build("/gn/ping", number), "/gn/pong", number, PING_S)
        except NetworkError:
            return False
        return True

    async def take(self, slot: str, path: str) -> None:
        """Put a sound file into a slot, and wait until it is there.

        Raises NetworkError where no instrument answers, MessageError with what it says against it.
        """
        number = next(_numbers)
        address = f"/gn/slot/{slot}/file"
        await self._ask(build(address, path, number), "/gn/done", number, WAIT_S)

    async def _ask(self, datagram: bytes, wanted: str, number: int, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Answers(answered, wanted, number), remote_addr=("127.0.0.1", self.port)
        )
        try:
            transport.sendto(datagram)
            async with asyncio.timeout(wait_s):
                await answered
        except (TimeoutError, OSError):
            raise NetworkError(
                f"no instrument answers at port {self.port} of this computer; start one: ghostnote play"
            ) from None
        finally:
            transport.close()


class _Answers(asyncio.DatagramProtocol):
    """Waits for the answer with a number."""

    def __init__(self, answered: asyncio.Future[None], wanted: str, number: int) -> None:
        self._answered, self._wanted, self._number = answered, wanted, number

    def datagram_received(self, data: bytes, addr: object) -> None:
        with suppress(MessageError):
            for group in parse(data).groups:
                for message in group.messages:
                    self._take(message.addr, message.args)

    def _take(self, address: str, args: tuple[object, ...]) -> None:
        if self._answered.done():
            return
        if address == "/gn/error" and len(args) >= 4 and args[3] == self._number:
            self._answered.set_exception(MessageError(str(args[1]), str(args[2])))
        elif address == self._wanted and self._number in args:
            self._answered.set_result(None)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc)
