"""All sounds of a database in memory, a row each, and the files that they are in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import LibraryError
from ghostnote.library import database, words
from ghostnote.library.aspects import scaled, spreads, usual_pitch
from ghostnote.library.catalogue import Facts
from ghostnote.library.descriptors import COLUMNS

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

_ROWS = (
    f"SELECT id, content, onset_s, {', '.join(COLUMNS)}, latent, probabilities FROM segment "
    "WHERE EXISTS (SELECT 1 FROM file WHERE file.content = segment.content) ORDER BY id"
)
_PART = 20_000
_FILES = (
    "SELECT content, path, said FROM file JOIN content ON content = content.id WHERE status = 0 ORDER BY path"
)


class Rows:
    """The sounds as they were when they were read: `n` of them; `ids`: what the database calls them,
    ascending. Thread: any, nothing changes."""

    def __init__(self, path: Path, facts: Facts) -> None:
        self.facts = facts
        with closing(database.connect(path)) as connection, database.reading(path):
            connection.execute("BEGIN")
            self.ids, self.contents, self._numbers, latent, probabilities = _segments(connection, facts)
            self._read_files(connection)
            self.hashes: dict[bytes, int] = dict(connection.execute("SELECT hash, id FROM content"))
        said = np.array([self._said.get(content, "") for content in self.contents.tolist()], dtype=np.str_)
        self.usual_pitch = usual_pitch(self._numbers[1:].T)
        self.aspects = {
            "latent": latent,
            "class": _with_evidence(probabilities, said, facts.classes),
            **scaled(self._numbers[1:].T, self.usual_pitch),
        }
        """Aspects as they are compared, (n, columns) each."""
        if probabilities.shape[1]:
            self.class_names, self.kinds = facts.classes, self.aspects["class"].argmax(axis=1)
        else:
            names, self.kinds = np.unique(said, return_inverse=True)
            self.class_names = tuple(str(name) for name in names)

    def _read_files(self, connection: sqlite3.Connection) -> None:
        self.paths: dict[int, list[bytes]] = {}
        self._said: dict[int, str] = {}
        for content, path, said in connection.execute(_FILES):
            self.paths.setdefault(content, []).append(path)
            if said:
                self._said.setdefault(content, said)

    def __len__(self) -> int:
        return len(self.contents)

    def column(self, name: str) -> Float64:
        """`onset_s` or a descriptor, (n,)."""
        column: Float64 = self._numbers[("onset_s", *COLUMNS).index(name)]
        return column

    def class_rows(self, wanted: Callable[[str], bool]) -> Bool:
        """Sounds whose class is wanted, (n,)."""
        good = np.array([wanted(name) for name in self.class_names], dtype=bool)
        return np.asarray(good[self.kinds], dtype=bool) if len(self) else np.zeros(0, dtype=bool)

    def folder_rows(self, wanted: Callable[[str], bool]) -> Bool:
        """Sounds with a file in a folder that is wanted, (n,)."""
        folders, contents, numbers = self._folders
        good = np.array([wanted(os.fsdecode(folder)) for folder in folders], dtype=bool)
        return np.isin(self.contents, contents[good[numbers]]) if len(self) else np.zeros(0, dtype=bool)

    @cached_property
    def spreads(self) -> dict[str, float]:
        """How far the sounds differ in each aspect."""
        return spreads(self.aspects)

    @cached_property
    def _folders(self) -> tuple[list[bytes], Int64, Int64]:
        """Folders; for each file its content, and the number of its folder."""
        found: dict[bytes, int] = {}
        pairs = [
            (content, found.setdefault(os.path.dirname(path), len(found)))
            for content, paths in self.paths.items()
            for path in paths
        ]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return list(found), table[:, 0], table[:, 1]


def _segments(connection: sqlite3.Connection, facts: Facts) -> tuple[Int64, Int64, Float64, Float32, Float32]:
    """Ids (n,), ascending, contents (n,), onsets and descriptors (columns, n), latent points (n, D) and
    probabilities (n, C or 0) of all sounds; a part at a time, since rows of Python objects take several times
    the memory."""
    parts = []
    cursor = connection.execute(_ROWS)
    while rows := cursor.fetchmany(_PART):
        fields = list(zip(*rows, strict=True))
        parts.append(
            (
                np.array(fields[0], dtype=np.int64),
                np.array(fields[1], dtype=np.int64),
                np.array(fields[2:-2], dtype=np.float64),
                _matrix(fields[-2], len(rows), facts.latent_size),
                _matrix(fields[-1], len(rows), len(facts.classes) if fields[-1][0] else 0),
            )
        )
    if not parts:
        none, latent = np.zeros(0, dtype=np.int64), np.zeros((0, facts.latent_size), dtype=np.float32)
        return none, none, np.zeros((len(COLUMNS) + 1, 0)), latent, latent[:, :0]
    ids, contents, columns, latents, probabilities = zip(*parts, strict=True)
    if len({part.shape[1] for part in probabilities}) > 1:
        raise LibraryError("the library is damaged: some sounds have classes, some none; index again")
    return (
        np.concatenate(ids),
        np.concatenate(contents),
        np.concatenate(columns, axis=1),
        np.concatenate(latents),
        np.concatenate(probabilities),
    )


def _matrix(blobs: Sequence[object], count: int, columns: int) -> Float32:
    """Rows of 4-byte floats, (count, columns)."""
    data = b"".join(blobs)  # type: ignore[arg-type]
    if len(data) != 4 * count * columns:
        raise LibraryError("the library is damaged: a point has the wrong size; remove it, index again")
    return np.frombuffer(data, dtype="<f4").reshape(count, columns).astype(np.float32, copy=False)


def _with_evidence(probabilities: Float32, said: NDArray[np.str_], classes: tuple[str, ...]) -> Float32:
    """Probabilities (n, C) with what paths say counted in."""
    if not probabilities.shape[1]:
        return probabilities
    out = probabilities.copy()
    for name in np.unique(said):
        rows = said == name
        out[rows] = words.evidence(probabilities[rows], str(name), classes)
    return out
