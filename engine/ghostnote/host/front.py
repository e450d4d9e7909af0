"""The front process: writes the control log and the last state to disk, beside the sound, not in its way.

It is told everything by the supervisor. If it dies, the sound goes on, and a new one takes over.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path
from typing import IO

from ghostnote.errors import StateError
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, messages
from ghostnote.state.store import save, sweep


class Front:
    """Handles the supervisor's messages: `open`, `log`, `state`, `beat`, `quit`.

    Each `log` is answered with `logged` when it is with the system, so that a front that dies loses nothing.
    """

    def __init__(self, out: PipeWriter) -> None:
        self._out = out
        self._log: IO[str] | None = None
        self._log_path: str | None = None
        self._mode = "a"
        self._state_path: Path | None = None
        self.done = False

    def handle(self, message: Message) -> None:
        """Carry out one message."""
        kind = message.get("type")
        if kind == "open":
            self._open(message)
        elif kind == "log":
            self._write(message["lines"])
            self._out.send({"type": "logged"})
        elif kind == "state":
            self._save(message["state"])
        elif kind == "beat":
            self._out.send({"type": "beat"})
        elif kind == "quit":
            self.done = True

    def _open(self, message: Message) -> None:
        self._state_path = Path(message["state_path"])
        sweep(self._state_path)
        self._log_path, self._mode = message.get("log"), message.get("mode", "a")

    def _write(self, lines: list[str]) -> None:
        if self._log_path is None:
            return
        try:
            if self._log is None:
                # Only now, so that a start that fails leaves an old log where it is.
                self._keep_old_log(Path(self._log_path))
                self._log = open(self._log_path, self._mode, encoding="utf-8")  # noqa: SIM115
            self._log.writelines(line + "\n" for line in lines)
            self._log.flush()
        except OSError as error:
            self._trouble(f"{self._log_path}: the log cannot be written ({error.strerror}); it ends here")
            self._log = self._log_path = None

    def _keep_old_log(self, path: Path) -> None:
        if self._mode != "w" or not path.exists() or path.stat().st_size == 0:
            return
        numbered = (path.with_name(f"{path.stem}.{n}{path.suffix}") for n in count(1))
        kept = next(name for name in numbered if not name.exists())
        path.rename(kept)
        self._trouble(f"{path} was there already; the old log is now {kept.name}")

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
    ignore_signals()
    out = PipeWriter(sys.stdout.buffer)
    front = Front(out)
    for message in messages(sys.stdin.buffer):
        front.handle(message)
        if front.done:
            break
    out.close()
    return 0


if __name__ == "__main__":
    os._exit(main())
