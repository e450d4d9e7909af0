"""Messages between processes: JSON lines over pipes, sent by a thread so that nobody waits for a reader."""

from __future__ import annotations

import json
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO, Any

Message = dict[str, Any]

_MAX_LINE = 8 << 20


class PipeWriter:
    """Sends messages down a pipe; `send` never blocks. When the reader is stuck, the oldest are dropped."""

    def __init__(self, stream: IO[bytes], capacity: int = 65536) -> None:
        self._stream = stream
        self._queue: deque[Message] = deque(maxlen=capacity)
        self._wake = threading.Event()
        self._closing = False
        self.broken = False
        self._thread = threading.Thread(target=self._run, name="ghostnote-pipe", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Queue a message. Thread: any."""
        self._queue.append(message)
        self._wake.set()

    def close(self, timeout_s: float = 1.0) -> None:
        """Send what waits, within a time limit."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self.broken:
            self._wake.wait()
            self._wake.clear()
            self._flush()
            if self._closing and not self._queue:
                return

    def _flush(self) -> None:
        try:
            while self._queue:
                line = json.dumps(self._queue.popleft(), separators=(",", ":"))
                self._stream.write(line.encode() + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.broken = True


def ignore_signals() -> None:
    """Let a child end when its supervisor says so or is gone, and not by a signal sent to all (Ctrl-C)."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def messages(stream: IO[bytes]) -> Iterator[Message]:
    """The messages of a pipe until it ends; lines that are not messages are skipped."""
    while line := stream.readline(_MAX_LINE):
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message


def read_messages(stream: IO[bytes], handle: Callable[[Message], None]) -> None:
    """Call `handle` for each message until the pipe ends."""
    for message in messages(stream):
        handle(message)
