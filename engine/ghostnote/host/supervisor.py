"""The supervisor, which `ghostnote play` runs: starts core and front, and replaces one that dies.

It makes no sound, opens no port and writes no file, so that there is little in it that can fail.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from ghostnote import __version__
from ghostnote.errors import StateError, UsageError
from ghostnote.host.child import TURN_S, Child, Patience
from ghostnote.host.console import Console, PlainConsole, ScreenToCome, can_show
from ghostnote.host.finder_keeper import FinderKeeper
from ghostnote.host.options import LAST, PlayOptions
from ghostnote.host.pages_keeper import PagesKeeper
from ghostnote.host.pipe import Message
from ghostnote.host.play_ears import PlayEars
from ghostnote.host.recordings import Recordings, check_record
from ghostnote.host.session import worth_telling
from ghostnote.state.store import home, read

SILENT_S = 5.0
"""A child that is not heard for so long hangs. Counted in turns of the supervisor: see `Patience`."""
START_LIMIT_S = 60.0
"""As long a child may take to say its first word."""
QUIT_LIMIT_S = 10.0
"""Then a process that was asked to end is killed, and what it has not yet written is lost."""
MAX_CRASHES = 4
CRASH_WINDOW_S = 60.0

DROPOUTS_S = 10.0
"""The session log tells of dropouts at most so often."""

_UNWRITTEN = 20000


class Supervisor:
    """Runs one performance; `run` returns the exit status of `ghostnote play`."""

    def __init__(
        self, options: PlayOptions, screen: TextIO, errors: TextIO, console: Console | None = None
    ) -> None:
        self._options = options
        self._console = console or PlainConsole(screen, errors, options.quiet)
        self._state: dict[str, Any] | None = None
        self._state_path = home() / "last.json"
        self._unwritten: deque[Message] = deque(maxlen=_UNWRITTEN)
        self._handing = threading.Lock()
        self._crashes: deque[float] = deque(maxlen=MAX_CRASHES)
        self._ready = threading.Event()
        self._quit = threading.Event()
        self._failed: str | None = None
        self._began: float | None = None
        self._last_beat: Message = {}
        self._played = {"seconds": 0.0, "shortfalls": 0.0, "decode_late": 0.0}
        self._rate: int | None = None
        self._front: Child | None = None
        self._core: Child | None = None
        self._with_core: Patience | None = None
        self._with_front: Patience | None = None
        self._recordings = Recordings(
            options.record, self._say, self._tell, self.send, lambda message: self._hand_on(message)
        )
        self._seen: dict[str, Any] = {}
        self._ears = PlayEars(options, self._say, self._tell, self.send)
        self._finder = FinderKeeper(options, self.send, self._say, self._tell)
        self._pages = PagesKeeper(options, self.send, self._say, self._tell)

    def send(self, message: Message) -> None:
        """Send something to the core, if there is one. Thread: any."""
        core = self._core
        if core is not None:
            core.send(message)

    def end(self) -> None:
        """End the performance. Thread: any."""
        self._quit.set()

    def run(self) -> int:
        """Play until the time is over, Ctrl-C or a request to end."""
        check_writable("--log", self._options.log)
        check_writable("--session", self._options.session)
        check_record(self._options.record)
        self._ears.check()
        self._finder.check()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self._quit.set())
        self._front = self._start_front(fresh=True)
        if self._options.restore == LAST:
            self._state = self._last_state()
        self._core = self._start_core()
        try:
            self._console.prepare()
            return self._watch()
        finally:
            self._core.end(QUIT_LIMIT_S)
            self._recordings.close()
            self._ears.close()
            self._finder.close()
            self._pages.close()
            goodbye = self._goodbye()
            if goodbye:
                self._note(goodbye)
            self._front.end(QUIT_LIMIT_S)
            self._console.close(goodbye)

    def _last_state(self) -> dict[str, Any] | None:
        """What the last performance ended with; a state that cannot be read is told, and set aside."""
        try:
            return read(self._state_path)
        except StateError as error:
            self._tell(f"{error}. Starting afresh")
            with contextlib.suppress(OSError):
                self._state_path.replace(self._state_path.with_suffix(".damaged.json"))
            return None

    def _start_core(self) -> Child:
        self._ready.clear()
        recordings = self._recordings
        complaint = self._tell if self._console.watched else None
        fds = (*recordings.shared.fds, *self._ears.fds)
        core = Child("ghostnote.host.core", self._from_core, fds, complaint)
        self._with_core = Patience(core)
        options = {**asdict(self._options), "rate": self._options.rate or self._rate}
        core.send(
            {
                "type": "start",
                "options": options,
                "state": self._state,
                "began": self._began,
                "ring": recordings.shared.handle,
                "from_frame": recordings.began_at,
                "watched": self._console.watched,
                "ears": self._ears.handle,
            }
        )
        return core

    def _start_front(self, fresh: bool) -> Child:
        complaint = self._tell if self._console.watched else None
        front = Child("ghostnote.host.front", self._from_front, complaint=complaint)
        self._with_front = Patience(front)
        front.send(
            {
                "type": "open",
                "log": self._options.log,
                "session": self._session_path(),
                "spool": str(home() / f"session-{os.getpid()}.jsonl"),
                "state_path": str(self._state_path),
                "recording": self._recordings.path,
                "fresh": fresh,
            }
        )
        return front

    def _session_path(self) -> str | None:
        """Where it was asked for, else beside what is recorded from the start on."""
        record = self._options.record
        beside = None if record is None else str(Path(record).with_suffix(".txt"))
        return self._options.session or beside

    def _watch(self) -> int:
        assert self._core is not None
        assert self._front is not None
        while not self._quit.wait(TURN_S):
            self._core.send({"type": "beat"})
            self._front.send({"type": "beat"})
            if self._failed is not None:
                self._console.tell(self._failed)
                return 2
            if self._last_beat.get("counters", {}).get("restart_needed"):
                self._tell("starting the core again, since the audio driver is stuck")
                self._core.kill()
                self._add_up()
                self._core = self._start_core()
            core_is_gone = not self._core.running or self._core_is_stuck()
            core_is_gone |= not self._last_beat.get("alive", True)
            if core_is_gone and not self._replace_core():
                return 2 if self._failed else 1
            if not self._front.running or self._front_is_stuck():
                self._replace_front()
            self._recordings.look()
            self._ears.look()
            self._finder.look()
            self._pages.look()
            if self._time_is_over():
                return 0
        return 0

    def _core_is_stuck(self) -> bool:
        """Silent for too long. Until it is ready it says nothing, since it loads and warms up."""
        assert self._with_core is not None
        limit = SILENT_S if self._ready.is_set() else START_LIMIT_S  # before the look: it may say so just now
        self._with_core.turn()
        return self._with_core.is_over(limit)

    def _front_is_stuck(self) -> bool:
        assert self._with_front is not None
        self._with_front.turn()
        return self._with_front.is_over(SILENT_S if self._with_front.heard else START_LIMIT_S)

    def _replace_core(self) -> bool:
        assert self._core is not None
        status = self._core.kill()
        self._add_up()
        if self._failed is not None:
            self._console.tell(self._failed)
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
            self._front = self._start_front(fresh=False)
            for message in self._unwritten:
                self._front.send(message)

    def _from_core(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "beat":
            self._last_beat = message
            for text, count in message["reports"]:
                self._tell(text if count == 1 else f"{text} (×{count})")
            self._note_what_changed(message)
            self._console.beat(message, self._recordings.name)
        elif kind == "ready":
            self._ready.set()
            if self._began is None:
                self._began = time.monotonic()
                self._finder.begin()
            self._greet(message)
            self._rate = message["rate"]
            self._ears.begin(message["rate"])
            self._pages.begin(*message["osc"])
        elif kind == "failed":
            if self._began is None:
                self._failed = message["text"]
            else:
                self._tell(message["text"])
        elif kind == "no_device":
            self._tell(f"{message['text']}. Playing into the null device: silent, but under control")
        elif kind == "find":
            self._finder.ask(message)
        elif kind == "rec":
            self._recordings.from_core(message)
        elif kind in ("log", "state"):
            self._hand_on(message)
            for text in worth_telling(message.get("lines", ())):
                self._note(text)

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
        lines = [
            f"ghostnote {__version__}, model {ready['model']}",
            f"  sound  {ready['device']}, {ready['rate']} Hz, "
            f"blocks of {ready['block']} ({ms:.1f} ms), {ready['latency_ms']:.1f} ms ahead",
            f"  OSC    {host}:{port} (UDP)",
            f"  MIDI   {midi}",
        ]
        self._console.greet(ready, lines)
        for line in lines:
            self._note(line.strip())
        if host not in ("127.0.0.1", "localhost"):
            self._tell(f"OSC is open to the network on {host}: anyone who reaches it can play")

    def _note_what_changed(self, beat: Message) -> None:
        """Write into the session log what beats tell: ports that come and go, another device, dropouts."""
        seen, now = self._seen, time.monotonic()
        ports, device = beat.get("midi"), beat.get("device")
        if ports is not None and ports != seen.setdefault("midi", ports):
            changes = {"came": set(ports) - set(seen["midi"]), "went": set(seen["midi"]) - set(ports)}
            for what, names in changes.items():
                if names:
                    self._note(f"MIDI {what}: {', '.join(sorted(names))}")
            seen["midi"] = ports
        if device is not None and device != seen.setdefault("device", device):
            seen["device"] = device
            self._note(f"sound goes to {device}")
        dropouts = int(beat["counters"].get("shortfalls", 0))
        if dropouts < seen.get("dropouts", 0):  # another core counts anew
            seen["dropouts"] = 0
        if dropouts > seen.setdefault("dropouts", 0) and now > seen.get("next_dropouts", 0.0):
            self._note(f"{dropouts - seen['dropouts']} dropouts, {dropouts} in all")
            seen.update(dropouts=dropouts, next_dropouts=now + DROPOUTS_S)

    def _note(self, text: str) -> None:
        """A line of the session log."""
        t = None if self._began is None else time.monotonic() - self._began
        self._hand_on({"type": "note", "wall": time.time(), "t": t, "text": text})

    def _add_up(self) -> None:
        """Count what a core that has ended played, and forget its last beat."""
        beat, self._last_beat = self._last_beat, {}
        if beat:
            self._played["seconds"] += beat["seconds"]
            for name in ("shortfalls", "decode_late"):
                self._played[name] += beat["counters"].get(name, 0)

    def _goodbye(self) -> str:
        self._add_up()
        played = self._played
        if self._began is None:
            return ""
        return (
            f"Played {played['seconds']:.1f} s; dropouts {played['shortfalls']:.0f}, "
            f"late decodes {played['decode_late']:.0f}."
        )

    def _say(self, text: str) -> None:
        self._console.say(text)
        self._note(text)

    def _tell(self, text: str) -> None:
        self._console.tell(text)
        self._note(text)


def check_writable(option: str, path: str | None) -> None:
    """Whether a text file that was asked for can be written. Raises UsageError."""
    if path is None:
        return
    try:
        with open(path, "a", encoding="utf-8"):
            return
    except OSError as error:
        raise UsageError(
            f"{option} {path}: cannot be written ({error.strerror}); choose another place"
        ) from None


def play(options: PlayOptions) -> int:
    """Run a performance in the foreground; its exit status."""
    if options.quiet or not can_show(sys.stdout):
        return Supervisor(options, sys.stdout, sys.stderr).run()
    screen = ScreenToCome(sys.stdout, sys.stderr)
    supervisor = Supervisor(options, sys.stdout, sys.stderr, screen)
    screen.end = supervisor.end
    screen.play = lambda action: supervisor.send({"type": "event", "addr": action.addr, "args": action.args})
    return supervisor.run()
