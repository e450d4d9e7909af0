"""Text files that grow line by line while something plays, and that never raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import IO

SPOOL_LIMIT = 256 << 20
"""Bytes up to which a control log that nobody asked for is kept, in case a recording begins."""


class LogFile:
    """Lines appended to a file, which is opened with the first of them. Trouble ends it, and is told once.

    `fresh`: what was there before is kept under another name; otherwise lines follow it. `limit` in bytes.
    """

    def __init__(
        self, path: Path, tell: Callable[[str], None], *, fresh: bool = False, limit: int | None = None
    ) -> None:
        self.path = path
        self.failed = False
        self._tell = tell
        self._fresh = fresh
        self._left = limit
        self._file: IO[str] | None = None

    def write(self, lines: Iterable[str]) -> None:
        """Append lines and hand them to the system."""
        if self.failed:
            return
        text = "".join(line + "\n" for line in lines)
        try:
            file = self._open()
            file.write(text)
            file.flush()
        except OSError as error:
            self._end(f"{self.path}: the log cannot be written ({error.strerror}); it ends here")
            return
        if self._left is not None:
            self._left -= len(text)
            if self._left < 0:
                self._end("this set is too long to keep its log: a recording that begins now has none")

    def follow(self, other: LogFile) -> None:
        """Begin with everything that is in another log."""
        if other.failed or not other.path.exists():
            self._end(f"{self.path}: not written, since the log so far is not there")
            return
        try:
            file = self._open()
            with other.path.open(encoding="utf-8") as source:
                file.writelines(source)
            file.flush()
        except OSError as error:
            self._end(f"{self.path}: the log cannot be written ({error.strerror}); it ends here")

    def close(self) -> None:
        """Close the file; may be called again."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                self.failed = True

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _open(self) -> IO[str]:
        if self._file is None:
            # Only now, so that a start that fails leaves an old log where it is.
            if self._fresh:
                self._keep_old()
            self._file = open(self.path, "w" if self._fresh else "a", encoding="utf-8")  # noqa: SIM115
        return self._file

    def _keep_old(self) -> None:
        path = self.path
        if not path.exists() or path.stat().st_size == 0:
            return
        numbered = (path.with_name(f"{path.stem}.{n}{path.suffix}") for n in count(1))
        kept = next(name for name in numbered if not name.exists())
        path.rename(kept)
        self._tell(f"{path} was there already; the old log is now {kept.name}")

    def _end(self, text: str) -> None:
        self.close()
        self.failed = True
        self._tell(text)
