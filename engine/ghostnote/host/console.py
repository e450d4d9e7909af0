"""What a performer is told, and how: lines of text, only problems, or a screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from ghostnote.host.pipe import Message

if TYPE_CHECKING:
    from ghostnote.host.keys import Action
    from ghostnote.host.screen import LiveScreen


class Console(Protocol):
    """Where the supervisor speaks. Thread: any one at a time."""

    watched: bool
    """Whether it shows what goes on, so that the core has to say it often."""

    def prepare(self) -> None:
        """The core is starting: time for what takes time."""

    def greet(self, ready: Message, lines: list[str]) -> None:
        """A core is ready: what it said, and that in words."""

    def say(self, text: str) -> None:
        """News that are no problem."""

    def tell(self, text: str) -> None:
        """A problem."""

    def beat(self, message: Message, recording: str) -> None:
        """How the core is just now, and the name of the file that is being recorded into, if one is."""

    def close(self, goodbye: str) -> None:
        """The end; `goodbye` is empty if nothing was played."""


class PlainConsole:
    """Lines on standard output, problems on the error output; `quiet`: only problems."""

    watched = False

    def __init__(self, out: TextIO, errors: TextIO, quiet: bool = False) -> None:
        self._out = out
        self._errors = errors
        self._quiet = quiet

    def prepare(self) -> None:
        """Nothing takes time."""

    def greet(self, ready: Message, lines: list[str]) -> None:
        """The lines, and how to end it."""
        self.write_lines([*lines, "Playing. Ctrl-C ends."])

    def say(self, text: str) -> None:
        """One line."""
        self._write(f"ghostnote: {text}\n")

    def tell(self, text: str) -> None:
        """One line on the error output."""
        self._errors.write(f"ghostnote: {text}\n")
        self._errors.flush()

    def beat(self, message: Message, recording: str) -> None:
        """Nothing: it is not watched."""

    def close(self, goodbye: str) -> None:
        """One line, if there is something to say."""
        if goodbye:
            self._write(f"{goodbye}\n")

    def write_lines(self, lines: list[str]) -> None:
        """Lines as they are."""
        self._write("".join(f"{line}\n" for line in lines))

    def _write(self, text: str) -> None:
        if not self._quiet:
            self._out.write(text)
            self._out.flush()


class ScreenToCome:
    """A `LiveScreen`, whose libraries are loaded when the core has been started, since that must not wait.

    What is said before is said in lines. `play` and `end` carry out what keys ask for.
    """

    watched = True

    def __init__(self, out: TextIO, errors: TextIO) -> None:
        self._out, self._errors = out, errors
        self._now: PlainConsole | LiveScreen = PlainConsole(out, errors)
        self.play: Callable[[Action], None] = lambda action: None
        self.end: Callable[[], None] = lambda: None

    def prepare(self) -> None:
        """Load the screen."""
        from ghostnote.host.screen import LiveScreen

        screen = LiveScreen(self._out, self._errors)
        screen.play, screen.end = self.play, self.end
        self._now = screen

    def greet(self, ready: Message, lines: list[str]) -> None:
        """As the screen does."""
        self._now.greet(ready, lines)

    def say(self, text: str) -> None:
        """As the screen does."""
        self._now.say(text)

    def tell(self, text: str) -> None:
        """As the screen does."""
        self._now.tell(text)

    def beat(self, message: Message, recording: str) -> None:
        """As the screen does."""
        self._now.beat(message, recording)

    def close(self, goodbye: str) -> None:
        """As the screen does."""
        self._now.close(goodbye)


def can_show(out: TextIO) -> bool:
    """Whether a live screen makes sense there: a terminal that moves its cursor and knows the characters."""
    if not out.isatty() or os.environ.get("TERM") == "dumb":
        return False
    if sys.platform == "win32" and not (os.environ.get("WT_SESSION") or os.environ.get("TERM_PROGRAM")):
        return False  # the old console does not know the codes
    return (out.encoding or "").lower().replace("-", "") == "utf8"
