"""The front process: writes logs and the last state to disk, beside the sound, not in its way.

It is told everything by the supervisor. If it dies, the sound goes on, and a new one takes over.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from pathlib import Path

from ghostnote.errors import StateError
from ghostnote.host import session
from ghostnote.host.log_file import SPOOL_LIMIT, LogFile
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, messages
from ghostnote.state.store import save, sweep

SPOOLS = "session-*.jsonl"
_OLD_S = 2 * 24 * 3600.0
_NOTES = 4096


class Front:
    """Handles the supervisor's messages: `open`, `log`, `note`, `recording`, `recorded`, `state`, `beat`, …

    What is to be written is answered with `logged` when it is with the system, so that a front that dies
    loses nothing. There is always a control log from the start on, and each recording gets a copy of it that
    goes on until the recording ends; a session log likewise, unless one was asked for.
    """

    def __init__(self, out: PipeWriter) -> None:
        self._out = out
        self._log: LogFile | None = None
        self._asked_for = False
        self._beside: LogFile | None = None
        self._session: LogFile | None = None
        self._session_is_beside = False
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._state_path: Path | None = None
        self.done = False

    def handle(self, message: Message) -> None:
        """Carry out one message."""
        kind = message.get("type")
        if kind == "open":
            self._open(message)
        elif kind == "state":
            self._save(message["state"])
        elif kind == "beat":
            self._out.send({"type": "beat"})
        elif kind == "quit":
            self.done = True
        elif kind in ("log", "note", "recording", "recorded"):
            if kind == "log":
                self._write(message["lines"])
            elif kind == "note":
                self._note(session.note(message["wall"], message["t"], message["text"]))
            elif kind == "recording":
                self._begin_recording(Path(message["path"]), message["line"])
            else:
                self._end_recording(message["line"])
            self._out.send({"type": "logged"})

    def close(self) -> None:
        """Close everything; a log that nobody asked for is not left behind."""
        for file in (self._log, self._beside, self._session):
            if file is not None:
                file.close()
        if self._log is not None and not self._asked_for:
            with contextlib.suppress(OSError):
                self._log.remove()

    def _open(self, message: Message) -> None:
        self._state_path = Path(message["state_path"])
        sweep(self._state_path)
        fresh = bool(message["fresh"])
        self._asked_for = message["log"] is not None
        if self._asked_for:
            self._log = LogFile(Path(message["log"]), self._trouble, fresh=fresh)
        else:
            spool = Path(message["spool"])
            _sweep_spools(spool.parent)
            self._log = LogFile(spool, self._trouble, limit=SPOOL_LIMIT)
        if message["session"] is not None:
            self._session = LogFile(Path(message["session"]), self._trouble)
            if fresh:
                self._session.write(session.head(time.time()))
        if message["recording"]:
            recording = Path(message["recording"])
            self._beside = self._log_beside(recording, fresh=False)
            self._open_session_beside(recording, fresh=False)

    def _log_beside(self, recording: Path, fresh: bool) -> LogFile | None:
        path = recording.with_suffix(".jsonl")
        if self._log is None or self._log.path.absolute() == path.absolute():
            return None
        return LogFile(path, self._trouble, fresh=fresh)

    def _write(self, lines: list[str]) -> None:
        for file in (self._log, self._beside):
            if file is not None:
                file.write(lines)

    def _begin_recording(self, path: Path, line: str) -> None:
        self._beside = self._log_beside(path, fresh=True)
        if self._beside is not None and self._log is not None:
            self._beside.follow(self._log)
        self._write([line])
        if self._open_session_beside(path, fresh=True) and self._session is not None:
            self._session.write([*session.head(time.time()), *self._notes])

    def _open_session_beside(self, recording: Path, fresh: bool) -> bool:
        if self._session is not None:
            return False
        self._session = LogFile(recording.with_suffix(".txt"), self._trouble, fresh=fresh)
        self._session_is_beside = True
        return True

    def _end_recording(self, line: str) -> None:
        self._write([line])
        if self._beside is not None:
            self._beside.close()
        self._beside = None
        if self._session_is_beside and self._session is not None:
            self._session.close()
            self._session, self._session_is_beside = None, False

    def _note(self, line: str) -> None:
        self._notes.append(line)
        if self._session is not None:
            self._session.write([line])

    def _save(self, state: dict[str, object]) -> None:
        if self._state_path is None:
            return
        try:
            save(self._state_path, state)
        except StateError as error:
            self._trouble(str(error))

    def _trouble(self, text: str) -> None:
        self._out.send({"type": "trouble", "text": text})


def _sweep_spools(folder: Path) -> None:
    """Make the folder, and remove logs in it that performances left behind when they were killed."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(SPOOLS):
            if time.time() - left.stat().st_mtime > _OLD_S:
                left.unlink()


def main() -> int:
    """Run as a child of the supervisor: messages on standard input, answers on standard output."""
    ignore_signals()
    out = PipeWriter(sys.stdout.buffer)
    front = Front(out)
    for message in messages(sys.stdin.buffer):
        front.handle(message)
        if front.done:
            break
    front.close()
    out.close()
    return 0


if __name__ == "__main__":
    os._exit(main())
