"""The terminal's keyboard: what each key does, and how keys are read one by one on Unix and on Windows."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ghostnote.state.registry import resolve
from ghostnote.state.table import PARTS, ROOT, Value

ESCAPE = "\x1b"
VELOCITY = 0.8
PARTS_BY_KEY = {str(part): part for part in PARTS}
_DIGITS = tuple("123456789")
_TRIGGERS = {" ": "hush", "u": "undo", "t": "clock/tap"}
_WAIT_S = 0.2
_SEQUENCE_S = 0.03
"""The rest of what an arrow key sends has come by then, even through ssh in most cases."""

HELP = (
    ("1…8", "hit a part"),
    ("space", "hush: fade all notes out"),
    ("p, Esc", "panic: silence at once"),
    ("m 1…8", "mute a part or let it sound"),
    ("o 1…8", "solo a part or end that"),
    ("s 1…9", "recall a scene, by its place in the list"),
    ("u", "undo"),
    ("t", "tap the tempo"),
    ("d", "dim the output by 20 dB, and back"),
    ("r", "begin or end a recording"),
    ("?", "this help"),
    ("q q", "end (Ctrl-C too)"),
)


@dataclass(frozen=True)
class Action:
    """What a key means: an `event` for the core (address and arguments), `help`, or `end`."""

    kind: str
    addr: str = ""
    args: tuple[Value, ...] = ()


class Typist:
    """Turns keys into actions; `pending` is a key that waits for another one, or nothing."""

    def __init__(self) -> None:
        self.pending = ""

    def press(self, key: str, view: Mapping[str, Any], recording: bool) -> Action | None:
        """What a key does now. `view`: what the core said last (`core.view`)."""
        before, self.pending = self.pending, ""
        if before == "q" and key == "q":
            return Action("end")
        if before == "s" and key in _DIGITS:
            return _event("scene/index", int(key), -1.0)
        part = PARTS_BY_KEY.get(key)
        if before in _WITH_PART and part is not None:
            return _WITH_PART[before](part, view)
        if key == before:
            return None
        if part is not None:
            return _event(f"part{part}/hit", VELOCITY)
        if key in _WITH_PART or key in ("q", "s"):
            self.pending = key
            return None
        if key == "r":
            return _event("rec/stop") if recording else _event("rec/start", "")
        if key == "d":
            return _event("master/dim", 0 if view.get("values", {}).get("master/dim") else 1)
        if key == "?":
            return Action("help")
        if key == "p" or (key == ESCAPE and not before):
            return _event("panic", 1.0)
        return _event(_TRIGGERS[key], 1.0) if key in _TRIGGERS else None


def _event(path: str, *args: Value) -> Action:
    addr = f"{ROOT}/{path}"
    assert resolve(addr) is not None, addr
    return Action("event", addr, args)


def _switch(name: str) -> Callable[[int, Mapping[str, Any]], Action]:
    def turn(part: int, view: Mapping[str, Any]) -> Action:
        parts: Sequence[Mapping[str, Any]] = view.get("parts", ())
        on = len(parts) >= part and parts[part - 1][name]
        return _event(f"part{part}/{name}", 0 if on else 1)

    return turn


_WITH_PART = {"m": _switch("mute"), "o": _switch("solo")}


class Keyboard:
    """Reads keys in a thread of its own from `start` to `close`, which gives the terminal back as it was.

    Unix: the terminal hands out each key, does not echo it, and neither Ctrl-Z nor Ctrl-S can stop the
    instrument; Ctrl-C still ends it. Windows: the console's own functions.
    """

    def __init__(self, press: Callable[[str], None]) -> None:
        self._press = press
        self._closing = threading.Event()
        self._saved: list[Any] | None = None
        self._fd = -1
        self._thread = threading.Thread(target=self._run, name="ghostnote-keys", daemon=True)

    def start(self) -> bool:
        """Take the keyboard; False if there is none, or another program in front of it."""
        try:
            self._fd = sys.stdin.fileno()
            if not os.isatty(self._fd):
                return False
            if sys.platform != "win32":
                if os.tcgetpgrp(self._fd) != os.getpgrp():
                    return False
                self._take()
        except (OSError, ValueError, AttributeError):
            return False
        self._thread.start()
        return True

    def close(self) -> None:
        """Give the keyboard back; may be called again."""
        self._closing.set()
        if sys.platform != "win32":
            import termios

            saved, self._saved = self._saved, None
            if saved is not None:
                try:
                    termios.tcsetattr(self._fd, termios.TCSADRAIN, saved)
                except (OSError, termios.error):
                    return  # the terminal is gone

    def _take(self) -> None:
        if sys.platform != "win32":
            import termios

            try:
                self._saved = termios.tcgetattr(self._fd)
                mode = termios.tcgetattr(self._fd)
                mode[0] &= ~(termios.IXON | termios.ICRNL)
                mode[3] &= ~(termios.ICANON | termios.ECHO)
                for index, value in ((termios.VMIN, 1), (termios.VTIME, 0)):
                    mode[6][index] = value
                for index in (termios.VSUSP, termios.VQUIT):
                    mode[6][index] = b"\0"
                termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)
            except termios.error as error:
                raise OSError(str(error)) from None

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                key = self._read()
            except (OSError, ValueError):
                return
            if key is None:
                return
            if key:
                self._press(key)

    def _read(self) -> str | None:
        """One key; nothing if there was none for a while, or one that does nothing; None at the end."""
        if sys.platform == "win32":
            return _read_console()
        if not select.select([self._fd], [], [], _WAIT_S)[0]:
            return ""
        data = os.read(self._fd, 1)
        if data == ESCAPE.encode():
            if not select.select([self._fd], [], [], _SEQUENCE_S)[0]:
                return ESCAPE
            os.read(self._fd, 64)  # an arrow or a function key
            return ""
        return data.decode("ascii", "replace") if data else None


if sys.platform == "win32":
    import msvcrt
    import time

    def _read_console() -> str:
        if not msvcrt.kbhit():
            time.sleep(_SEQUENCE_S)
            return ""
        key = msvcrt.getwch()
        if key in ("\0", "\xe0"):  # an arrow or a function key
            msvcrt.getwch()
            return ""
        return key
