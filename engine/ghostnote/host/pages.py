"""The pages process: serves the map of a library beside the instrument, and gives way to it.

If it dies, the sound goes on and the parent starts another.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import suppress

from ghostnote.crew import ONE_THREAD

os.environ.update(ONE_THREAD)  # before NumPy loads

from ghostnote.errors import LibraryError, NetworkError
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, read_messages
from ghostnote.web.instrument import Instrument
from ghostnote.web.map_room import MapRoom
from ghostnote.web.map_source import MapSource
from ghostnote.web.serving import address, open_socket, serving

NICE = 5
"""It gives way to the instrument, as an index does."""
AGAIN_S = 2.0
"""A library that is not there yet is looked for so often."""
_SWITCH_INTERVAL_S = 0.0005


class Pages:
    """Serves one library until it is told to end. `send` takes what is for the parent."""

    def __init__(self, out: PipeWriter) -> None:
        self._out = out
        self._ended = asyncio.Event()

    async def serve(self, asked: Message) -> None:
        """Wait for the library to be there, open the port (`bind`, `port`), serve it.

        Says `page` with the port where it can be seen, or `trouble`.
        """
        source = await self._source(asked["library"])
        if source is None:
            return
        try:
            sock = open_socket(asked["bind"], asked["port"])
        except NetworkError as error:
            self._out.send({"type": "trouble", "text": f"the map is not served: {error}"})
            await self._ended.wait()
            return
        with sock:
            room = MapRoom(source, Instrument(asked["osc_port"]))
            async with serving(sock, [room], lambda text: self._out.send({"type": "trouble", "text": text})):
                port = sock.getsockname()[1]
                self._out.send({"type": "page", "port": port, "address": address(sock)})
                await self._ended.wait()

    def end(self) -> None:
        """Stop serving. Thread: the loop's."""
        self._ended.set()

    async def _source(self, library: str) -> MapSource | None:
        """The library, as soon as it is there; None where it is ended before."""
        told = ""
        while not self._ended.is_set():
            try:
                return await asyncio.to_thread(MapSource, library, None)
            except LibraryError as error:
                if str(error) != told:
                    told = str(error)
                    self._out.send({"type": "trouble", "text": f"the map is not served yet: {error}"})
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._ended.wait()
        return None


async def _run(out: PipeWriter) -> None:
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[Message] = loop.create_future()
    pages = Pages(out)

    def take(message: Message) -> None:
        if message.get("type") == "start" and not asked.done():
            asked.set_result(message)
        elif message.get("type") == "quit":
            pages.end()
            asked.cancel()

    def hand(message: Message) -> None:
        loop.call_soon_threadsafe(take, message)

    def listen() -> None:
        read_messages(sys.stdin.buffer, hand)
        hand({"type": "quit"})

    threading.Thread(target=listen, name="ghostnote-supervised", daemon=True).start()
    with suppress(asyncio.CancelledError):
        await pages.serve(await asked)


def main() -> int:
    """Run as a child: what to serve on standard input, then `quit`."""
    ignore_signals()
    if hasattr(os, "nice"):
        os.nice(NICE)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders complain there, over the performer's screen
    out = PipeWriter(sys.stdout.buffer)
    asyncio.run(_run(out))
    out.close()
    return 0


if __name__ == "__main__":
    os._exit(main())
