"""What an index writes: files, contents and segments of a database, and the facts that all of them share."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError
from ghostnote.library import database, places
from ghostnote.library.descriptors import COLUMNS, as_row
from ghostnote.library.embedding import OK, VERSION, Embedded
from ghostnote.library.walk import Mark, inside
from ghostnote.library.words import said

UNSURE_NS = 2_000_000_000
"""A file that changed so shortly before it was looked at may change again without its time showing it."""
UNSURE = -1

_SEGMENT = (
    f"INSERT INTO segment (content, onset_s, {', '.join(COLUMNS)}, latent, probabilities) "
    f"VALUES (?, ?, {', '.join('?' * len(COLUMNS))}, ?, ?)"
)


@dataclass(frozen=True)
class Facts:
    """What holds for a whole database: the model (name, folder, digest, classes, latent size), whether
    recordings are cut into segments, the version of what was computed, and when it was begun."""

    model: str
    model_folder: str
    digest: str
    classes: tuple[str, ...]
    latent_size: int
    segmented: bool
    version: int
    begun: float

    @classmethod
    def of(cls, manifest: Manifest, folder: Path, segmented: bool) -> Facts:
        """Those of a new database for a model."""
        return cls(
            manifest.name,
            str(folder),
            manifest.digest,
            manifest.classes,
            manifest.latent_size,
            segmented,
            VERSION,
            time.time(),
        )


def path_for(folder: Path, manifest: Manifest) -> Path:
    """The database of a library's folder for a model."""
    return folder / f"{manifest.digest[:16]}{places.SUFFIX}"


def read_facts(connection: sqlite3.Connection, path: Path) -> Facts | None:
    """The facts of a database; None when it has none yet. Raises LibraryError when they are no facts."""
    with database.reading(path):
        rows = dict(connection.execute("SELECT key, value FROM fact").fetchall())
    if not rows:
        return None
    try:
        values = {key: json.loads(value) for key, value in rows.items()}
        values["classes"] = tuple(values["classes"])
        return Facts(**{name: values[name] for name in Facts.__dataclass_fields__})
    except (ValueError, KeyError, TypeError) as error:
        raise LibraryError(f"{path}: is damaged ({error!r}); remove it and index again") from None


def totals(connection: sqlite3.Connection) -> tuple[int, int, list[tuple[bytes, str]]]:
    """See `Catalogue.totals`; raises what SQLite does."""
    (files,) = connection.execute(
        "SELECT count(*) FROM file JOIN content ON content = content.id WHERE status = ?", (OK,)
    ).fetchone()
    (segments,) = connection.execute(
        "SELECT count(*) FROM segment WHERE EXISTS (SELECT 1 FROM file WHERE file.content = segment.content)"
    ).fetchone()
    failed = connection.execute(
        "SELECT path, coalesce(content.reason, file.reason) FROM file "
        "LEFT JOIN content ON content = content.id WHERE status IS NULL OR status != ? ORDER BY path",
        (OK,),
    ).fetchall()
    return files, segments, failed


class Catalogue:
    """A database that is being written. Each method is a transaction; raises LibraryError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = database.connect(path, write=True)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def facts(self) -> Facts | None:
        """What holds for the whole database, if it has been written."""
        return read_facts(self._connection, self.path)

    def begin(self, facts: Facts) -> None:
        """Write the facts; of another version of what is computed, nothing is kept but the paths."""
        before = self.facts()
        with self._changing():
            if before is not None and before.version != facts.version:
                self._connection.execute("UPDATE file SET content = NULL")
                self._connection.execute("DELETE FROM content")
            self._connection.executemany(
                "INSERT OR REPLACE INTO fact VALUES (?, ?)",
                [(name, json.dumps(getattr(facts, name))) for name in Facts.__dataclass_fields__],
            )

    def folders(self) -> list[bytes]:
        """Folders that are indexed, sorted."""
        with database.reading(self.path):
            return [row[0] for row in self._connection.execute("SELECT path FROM folder ORDER BY path")]

    def add_folders(self, folders: Iterable[bytes]) -> None:
        """Remember folders, for an index without any."""
        with self._changing():
            self._connection.executemany("INSERT OR IGNORE INTO folder VALUES (?)", [(f,) for f in folders])

    def marks(self, folder: bytes) -> Iterator[tuple[bytes, Mark, int | None]]:
        """(path, how it looked, status of its content) of the files below a folder."""
        low, high = _below(folder)
        with database.reading(self.path):
            yield from (
                (path, Mark(size, mtime_ns), status)
                for path, size, mtime_ns, status in self._connection.execute(
                    "SELECT path, size, mtime_ns, status FROM file LEFT JOIN content ON content = content.id "
                    "WHERE path >= ? AND path < ?",
                    (low, high),
                )
            )

    def statuses(self) -> dict[bytes, int]:
        """What became of each content, by hash."""
        with database.reading(self.path):
            return dict(self._connection.execute("SELECT hash, status FROM content").fetchall())

    def put(
        self,
        results: Iterable[Embedded],
        files: Iterable[tuple[bytes, bytes, Mark]],
        classes: tuple[str, ...],
    ) -> None:
        """A batch: what became of contents, and files (path, content, mark) that have them."""
        with self._changing():
            for result in results:
                self._put(result)
            self._connection.executemany(
                "INSERT OR REPLACE INTO file SELECT ?, id, ?, ?, ?, '' FROM content WHERE hash = ?",
                [
                    (path, mark.size, mark.mtime_ns, said(os.fsdecode(path), classes), content)
                    for path, content, mark in files
                ],
            )

    def _put(self, result: Embedded) -> None:
        self._connection.execute(
            "DELETE FROM segment WHERE content = (SELECT id FROM content WHERE hash = ?)", (result.content,)
        )
        self._connection.execute(
            "INSERT INTO content (hash, status, reason) VALUES (?, ?, ?) "
            "ON CONFLICT (hash) DO UPDATE SET status = excluded.status, reason = excluded.reason",
            (result.content, result.status, result.reason),
        )
        if result.status != OK:
            return
        (number,) = self._connection.execute(
            "SELECT id FROM content WHERE hash = ?", (result.content,)
        ).fetchone()
        self._connection.executemany(
            _SEGMENT,
            [
                (number, sound.onset_s, *as_row(sound.descriptors), sound.latent.astype("<f4").tobytes(),
                 sound.probabilities.astype("<f4").tobytes())
                for sound in result.sounds
            ],
        )  # fmt: skip

    def put_unread(self, files: Iterable[tuple[bytes, str]]) -> None:
        """Files that could not be read, and why; what is known of one from before is kept."""
        with self._changing():
            self._connection.executemany(
                "INSERT OR IGNORE INTO file VALUES (?, NULL, 0, ?, '', ?)",
                [(path, UNSURE, reason) for path, reason in files],
            )

    def totals(self) -> tuple[int, int, list[tuple[bytes, str]]]:
        """Files with sounds, their segments (of copies once), and files without any with the reason."""
        with database.reading(self.path):
            return totals(self._connection)

    def remove(self, files: Iterable[bytes]) -> None:
        """Take files out, and the contents that no file has any more."""
        with self._changing():
            self._connection.executemany("DELETE FROM file WHERE path = ?", [(path,) for path in files])
            self._connection.execute(
                "DELETE FROM content WHERE id NOT IN (SELECT content FROM file WHERE content IS NOT NULL)"
            )

    def remove_folder(self, folder: bytes) -> int:
        """Take a folder out, with all that is below it; how many files that was."""
        low, high = _below(folder)
        with self._changing():
            gone = self._connection.execute("DELETE FROM file WHERE path >= ? AND path < ?", (low, high))
            count = gone.rowcount
            self._connection.execute(
                "DELETE FROM folder WHERE path = ? OR (path >= ? AND path < ?)", (folder, low, high)
            )
        self.remove([])
        return count

    def _changing(self) -> AbstractContextManager[None]:
        return database.changing(self._connection, self.path)


def _below(folder: bytes) -> tuple[bytes, bytes]:
    """The range of the paths below a folder."""
    start = inside(folder)
    return start, start[:-1] + bytes([start[-1] + 1])
