"""The supervisor's end of the pages: starts them once the instrument plays, and replaces what ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ghostnote.host.child import Child
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message

QUIT_S = 3.0
AGAIN_S = 1.0
"""Least time from one start to the next."""


class PagesKeeper:
    """Serves the map of the library that `--library` names, at the TCP port with the number of the OSC port.

    `hand`: takes what the core is to know; `say`, `tell`: news and problems for the performer. Threads: any.
    """

    def __init__(
        self,
        options: PlayOptions,
        hand: Callable[[Message], None],
        say: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._library, self._hand, self._say, self._tell = options.library, hand, say, tell
        self._child: Child | None = None
        self._changing = threading.RLock()
        self._start: Message = {}
        self._port = 0
        self._closed = False
        self._told = False

    def begin(self, bind: str, port: int) -> None:
        """A core plays, with OSC at an address and a port. What is served already goes on."""
        if self._library is None:
            return
        with self._changing:
            if self._child is None:
                self._start = {
                    "type": "start", "library": self._library, "bind": bind, "port": port, "osc_port": port,
                }  # fmt: skip
                self._go()
        self._hand({"type": "page", "port": self._port})

    def look(self) -> None:
        """Notice pages that ended, and start them again. Called several times a second."""
        with self._changing:
            child = self._child
            if child is None or self._closed or child.running:
                return
        status = child.kill()  # what it said last is handled now
        with self._changing:
            self._known(0)
            if not self._told:
                self._told = True
                self._tell(f"the map's server ended (status {status}): starting it again; the sound goes on")
            if time.monotonic() - child.started >= AGAIN_S:
                self._go()

    def close(self) -> None:
        """End them."""
        with self._changing:
            self._closed = True
            child = self._child
        if child is not None:
            child.end(QUIT_S)

    def _go(self) -> None:
        if not self._closed:
            self._child = Child("ghostnote.host.pages", self._from_pages)
            self._child.send(self._start)

    def _known(self, port: int) -> None:
        self._port = port
        self._hand({"type": "page", "port": port})

    def _from_pages(self, message: Message) -> None:
        if message.get("type") == "page":
            with self._changing:
                self._told = False  # it works again
                self._known(message["port"])
            self._say(f"the map of library {self._library} is at {message['address']}")
        elif message.get("type") == "trouble":
            self._tell(message["text"])
