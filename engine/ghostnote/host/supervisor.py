"""The supervisor, which `ghostnote play` runs: starts core and front, and replaces one that dies.

It makes no sound, opens no port and writes no file, so that there is little in it that can fail.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from typing import Any, TextIO

from ghostnote import __version__
from ghostnote.errors import UsageError
from ghostnote.host.child import Child
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message
from ghostnote.state.store import home

BEAT_S = 0.25
SILENT_S = 5.0
START_LIMIT_S = 60.0
QUIT_LIMIT_S = 3.0
MAX_CRASHES = 4
CRASH_WINDOW_S = 60.0

_UNWRITTEN = 20000


class Supervisor:
    """Runs one performance; `run` returns the exit status of `ghostnote play`."""

    def __init__(self, options: PlayOptions, screen: TextIO, errors: TextIO) -> None:
        self._options = options
        self._screen = screen
        self._errors = errors
        self._state: dict[str, Any] | None = None
        self._unwritten: deque[Message] = deque(maxlen=_UNWRITTEN)
        self._handing = threading.Lock()
        self._crashes: deque[float] = deque(maxlen=MAX_CRASHES)
        self._ready = threading.Event()
        self._quit = threading.Event()
        self._failed: str | None = None
        self._began: float | None = None
        self._last_beat: Message = {}
        self._rate: int | None = None
        self._front: Child | None = None
        self._core: Child | None = None

    def run(self) -> int:
        """Play until the time is over, Ctrl-C or a request to end."""
        _check_log(self._options.log)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self._quit.set())
        self._front = self._start_front("w")
        self._core = self._start_core()
        try:
            return self._watch()
        finally:
            status = self._core.end(QUIT_LIMIT_S)
            self._front.end(QUIT_LIMIT_S)
            self._say_goodbye(status)

    def _start_core(self) -> Child:
        self._ready.clear()
        core = Child("ghostnote.host.core", self._from_core)
        options = {**asdict(self._options), "rate": self._options.rate or self._rate}
        core.send({"type": "start", "options": options, "state": self._state, "began": self._began})
        return core

    def _start_front(self, mode: str) -> Child:
        front = Child("ghostnote.host.front", self._from_front)
        path = str(home() / "last.json")
        front.send({"type": "open", "log": self._options.log, "state_path": path, "mode": mode})
        return front

    def _watch(self) -> int:
        assert self._core is not None
        assert self._front is not None
        while not self._quit.wait(BEAT_S):
            self._core.send({"type": "beat"})
            self._front.send({"type": "beat"})
            if self._failed is not None:
                self._errors.write(f"ghostnote: {self._failed}\n")
                return 2
            if self._last_beat.get("counters", {}).get("restart_needed"):
                self._tell("starting the core again, since the audio driver is stuck")
                self._core.kill()
                self._last_beat = {}
                self._core = self._start_core()
            core_is_gone = not self._core.running or self._is_stuck(self._core)
            core_is_gone |= not self._last_beat.get("alive", True)
            if core_is_gone and not self._replace_core():
                return 2 if self._failed else 1
            if not self._front.running or self._front.silent_for() > SILENT_S:
                self._replace_front()
            if self._time_is_over():
                return 0
        return 0

    def _is_stuck(self, core: Child) -> bool:
        if not self._ready.is_set():
            return time.monotonic() - core.started > START_LIMIT_S
        return core.silent_for() > SILENT_S

    def _replace_core(self) -> bool:
        assert self._core is not None
        status = self._core.kill()
        self._last_beat = {}
        if self._failed is not None:
            self._errors.write(f"ghostnote: {self._failed}\n")
            return False
        now = time.monotonic()
        self._crashes.append(now)
        if len(self._crashes) == MAX_CRASHES and now - self._crashes[0] < CRASH_WINDOW_S:
            self._tell(f"the core ended {MAX_CRASHES} times within a minute (status {status}); giving up")
            return False
        self._tell(f"the core ended (status {status}): starting it again with the last state")
        self._core = self._start_core()
        return True

    def _replace_front(self) -> None:
        assert self._front is not None
        status = self._front.kill()
        self._tell(f"the front ended (status {status}): starting it again; the sound goes on")
        with self._handing:
            self._front = self._start_front("a")
            for message in self._unwritten:
                self._front.send(message)

    def _from_core(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "beat":
            self._last_beat = message
            for text, count in message["reports"]:
                self._tell(text if count == 1 else f"{text} (×{count})")
        elif kind == "ready":
            self._ready.set()
            self._greet(message)
            self._rate = message["rate"]
            if self._began is None:
                self._began = time.monotonic()
        elif kind == "failed":
            if self._began is None:
                self._failed = message["text"]
            else:
                self._tell(message["text"])
        elif kind == "no_device":
            self._tell(f"{message['text']}. Playing into the null device: silent, but under control")
        elif kind in ("log", "state"):
            self._hand_on(message)

    def _hand_on(self, message: Message) -> None:
        """Give the front something to write; log lines are kept until it says that they are written."""
        with self._handing:
            if message["type"] == "state":
                self._state = message["state"]
            else:
                self._unwritten.append(message)
            if self._front is not None:
                self._front.send(message)

    def _from_front(self, message: Message) -> None:
        if message.get("type") == "logged":
            with self._handing:
                if self._unwritten:
                    self._unwritten.popleft()
        elif message.get("type") == "trouble":
            self._tell(message["text"])

    def _time_is_over(self) -> bool:
        limit = self._options.seconds
        return limit is not None and self._began is not None and time.monotonic() - self._began >= limit

    def _greet(self, ready: Message) -> None:
        host, port = ready["osc"]
        midi = ", ".join(ready["midi"]) or "none yet; ports are picked up as they appear"
        ms = 1000.0 * ready["block"] / ready["rate"]
        self._screen.write(
            f"ghostnote {__version__}, model {ready['model']}\n"
            f"  sound  {ready['device']}, {ready['rate']} Hz, "
            f"blocks of {ready['block']} ({ms:.1f} ms), {ready['latency_ms']:.1f} ms ahead\n"
            f"  OSC    {host}:{port} (UDP)\n"
            f"  MIDI   {midi}\n"
            "Playing. Ctrl-C ends.\n"
        )
        if host not in ("127.0.0.1", "localhost"):
            self._tell(f"OSC is open to the network on {host}: anyone who reaches it can play")
        self._screen.flush()

    def _say_goodbye(self, status: int) -> None:
        beat = self._last_beat
        if beat:
            counters = beat["counters"]
            self._screen.write(
                f"Played {beat['seconds']:.1f} s; dropouts {counters.get('shortfalls', 0):.0f}, "
                f"late decodes {counters.get('decode_late', 0):.0f}.\n"
            )
        self._screen.flush()

    def _tell(self, text: str) -> None:
        self._errors.write(f"ghostnote: {text}\n")
        self._errors.flush()


def _check_log(path: str | None) -> None:
    if path is None:
        return
    try:
        with open(path, "a", encoding="utf-8"):
            return
    except OSError as error:
        raise UsageError(
            f"--log {path}: cannot be written ({error.strerror}); choose another place"
        ) from None


def play(options: PlayOptions) -> int:
    """Run a performance in the foreground; its exit status."""
    return Supervisor(options, sys.stdout, sys.stderr).run()
