"""A child process as the supervisor sees it: started, heard, missed, ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO

from ghostnote.host.pipe import Message, PipeWriter, read_messages

TURN_S = 0.25
"""A turn of the supervisor's watch over its children."""


class Child:
    """One Python process that talks JSON lines over its standard pipes.

    What it writes to its error output goes to the terminal, or line by line to `complaint` if that is given.
    `fds`: file descriptors that it inherits.
    """

    def __init__(
        self,
        module: str,
        handle: Callable[[Message], None],
        fds: tuple[int, ...] = (),
        complaint: Callable[[str], None] | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if complaint is None else subprocess.PIPE,
            pass_fds=fds,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.started = self.heard = time.monotonic()
        self._out = PipeWriter(self.process.stdin)
        self._handle = handle
        self._reader = threading.Thread(
            target=read_messages, args=(self.process.stdout, self._heard), name=module, daemon=True
        )
        self._reader.start()
        if complaint is not None:
            assert self.process.stderr is not None
            passing = (self.process.stderr, complaint)
            threading.Thread(target=_pass_on, args=passing, name=f"{module} errors", daemon=True).start()

    def send(self, message: Message) -> None:
        """Queue a message to the child; lost if it is dead."""
        self._out.send(message)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def silent_for(self) -> float:
        """Seconds since the child was last heard."""
        return time.monotonic() - self.heard

    def end(self, timeout_s: float) -> int:
        """Ask it to quit, wait, and kill it if it does not; its exit status."""
        self.send({"type": "quit"})
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end, and kill it if that does not come; its exit status."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_s)
        return self.kill()

    def kill(self) -> int:
        """End it at once if it lives; its exit status. What it sent before is still handled."""
        if self.running:
            self.process.kill()
        status = self.process.wait()
        self._reader.join(timeout=1.0)
        return status

    def _heard(self, message: Message) -> None:
        self.heard = time.monotonic()
        self._handle(message)


class Patience:
    """How long a child has not been heard, counted in turns of the watch that came and found nothing.

    By the clock, a supervisor that was not run itself for some seconds (a machine under heavy load, a
    performance that was stopped and goes on) would take its own absence for the child's silence, and what
    the child said meanwhile, still unread in the pipe, for nothing.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._turns = 0
        self._turn_at = time.monotonic()
        self.heard = False
        """Whether it ever said anything."""

    def turn(self) -> None:
        """Look whether the child was heard since the last turn."""
        now = time.monotonic()
        self._turns += 1
        if self._child.silent_for() <= now - self._turn_at:
            self._turns = 0
            self.heard |= self._child.heard > self._child.started
        self._turn_at = now

    def is_over(self, limit_s: float) -> bool:
        """Whether it was not heard for so long."""
        return self._turns * TURN_S > limit_s


def _pass_on(stream: IO[bytes], complaint: Callable[[str], None]) -> None:
    for line in stream:
        if text := line.decode(errors="replace").strip():
            complaint(text)
