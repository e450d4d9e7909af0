"""A library and its map as they are now: read again when the database changes."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ghostnote.errors import LibraryError
from ghostnote.library import places, wav
from ghostnote.library.own_query import query_of_row
from ghostnote.library.search import Library, open_library
from ghostnote.library.sound_map import SoundMap, map_of
from ghostnote.web.map_document import as_bytes, document

SHARE = 5.0
"""Reading again may take one part of so many of the time."""
MOST_NEAR = 50


@dataclass(frozen=True, eq=False)
class Shown:
    """What is served: the library, its document, the document's hash, rows by id and by (file, onset)."""

    library: Library
    text: bytes
    etag: str
    by_id: dict[int, int]
    files: list[str]
    by_file: dict[tuple[str, float], int]


class MapSource:
    """The newest map of a library. Thread: one, except `shown` and `trouble`, which any may read."""

    def __init__(self, name: str, model: str | None) -> None:
        """Reads and draws it. Raises LibraryError, BundleError."""
        self._name, self._model = name, model
        self.trouble = ""
        """Why what is shown is not the newest, if so."""
        self._seen: object = None
        self._next = 0.0
        self.shown = self._read(anew=False)

    def refresh(self) -> bool:
        """Read again if the database changed, though not all the time; whether what is shown changed."""
        if time.monotonic() < self._next:
            return False
        try:
            if self._look() == self._seen:
                return False
            return self._take(self._read(anew=False))
        except LibraryError as error:
            self.trouble = str(error)
            self._next = time.monotonic() + SHARE
            return False

    def redraw(self) -> None:
        """Draw the map anew. Raises LibraryError."""
        self._take(self._read(anew=True))

    def near(self, number: int, count: int) -> list[dict[str, Any]] | None:
        """What is most like a sound, nearest first; None where there is no such sound."""
        shown = self.shown
        row = shown.by_id.get(number)
        if row is None:
            return None
        found = shown.library.find(query_of_row(shown.library, row), count)
        return [
            {
                "id": int(shown.library.rows.ids[shown.by_file[near.file, near.onset_s]]),
                "file": near.file.encode("utf-8", "backslashreplace").decode(),
                "onset_s": round(near.onset_s, 6),
                "distance": round(near.distance, 6),
                "class": near.class_name or None,
            }
            for near in found
        ]

    def wav(self, number: int) -> bytes | None:
        """A sound as WAV; None where there is no such sound. Raises AudioFileError. Thread: any."""
        place = self.place(number)
        if place is None:
            return None
        path, onset_s, length_s = place
        return wav.wav(path, onset_s, length_s)

    def place(self, number: int) -> tuple[str, float, float] | None:
        """File, onset and length of a sound. Thread: any."""
        shown = self.shown
        row = shown.by_id.get(number)
        if row is None:
            return None
        rows = shown.library.rows
        return shown.files[row], float(rows.column("onset_s")[row]), float(rows.column("length_s")[row])

    def _take(self, shown: Shown) -> bool:
        changed = shown.etag != self.shown.etag
        self.shown, self.trouble = shown, ""
        return changed

    def _read(self, *, anew: bool) -> Shown:
        began = time.monotonic()
        seen = self._look()
        library = open_library(self._name, self._model)
        drawn = map_of(library, anew=anew)
        shown = self._shown(library, drawn)
        # Placing writes, too: what it changed need not be read again.
        self._seen = self._look() if drawn.fresh else seen
        self._next = time.monotonic() + SHARE * (time.monotonic() - began)
        return shown

    def _shown(self, library: Library, drawn: SoundMap) -> Shown:
        text = as_bytes(document(library, drawn))
        files = library.files()
        onsets = library.rows.column("onset_s").tolist()
        return Shown(
            library,
            text,
            hashlib.blake2b(text, digest_size=12).hexdigest(),
            {number: row for row, number in enumerate(library.rows.ids.tolist())},
            files,
            {key: row for row, key in enumerate(zip(files, onsets, strict=True))},
        )

    def _look(self) -> object:
        """How the databases look; changes with each transaction."""
        found = []
        for path in places.databases(places.existing(self._name)):
            for part in (path, Path(f"{path}-wal")):
                try:
                    about = os.stat(part)
                    found.append((part, about.st_ino, about.st_size, about.st_mtime_ns))
                except OSError:
                    found.append((part, 0, 0, 0))
        return found
