"""`ghostnote play` in a pseudo-terminal: what it shows, what keys do, and what it leaves behind."""

from __future__ import annotations

import codecs
import os
import re
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from ghostnote.control.events import Event
from ghostnote.core.control_log import read_log
from ghostnote.host.screen import FALL_DB_S, HOLD_S, LiveScreen, Meters
from ghostnote.host.screen_shown import LOW_DB, Last
from playing import PATIENCE_S, environment, loaded_by, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")

ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
HIDDEN, SEEN = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A terminal of our own with a performance in front of it."""

    def __init__(self, folder, port: int, columns: int, *arguments: str) -> None:
        import fcntl
        import pty
        import termios

        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.log = folder / "played.jsonl"
        code = (  # a session of its own with this terminal, as a shell would start it
            "import fcntl, os, sys, termios\n"
            "os.setsid()\n"
            "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
            "os.execv(sys.executable, [sys.executable, '-m', 'ghostnote', 'play', *sys.argv[1:]])\n"
        )
        asked = ["--port", str(port), "--device", "null", "--log", str(self.log), *arguments]
        self.process = psutil.Popen(
            [sys.executable, "-c", code, *asked],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**environment(), "TERM": "xterm-256color", "PYTHONUTF8": "1"},
        )
        self._theirs = theirs
        self.raw = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def seen(self) -> str:
        """Everything that was written, without colours and places."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw)

    def wait_for(self, text: str) -> None:
        wait_for(lambda: text in self.seen, f"{text!r} in the terminal")

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for_line(self, addr: str) -> tuple:
        """Arguments of the first log line of an address."""

        def found():
            if not self.log.exists():
                return None
            return [e.args for e in read_log(self.log).entries if e.target.addr == f"/gn/{addr}"]

        return wait_for(found, f"{addr} in the log")[0]

    def end(self) -> int:
        """Wait for its end; the exit status."""
        status = self.process.wait(PATIENCE_S)
        self._reader.join(1.0)
        return status

    def check_restored(self) -> None:
        """The screen, the cursor and the keyboard are as they were."""
        import termios

        assert self.raw.count(ENTERED) == 1
        assert self.raw.rindex(LEFT) > self.raw.rindex(ENTERED)
        assert self.raw.rindex(SEEN) > self.raw.rindex(HIDDEN)
        assert termios.tcgetattr(self._theirs) == self.before

    def close(self) -> None:
        if self.process.is_running():
            for process in [*self.process.children(recursive=True), self.process]:
                process.kill()
        self.process.wait(PATIENCE_S)
        os.close(self._theirs)
        self._reader.join(2.0)
        os.close(self._ours)

    def _read(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        while True:
            try:
                if not select.select([self._ours], [], [], 1.0)[0]:
                    if not self.process.is_running():
                        return
                    continue
                self.raw += decode(os.read(self._ours, 65536))
            except (OSError, ValueError):
                return


@pytest.fixture
def terminal(tmp_path, bundle, free_udp_port) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, columns: int = 80) -> Terminal:
        opened.append(Terminal(tmp_path, free_udp_port, columns, "--model", str(bundle), *arguments))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_it_shows_what_goes_on_and_keys_play(terminal, tmp_path):
    shown = terminal()
    shown.wait_for("null device")
    shown.wait_for("a kick")
    shown.press("1")
    shown.wait_for("part1/hit  0.8  from keys")
    shown.press("m2")
    assert shown.wait_for_line("part2/mute") == (1,)
    shown.wait_for("2 M")
    shown.press("m2")
    wait_for(lambda: shown.log.read_text().count("part2/mute") == 2, "the part's sound again")
    assert [e.args for e in read_log(shown.log).entries if e.target.name == "mute"] == [(1,), (0,)]
    shown.press("r")
    shown.wait_for("REC ghostnote-")
    shown.press("r")
    shown.wait_for("recorded")
    shown.press(" ")
    shown.wait_for_line("hush")
    shown.press("p")
    shown.wait_for_line("panic")
    shown.press("?")
    shown.wait_for("panic: silence at once")
    shown.press("q")
    shown.wait_for("q again ends")
    shown.press("1")
    assert shown.process.is_running()
    shown.press("qq")
    assert shown.end() == 0
    shown.check_restored()
    after = shown.raw.rpartition(LEFT)[2]
    assert "model tiny" in after
    assert "recorded" in after, "what was said can still be read"
    assert "Played" in after
    assert len(list(tmp_path.glob("ghostnote-*.wav"))) == 1


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_gives_the_terminal_back(terminal, name):
    shown = terminal(columns=140)
    shown.wait_for("null device")
    shown.process.send_signal(getattr(signal, name))
    assert shown.end() == 0
    shown.check_restored()


def test_ctrl_c_on_the_keyboard_ends_it_and_ctrl_z_does_not_stop_it(terminal):
    shown = terminal()
    shown.wait_for("null device")
    shown.press("\x1a\x131")
    shown.wait_for_line("part1/hit")
    shown.press("\x03")
    assert shown.end() == 0
    shown.check_restored()


def test_a_core_that_dies_spoils_no_screen(terminal):
    shown = terminal()
    shown.wait_for("null device")
    core = next(p for p in shown.process.children() if "ghostnote.host.core" in p.cmdline())
    core.kill()
    shown.wait_for("starting it again with the last state")
    shown.press("qq")
    assert shown.end() == 0
    shown.check_restored()


def test_a_failed_start_leaves_the_terminal_alone(terminal):
    shown = terminal("--rate", "44100", "--midi", "nothing", "--model", "nonesuch")
    assert shown.end() == 2
    assert ENTERED not in shown.raw
    assert "no bundle of that name" in shown.seen


def test_quiet_says_nothing(terminal):
    shown = terminal("--quiet", "--seconds", "1")
    assert shown.end() == 0
    assert ENTERED not in shown.raw
    assert [line for line in shown.seen.splitlines() if "no MIDI" not in line] == []


def test_quiet_and_plain_without_a_terminal(play):
    performance = play("--quiet", ready=False)
    performance.wait_for_line("/gn/log/start")
    assert performance.end() == 0
    assert performance.said == ""


def test_a_screen_that_fails_is_given_up_and_told(tmp_path, monkeypatch, capfd):
    from ghostnote.host import screen as module

    def fail(*_: object) -> list:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(module, "lines", fail)
    with (tmp_path / "out").open("w+", encoding="utf-8") as out, (tmp_path / "err").open("w+") as errors:
        shown = LiveScreen(out, errors)
        shown.greet({"model": "tiny"}, ["hello"])
        wait_for(lambda: "the screen failed" in (tmp_path / "err").read_text(), "a complaint")
        shown.close("Played.")
        written = (tmp_path / "out").read_text()
    assert written.count(ENTERED) == 1
    assert written.rindex(LEFT) > written.rindex(ENTERED)
    assert written.endswith("Played.\n")


def test_only_what_changed_is_written(tmp_path):
    from rich.text import Text

    from ghostnote.host.screen import Painter

    with (tmp_path / "out").open("w+", encoding="utf-8") as out:
        painter = Painter(out)
        rows = [Text(f"line {k}") for k in range(20)]
        painter.paint(rows, (80, 20))
        first = out.tell()
        painter.paint([*rows], (80, 20))
        assert out.tell() == first
        painter.paint([*rows[:7], Text("another", style="red"), *rows[8:]], (80, 20))
        assert out.tell() - first < 60
        painter.paint(rows, (81, 20))
        assert out.tell() - first > first, "another size: everything anew"


def test_meters_rise_at_once_fall_steadily_and_hold_peaks():
    meters = Meters()
    quiet = [LOW_DB] * 7
    meters.hear([-6.0, *quiet], 10.0)
    assert meters.levels()[0].db == meters.levels()[0].hold_db == -6.0
    meters.hear([-90.0, *quiet], 10.5)
    one = meters.levels()[0]
    assert one.db == pytest.approx(-6.0 - 0.5 * FALL_DB_S)
    assert one.hold_db == -6.0
    meters.hear([-90.0, *quiet], 10.6 + HOLD_S)
    assert meters.levels()[0].hold_db < -20.0


def test_whatever_was_touched_last_is_shown(tmp_path):
    with (tmp_path / "out").open("w+", encoding="utf-8") as out:
        screen = LiveScreen(out, out)
        knob = {"port": "LPK25", "control": "cc 20", "addr": "/gn/part1/axis/d1", "value": 0.75}
        screen.beat({"touched": knob, "view": {"parts": [], "last": None}}, "")
        assert screen.shown().last == Last("/gn/part1/axis/d1", "0.75", "cc 20 of LPK25")
        screen.beat({"touched": knob, "view": {"parts": [], "last": ["keys", "/gn/part1/hit", [0.8]]}}, "")
        assert screen.shown().last == Last("/gn/part1/hit", "0.8", "from keys")
        button = {"port": "LPK25", "control": "note 3", "addr": "", "value": None}
        screen.beat({"touched": button, "view": {"parts": [], "last": ["keys", "/gn/part1/hit", [0.8]]}}, "")
        assert screen.shown().last == Last("nothing mapped", "", "note 3 of LPK25")


def test_a_key_becomes_an_event_of_its_own_source():
    from ghostnote.host.stage import KEYS, Stage

    class Inbox:
        def __init__(self) -> None:
            self.events: list[Event] = []

        def put(self, events: list[Event]) -> None:
            self.events += events

    class Instrument:
        engine = None

    class Tasks:
        def handle(self, name, work, **how):
            pass

    inbox = Inbox()
    stage = Stage(None, Instrument(), inbox, Tasks(), lambda message: None, None, watched=False)
    began = time.monotonic()
    stage.told({"type": "event", "addr": "/gn/part1/hit", "args": [0.5]})
    stage.told({"type": "event", "addr": "/gn/nothing", "args": []})
    stage.told({"type": "rec", "on": False})
    (event,) = inbox.events
    assert (event.addr, event.args, event.source, event.due) == ("/gn/part1/hit", (0.5,), KEYS, None)
    assert event.received >= began
    assert stage.beat() == {}
    assert not next(iter(stage.readings.values()))()


def test_rich_is_loaded_for_a_screen_only():
    assert loaded_by("ghostnote.host.core", ["rich"]) == []
    assert loaded_by("ghostnote.host.screen", ["rich"]) == ["rich"]
