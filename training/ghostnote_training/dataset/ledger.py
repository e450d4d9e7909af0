"""Remembers what was found in files, by their content, so that a folder is decoded once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from ghostnote.errors import DatasetError
from ghostnote_training import cache
from ghostnote_training.crew import Crew, Lost
from ghostnote_training.dataset import look
from ghostnote_training.dataset.look import Glance, Look

SYNC_EVERY = 256


class Ledger:
    """Looks by content hash and settings in a file of JSON lines that only grows; a torn line is left out.

    Of files that cannot be used nothing is kept: they are looked at again, since a decoder may have been at
    fault.
    """

    def __init__(self, folder: Path, settings: object) -> None:
        self.path = folder / "looks.jsonl"
        text = json.dumps([look.VERSION, settings], default=str, sort_keys=True)
        self._settings = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._known: dict[str, Look] = {}
        self._waiting: list[str] = []
        self._read()

    def _read(self) -> None:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        names = {field.name for field in fields(Look)}
        for line in text.split("\n"):
            try:
                values = json.loads(line)
                if values.pop("settings") == self._settings and set(values) == names:
                    values["cuts"] = tuple((int(a), int(b)) for a, b in values["cuts"])
                    self._known[values["content"]] = Look(**values)
            except (ValueError, KeyError, TypeError, AttributeError):
                continue

    def __len__(self) -> int:
        return len(self._known)

    def find(self, content: str) -> Look | None:
        """What is known of a content."""
        return self._known.get(content)

    def add(self, found: Look) -> None:
        """Remember a look. Raises DatasetError when it cannot be written."""
        if found.trouble or found.content in self._known:
            return
        self._known[found.content] = found
        self._waiting.append(json.dumps({"settings": self._settings, **asdict(found)}))
        if len(self._waiting) >= SYNC_EVERY:
            self.sync()

    def sync(self) -> None:
        """Write what waits. Raises DatasetError."""
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as handle:
                # What a kill left of a line ends before the new ones.
                handle.write(("\n" + "\n".join(lines) + "\n").encode())
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise DatasetError(
                f"{self.path.parent}: cannot write there ({error.strerror or error}); free some space, "
                "change its permissions, or give another folder"
            ) from None


def look_at_all(
    jobs: Sequence[Glance], ledger: Ledger, crew: Crew, progress: Callable[[int, int], None]
) -> list[Look]:
    """What is in each file, in their order; a file that takes its decoder down, or keeps it for ever, is
    broken.
    """
    found = [Look(trouble="broken", detail="not looked at")] * len(jobs)
    unknown: list[int] = []
    done = 0
    if not len(ledger):
        unknown += range(len(jobs))
    for index, result in crew.run(_content, [job.path for job in jobs] if len(ledger) else []):
        known = None if isinstance(result, Lost) else ledger.find(result)
        if known is None:
            unknown.append(index)
            continue
        found[index] = known
        done += 1
        progress(done, len(jobs))
    unknown.sort()
    try:
        for number, answer in crew.run(look.look, [jobs[index] for index in unknown]):
            seen = Look(trouble="broken", detail=answer.reason) if isinstance(answer, Lost) else answer
            found[unknown[number]] = seen
            ledger.add(seen)
            done += 1
            progress(done, len(jobs))
    finally:
        ledger.sync()
    return found


def _content(path: Path) -> str:
    """Hash of a file, "" where it cannot be read."""
    try:
        return cache.content(path)
    except OSError:
        return ""
