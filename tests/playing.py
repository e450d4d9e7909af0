"""`ghostnote play` in a process of its own, as a performer starts it, and a socket that talks OSC to it."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

ENGINE = Path(__file__).resolve().parents[1] / "engine"
PATIENCE_S = 60.0
"""A wait for what a machine four times slower does too; it costs nothing while things work."""


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment of a child that runs this source tree on one thread and starts no JACK server."""
    paths = [str(ENGINE), base.get("PYTHONPATH", "")]
    return {
        **base,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "JACK_NO_START_SERVER": "1",
    }


def loaded_by(module: str, names: Iterable[str]) -> list[str]:
    """Which modules of these names are loaded when a process has imported a module."""
    code = f"import sys, {module}; print(*[name for name in {list(names)} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    return done.stdout.split()


def wait_for(condition, what: str, limit_s: float = PATIENCE_S):
    """The condition's first true value; fails the test if there is none within a generous limit."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {limit_s:.0f} s")
        time.sleep(0.02)
    return value


def oscsend(port: int, addr: str, *words: str) -> None:
    """Send by liblo's program, as a client of its own: the types, then the values, as it wants them."""
    command = ["oscsend", "127.0.0.1", str(port), addr, *words]
    subprocess.run(command, check=True, timeout=PATIENCE_S)


class Playing:
    """A performance that runs. `said` and `complained`: its two outputs so far."""

    def __init__(
        self, folder: Path, port: int, *arguments: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self.log = folder / "played.jsonl"
        self._home = Path((env or os.environ)["GHOSTNOTE_HOME"])
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        command = [sys.executable, "-m", "ghostnote", "play", "--port", str(port), *arguments]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = psutil.Popen(
                command, stdout=out, stderr=err, env=env or environment(), start_new_session=True
            )
        self._family: list[psutil.Process] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._numbers = itertools.count(1)

    @property
    def said(self) -> str:
        return self._out.read_text(errors="replace")

    @property
    def complained(self) -> str:
        return self._err.read_text(errors="replace")

    def wait_until_ready(self, times: int = 1) -> None:
        def ready() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"it ended: {self.said}\n{self.complained}")
            return self.said.count("Playing. Ctrl-C ends.") >= times

        wait_for(ready, "playing")
        self._family = [self.process, *self.process.children(recursive=True)]

    def child(self, name: str) -> psutil.Process:
        """The core or front process that lives now."""

        def find() -> psutil.Process | None:
            for child in self.process.children():
                try:
                    if f"ghostnote.host.{name}" in child.cmdline() and child.status() != "zombie":
                        return child
                except psutil.NoSuchProcess:
                    continue
            return None

        found = wait_for(find, f"a {name} process")
        if found not in self._family:
            self._family.append(found)
        return found

    def send(self, addr: str, *args: float | int | str) -> None:
        """Send an OSC message; `addr` without its root."""
        builder = OscMessageBuilder(f"/gn/{addr}")
        for arg in args:
            builder.add_arg(arg)
        self.send_raw(builder.build().dgram)

    def send_raw(self, datagram: bytes) -> None:
        """Send any bytes."""
        self._socket.sendto(datagram, ("127.0.0.1", self.port))

    def receive(self, addr: str, limit_s: float = PATIENCE_S) -> tuple | None:
        """Arguments of the next message for an address; None if there is none in time."""
        for name, args in self._heard(limit_s):
            if name == f"/gn/{addr}":
                return args
        return None

    def _heard(self, limit_s: float) -> Iterator[tuple[str, tuple]]:
        """Messages as they come in, until the time is over."""
        deadline = time.monotonic() + limit_s
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                message = OscMessage(self._socket.recv(65536))
            except (TimeoutError, ConnectionRefusedError):
                continue
            yield message.address, tuple(message.params)

    def ask(self, addr: str):
        """The present value of an address; a tuple if it is several numbers.

        A ping goes with the question, so that a late answer to an earlier one is not taken for the answer.
        """

        def answer() -> tuple | None:
            number, found = next(self._numbers), None
            self.send(addr)
            self.send("ping", number)
            for name, args in self._heard(1.0):
                if name == f"/gn/{addr}":
                    found = args
                elif (name, args) == ("/gn/pong", (number,)):
                    return found
            return None

        values = wait_for(answer, f"an answer of {addr}")
        return values[0] if len(values) == 1 else values

    def sync(self) -> None:
        """Wait until all that was sent is in effect."""
        number = next(self._numbers)
        wait_for(lambda: (self.send("sync", number), self.receive("synced", 1.0))[1] == (number,), "sync")

    def lines(self) -> list[str]:
        """Whole log lines so far."""
        written = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        return written[: written.rfind("\n") + 1].splitlines()

    def logged(self) -> list[tuple[str, list]]:
        """Address and arguments of what took effect, in order, without what the log says of itself.

        A busy machine's late decodes are in the log too, so that whole logs cannot be compared line by line.
        """
        lines = [json.loads(line) for line in self.lines()]
        return [(line["addr"], line["args"]) for line in lines if not line["addr"].startswith("/gn/log/")]

    def wait_for_line(self, text: str, times: int = 1) -> None:
        """Until so many log lines contain a text."""
        wait_for(lambda: sum(text in line for line in self.lines()) >= times, f"{text} in the log")

    def wait_until_kept(self, *texts: str) -> None:
        """Until the state that a new core would go on with has these texts; it is written once a second."""
        state = self._home / "last.json"
        wait_for(
            lambda: state.exists() and all(text in state.read_text(encoding="utf-8") for text in texts),
            f"{texts} in the state",
        )

    def wait_for_complaint(self, pattern: str) -> None:
        """Until the error output fits a pattern."""
        wait_for(lambda: re.search(pattern, self.complained), f"{pattern!r} on the error output")

    def wait_until_said(self, pattern: str) -> None:
        """Until the standard output fits a pattern."""
        wait_for(lambda: re.search(pattern, self.said), f"{pattern!r} on the standard output")

    def end(self, how: int = signal.SIGINT, limit_s: float = PATIENCE_S) -> int:
        """Send a signal and wait; the exit status."""
        self.process.send_signal(how)
        return self.process.wait(limit_s)

    def survivors(self) -> list[psutil.Process]:
        """Processes of this performance that still run."""
        return [p for p in self._family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    def close(self) -> None:
        """End what still runs."""
        self._socket.close()
        try:
            family = [self.process, *self.process.children(recursive=True), *self._family]
        except psutil.NoSuchProcess:
            family = self._family
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait(PATIENCE_S)
