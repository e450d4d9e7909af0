"""The front process: writes the control log and the last state to disk, beside the sound, not in its way.

It is told everything by the supervisor. If it dies, the sound goes on, and a new one takes over.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import IO

from ghostnote.errors import StateError
from ghostnote.host.pipe import Message, PipeWriter, read_messages
from ghostnote.state.store import save

_FLUSH_S = 0.25


class Front:
    """Handles the supervisor's messages: `open`, `log`, `state`, `beat`, `quit`."""

    def __init__(self, out: PipeWriter) -> None:
        self._out = out
        self._log: IO[str] | None = None
        self._state_path: Path | None = None
        self._lock = threading.Lock()
        self.done = threading.Event()

    def handle(self, message: Message) -> None:
        """Carry out one message."""
        kind = message.get("type")
        if kind == "open":
            self._open(message)
        elif kind == "log":
            self._write(message["lines"])
        elif kind == "state":
            self._save(message["state"])
        elif kind == "beat":
            self._out.send({"type": "beat"})
        elif kind == "quit":
            self.done.set()

    def flush_for_ever(self) -> None:
        """Put the log on disk several times a second until the end."""
        while not self.done.wait(_FLUSH_S):
            self.flush()
        self.flush()

    def flush(self) -> None:
        """Put what has been logged on disk."""
        with self._lock:
            if self._log is not None:
                try:
                    self._log.flush()
                except OSError as error:
                    self._trouble(f"the log cannot be written ({error.strerror}); it ends here")
                    self._log = None

    def _open(self, message: Message) -> None:
        self._state_path = Path(message["state_path"])
        if message.get("log"):
            try:
                self._log = open(message["log"], message.get("mode", "a"), encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                self._trouble(f"{message['log']}: the log cannot be opened ({error.strerror})")

    def _write(self, lines: list[str]) -> None:
        with self._lock:
            if self._log is None:
                return
            try:
                self._log.writelines(line + "\n" for line in lines)
            except OSError as error:
                self._trouble(f"the log cannot be written ({error.strerror}); it ends here")
                self._log = None

    def _save(self, state: dict[str, object]) -> None:
        if self._state_path is None:
            return
        try:
            save(self._state_path, state)
        except StateError as error:
            self._trouble(str(error))

    def _trouble(self, text: str) -> None:
        self._out.send({"type": "trouble", "text": text})


def main() -> int:
    """Run as a child of the supervisor: messages on standard input, answers on standard output."""
    out = PipeWriter(sys.stdout.buffer)
    front = Front(out)
    threading.Thread(target=front.flush_for_ever, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        read_messages(sys.stdin.buffer, front.handle)
    front.flush()
    out.close()
    return 0


if __name__ == "__main__":
    os._exit(main())
