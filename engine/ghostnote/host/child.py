"""A child process as the supervisor sees it: started, heard, missed, ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from ghostnote.host.pipe import Message, PipeWriter, read_messages


class Child:
    """One Python process that talks JSON lines over its standard pipes; its errors go to the terminal."""

    def __init__(self, module: str, handle: Callable[[Message], None]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE
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
