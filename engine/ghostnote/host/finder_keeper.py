"""The supervisor's end of the finder: starts it when it is first asked, and replaces one that ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ghostnote.host.child import Child
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message

QUIT_S = 2.0
AGAIN_S = 1.0
"""Least time from one start to the next."""
ANSWER_S = 60.0
"""A finder that does not answer for so long hangs: on a disk that is gone, say."""

_LOST = "the search ended before it was done, and its process is started again: ask again"


class FinderKeeper:
    """Passes the core's questions on to the finder, and its answers back; every question is answered.

    With `--library` it is started with the performance, else by the first question. `answer`: takes what is
    for the core; `say`, `tell`: news and problems for the performer. Threads: any.
    """

    def __init__(
        self,
        options: PlayOptions,
        answer: Callable[[Message], None],
        say: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self._options, self._answer, self._say, self._tell = options, answer, say, tell
        self._child: Child | None = None
        self._asked: dict[str, float] = {}
        self._changing = threading.RLock()
        self._closed = False
        self._told = False

    def check(self) -> None:
        """Whether the library can be meant. Raises LibraryError."""
        if self._options.library is not None:
            from ghostnote.library import places  # NumPy: only who names one waits for it

            places.place(self._options.library)

    def begin(self) -> None:
        """The instrument plays: a library that was named is opened."""
        if self._options.library is not None:
            with self._changing:
                self._start()

    def ask(self, question: Message) -> None:
        """Pass a question on."""
        with self._changing:
            if self._child is None:
                self._start()
            if self._child is None or not self._child.running:
                self._refuse(question["id"])
                return
            self._asked[question["id"]] = time.monotonic()
            self._child.send(question)

    def look(self) -> None:
        """Notice a finder that ended or hangs, and start another. Called several times a second."""
        with self._changing:
            child = self._child
            if child is None or self._closed:
                return
            hangs = bool(self._asked) and time.monotonic() - min(self._asked.values()) > ANSWER_S
            if child.running and not hangs:
                return
        status = child.kill()  # what it said last is handled now
        with self._changing:
            for number in list(self._asked):
                self._refuse(number)
            if not self._told:
                self._told = True
                self._tell(f"the finder ended (status {status}): starting it again; the sound goes on")
            if time.monotonic() - child.started >= AGAIN_S:
                self._start()

    def close(self) -> None:
        """End it."""
        with self._changing:
            self._closed = True
            child = self._child
        if child is not None:
            child.end(QUIT_S)

    def _start(self) -> None:
        if self._closed:
            return
        self._child = Child("ghostnote.host.finder", self._from_finder)
        self._child.send({"type": "start", "library": self._options.library})
        if self._options.library is not None:
            self._child.send({"type": "open", "model": self._options.model})

    def _refuse(self, number: str) -> None:
        self._asked.pop(number, None)
        self._answer({"type": "found", "id": number, "code": "busy", "text": _LOST})

    def _from_finder(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "found":
            with self._changing:
                self._told = False  # it works again
                if self._asked.pop(message["id"], None) is None:
                    return
            self._answer(message)
        elif kind == "opened":
            with self._changing:
                self._told = False
            self._say(f"library {self._options.library}: {message['sounds']} sounds")
        elif kind == "trouble":
            self._tell(message["text"])
