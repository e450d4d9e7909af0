"""The parent's end of ears: starts their process, passes on what they say, and replaces one that ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ghostnote.host.child import Child
from ghostnote.host.pipe import Message

QUIT_S = 3.0
AGAIN_S = 1.0
"""Least time from one start to the next."""
_LOST = 3


class EarsKeeper:
    """Keeps one ears process going. `asked`: its `listen` message.

    `heard`: called with each sound that is over, `kept` when it can be had as a file; `say`, `tell`: news and
    problems for people; a loss is told once. Threads: `look` and `close` one; the functions are called by
    another.
    """

    def __init__(
        self,
        asked: Message,
        say: Callable[[str], None],
        tell: Callable[[str], None],
        heard: Callable[[dict[str, Any]], None] = lambda sound: None,
        kept: Callable[[Message], None] = lambda message: None,
        fds: tuple[int, ...] = (),
    ) -> None:
        self._asked, self._say, self._tell, self._heard = asked, say, tell, heard
        self._kept = kept
        self._fds = fds
        self._again = False
        self._lost = False
        self.refused: str | None = None
        """Why it cannot listen at all; then it is not tried again."""
        self.listening = False
        self.counters: dict[str, float] = {}
        self._start()

    def look(self) -> None:
        """Start another one if it has ended. Called several times a second."""
        if self._child.running:
            return
        status = self._child.kill()  # what it said last is handled now
        if self.refused is not None:
            return
        self.listening = False
        if not self._lost:
            self._lost = True
            gone = "the input went away" if status == _LOST else f"the ears ended (status {status})"
            self._tell(f"{gone}: listening again as soon as it can be; everything else goes on")
        if time.monotonic() - self._child.started >= AGAIN_S:
            self._again = True
            self._start()

    def close(self) -> None:
        """End it."""
        self._child.end(QUIT_S)

    def _start(self) -> None:
        self._child = Child("ghostnote.host.ears", self._from_ears, self._fds)
        self._child.send({"type": "listen", **self._asked, "again": self._again})

    def _from_ears(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "heard":
            self._heard(message["sound"])
        elif kind == "kept":
            self._kept(message)
        elif kind == "listening":
            self._lost = False
            self.listening = True
            targets = ", ".join(message["targets"]) or "nobody"
            name, rate = message["name"], message["rate"]
            self._say(f"listening to {name}, {rate} Hz; OSC to {targets}, and all to the next port")
        elif kind == "beat":
            self.counters = message["counters"]
            for text, count in message["reports"]:
                self._tell(text if count == 1 else f"{text} (×{count})")
        elif kind == "refused":
            self.refused = message["text"]
