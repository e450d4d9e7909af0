"""`ghostnote play` in processes of its own, started as a person would, with OSC to play it."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from ghostnote.bench.jack_server import UnavailableError

START_LIMIT_S = 90.0
END_LIMIT_S = 30.0
LAST_WORDS_S = 3.0

_GOODBYE = re.compile(r"dropouts (\d+), late decodes (\d+)")


class Player:
    """The instrument for the length of a `with` block; `started` is when its process was asked for.

    `options`: more arguments of `ghostnote play`. With `wait` it is entered when the instrument says that it
    plays. Raises UnavailableError, with its last line, when it ends before that.
    """

    def __init__(
        self, model: str, env: Mapping[str, str], options: Sequence[str] = (), *, wait: bool = True
    ) -> None:
        self.port = free_port()
        self.started = 0.0
        self.said: list[str] = []
        self._command = [sys.executable, "-m", "ghostnote", "play", "--model", model]
        self._command += ["--port", str(self.port), *options]
        self._env = dict(env)
        self._wait = wait
        self._home = tempfile.TemporaryDirectory(prefix="ghostnote-bench-")
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Player:
        env = {**child_env(self._env), "GHOSTNOTE_HOME": self._home.name}
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, name="player-said", daemon=True)
        self._listener.start()
        if self._wait:
            try:
                self.wait_until_playing()
            except BaseException:
                self._end()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Process id of the supervisor, whose children are core and front."""
        assert self._process is not None
        return self._process.pid

    def send(self, datagram: bytes) -> None:
        """Send one OSC datagram to the instrument."""
        with contextlib.suppress(OSError):
            self._socket.sendto(datagram, ("127.0.0.1", self.port))

    def wait_until_playing(self) -> None:
        """Wait for the line that says so."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=1.0)
                if line is None:
                    break
                if line.startswith("Playing"):
                    return
        last = self.said[-1] if self.said else "nothing"
        raise UnavailableError(f"ghostnote play did not start; it said: {last}")

    def end(self) -> tuple[int, int]:
        """End it; (dropouts, late decodes) as it says itself, (-1, -1) if it said nothing."""
        self._end()
        for line in reversed(self.said):
            if found := _GOODBYE.search(line):
                return int(found[1]), int(found[2])
        return -1, -1

    def _listen(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line.strip())
            self._lines.put(line.strip())
        process.stdout.close()
        self._lines.put(None)

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(END_LIMIT_S)
        # Its children may hold the pipe for a moment longer.
        self._listener.join(LAST_WORDS_S)
        self._socket.close()
        with contextlib.suppress(OSError):
            self._home.cleanup()


def child_env(env: Mapping[str, str]) -> dict[str, str]:
    """`env` with this process's import path, so that a child finds the same ghostnote."""
    paths = [p for p in (env.get("PYTHONPATH", ""), *sys.path) if p]
    return {**env, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def message(addr: str, *args: float | int | str) -> bytes:
    """One OSC message as a datagram."""
    from pythonosc.osc_message_builder import build_msg

    return bytes(build_msg(addr, list(args)).dgram)


def free_port() -> int:
    """A UDP port on the loopback address that nobody holds just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
