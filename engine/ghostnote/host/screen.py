"""The live screen in a terminal: it takes the whole of it while the instrument plays, and gives it back."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from rich.console import Console as RichConsole
from rich.text import Text

from ghostnote.host.console import PlainConsole
from ghostnote.host.keys import Action, Keyboard, Typist
from ghostnote.host.pipe import Message
from ghostnote.host.screen_shown import LOW_DB, Last, Level, Note, Shown
from ghostnote.host.screen_view import lines
from ghostnote.state.table import PARTS

FRAME_S = 0.1
FALL_DB_S = 30.0
HOLD_S = 1.0
_NOTES = 200
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""A terminal that knows these shows a frame only when it is whole."""


class Painter:
    """Writes lines to a terminal: only those that changed, each at its place, so that nothing flickers."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rich = RichConsole(file=out, force_terminal=True, highlight=False, soft_wrap=True)
        self._shown: list[Text] = []
        self._size = (0, 0)

    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal now."""
        try:
            size = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            return 80, 24
        return max(1, size.columns), max(1, size.lines)

    def enter(self) -> None:
        """Take the terminal."""
        self._write(_ENTER)

    def paint(self, rows: list[Text], size: tuple[int, int]) -> None:
        """Show `rows`, made for `size`."""
        parts = []
        if size != self._size:
            self._size, self._shown = size, []
            parts.append("\x1b[2J")
        for k, row in enumerate(rows):
            if k >= len(self._shown) or row != self._shown[k]:
                with self._rich.capture() as captured:
                    self._rich.print(row, end="")
                parts.append(f"\x1b[{k + 1};1H{captured.get()}")
        self._shown = rows
        if parts:
            self._write(_BEGIN + "".join(parts) + _END)

    def leave(self) -> None:
        """Give the terminal back as it was."""
        self._write(_LEAVE)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


class Meters:
    """Levels as they are shown: they rise at once, fall steadily, and their peaks stay for a moment."""

    def __init__(self) -> None:
        self._db = [LOW_DB] * len(PARTS)
        self._hold = [(LOW_DB, 0.0)] * len(PARTS)
        self._at = 0.0

    def hear(self, peaks_db: list[float], now: float) -> None:
        """Peaks of all parts since the last call; `now` in seconds."""
        fallen = FALL_DB_S * min(10.0, max(0.0, now - self._at))
        self._at = now
        for k, db in enumerate(peaks_db):
            self._db[k] = max(LOW_DB, db, self._db[k] - fallen)
            if db >= self._hold[k][0] or now - self._hold[k][1] > HOLD_S:
                self._hold[k] = (self._db[k], now)

    def levels(self) -> tuple[Level, ...]:
        """What to show."""
        return tuple(Level(db, hold) for db, (hold, _) in zip(self._db, self._hold, strict=True))


class LiveScreen:
    """A `Console` on a terminal, with keys. `play` and `end` carry out what keys ask for.

    What it was told is written out again in lines when the terminal is given back, so that it can still be
    read. Painting has a thread of its own: a terminal that takes nothing (a slow line) delays nobody.
    """

    watched = True

    def __init__(self, out: TextIO, errors: TextIO) -> None:
        self._plain = PlainConsole(out, errors)
        self._painter = Painter(out)
        self._meters = Meters()
        self._typist = Typist()
        self._keyboard = Keyboard(self._press)
        self._has_keys = False
        self.play: Callable[[Action], None] = lambda action: None
        self.end: Callable[[], None] = lambda: None
        self._ready: Message = {}
        self._greeting: list[str] = []
        self._beat: Message = {}
        self._recording = ""
        self._recording_since = 0.0
        self._notes: deque[Note] = deque(maxlen=_NOTES)
        self._unsaid: deque[Note] = deque(maxlen=_NOTES)
        self._began = time.monotonic()
        self._last = Last()
        self._help = False
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def prepare(self) -> None:
        """It is prepared."""

    def greet(self, ready: Message, lines: list[str]) -> None:
        """Take the terminal, the first time."""
        self._ready, self._greeting = ready, lines
        if self._thread is None and not self._closing:
            self._began = time.monotonic()
            self._has_keys = self._keyboard.start()
            atexit.register(self._give_back)
            self._painter.enter()
            self._thread = threading.Thread(target=self._run, name="ghostnote-screen", daemon=True)
            self._thread.start()

    def say(self, text: str) -> None:
        """News, among the messages."""
        self._note(text, problem=False)

    def tell(self, text: str) -> None:
        """A problem, among the messages."""
        self._note(text, problem=True)

    def beat(self, message: Message, recording: str) -> None:
        """What to show from now on."""
        view = message.get("view")
        if view is not None:
            self._meters.hear([part["db"] for part in view["parts"]], time.monotonic())
        if recording and not self._recording:
            self._recording_since = time.monotonic()
        self._recording = recording
        self._note_touch(message)
        self._beat = message
        self._wake.set()

    def close(self, goodbye: str) -> None:
        """Give the terminal back, and say in lines what was said on the screen."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
            self._give_back()
            self._plain.write_lines(self._greeting)
            for note in self._unsaid:
                (self._plain.tell if note.problem else self._plain.say)(note.text)
        self._plain.close(goodbye)

    def shown(self) -> Shown:
        """Everything that is known now."""
        ready, beat, now = self._ready, self._beat, time.monotonic()
        host, port = ready.get("osc", ("", 0))
        return Shown(
            model=ready.get("model", ""),
            device=str(beat.get("device") or ready.get("device", "")),
            rate=ready.get("rate", 0),
            block=ready.get("block", 0),
            latency_ms=ready.get("latency_ms", 0.0),
            osc=f"{host}:{port}",
            midi=tuple(beat.get("midi") or ready.get("midi") or ()),
            view=beat.get("view", {}),
            levels=self._meters.levels(),
            counters=beat.get("counters", {}),
            state=beat.get("state", "running"),
            load=beat.get("load", 0.0),
            peak_load=beat.get("peak_load", 0.0),
            seconds=now - self._began,
            recording=self._recording,
            recording_s=now - self._recording_since,
            last=self._last,
            notes=tuple(self._notes),
            pending=self._typist.pending,
            help=self._help,
            keys=self._has_keys,
        )

    def _run(self) -> None:
        while not self._closing:
            began = time.monotonic()
            try:
                size = self._painter.size()
                self._painter.paint(lines(self.shown(), *size), size)
            except OSError:  # the terminal is gone; the signal that says so ends it all
                return
            except Exception as error:  # a screen is not worth a performance
                self._keyboard.close()
                self._painter.leave()
                self._plain.tell(f"the screen failed ({error!r}); the instrument plays on, Ctrl-C ends it")
                return
            self._wake.wait(1.0)
            self._wake.clear()
            time.sleep(max(0.0, began + FRAME_S - time.monotonic()))

    def _press(self, key: str) -> None:
        """A key. Thread: keyboard."""
        action = self._typist.press(key, self._beat.get("view", {}), bool(self._recording))
        if action is not None and action.kind == "event":
            self.play(action)
        elif action is not None and action.kind == "help":
            self._help = not self._help
        elif action is not None:
            self.end()
        self._wake.set()

    def _note_touch(self, beat: Message) -> None:
        """Whatever was touched since the last beat: a MIDI control, or something that took effect."""
        applied, touched = beat.get("view", {}).get("last"), beat.get("touched")
        if applied and applied != self._beat.get("view", {}).get("last"):
            source, addr, args = applied
            self._last = Last(addr, "  ".join(map(_shortly, args)), f"from {source}")
        if touched and touched != self._beat.get("touched"):
            value = "" if touched["value"] is None else _shortly(touched["value"])
            by = f"{touched['control']} of {touched['port']}"
            self._last = Last(touched["addr"] or "nothing mapped", value, by)

    def _note(self, text: str, problem: bool) -> None:
        note = Note(time.strftime("%H:%M:%S"), text, problem)
        self._notes.append(note)
        if self._thread is None:
            (self._plain.tell if problem else self._plain.say)(text)
        else:
            self._unsaid.append(note)
        self._wake.set()

    def _give_back(self) -> None:
        """The terminal as it was; also when the program ends by an error. May be called again."""
        atexit.unregister(self._give_back)
        self._keyboard.close()
        try:
            self._painter.leave()
        except (OSError, ValueError):
            return


def _shortly(value: float | int | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
