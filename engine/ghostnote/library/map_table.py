"""Where a library's database keeps its map: a place for each sound, and what holds for the whole map."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import LibraryError
from ghostnote.library import database

Float32 = NDArray[np.float32]

METHOD = 1
"""Version of how places are computed: sounds are added only to a map of the same one."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS map (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS place (segment INTEGER PRIMARY KEY "
    "REFERENCES segment (id) ON DELETE CASCADE, x REAL NOT NULL, y REAL NOT NULL, fitted INTEGER NOT NULL)",
)
# A sound that was deleted meanwhile, or another one with its number, gets no place.
_PUT = "INSERT OR IGNORE INTO place SELECT id, ?, ?, ? FROM segment WHERE id = ? AND latent = ?"


@dataclass(frozen=True)
class MapFacts:
    """What holds for a map: the version of its method, its seed, units of the fit in the whole map's width,
    and a number that grows with each fit."""

    method: int
    seed: int
    units: float
    fit: int


@dataclass(frozen=True)
class Placed:
    """One sound of a map: its id, its latent point as it is stored, its place, and whether it was fitted."""

    segment: int
    latent: bytes
    x: float
    y: float
    fitted: bool


@dataclass(frozen=True)
class Kept:
    """A map as it is kept: its facts, and for each sound that has one (x, y, whether it was fitted)."""

    facts: MapFacts
    places: dict[int, tuple[float, float, bool]]


def read(path: Path) -> Kept | None:
    """The map of a database; None where there is none yet. Raises LibraryError."""
    with closing(database.connect(path)) as connection, database.reading(path):
        connection.execute("BEGIN")
        facts = _facts(connection, path)
        return None if facts is None else Kept(facts, _places(connection))


def add(path: Path, facts: MapFacts, sounds: Sequence[Placed]) -> Kept | None:
    """Add sounds to a map, and read all of it back: a sound that got a place meanwhile keeps that one.

    None, and nothing is added, where the map is not that of `facts` any more. Raises LibraryError.
    """
    with closing(database.connect(path, write=True)) as connection, database.changing(connection, path):
        if _facts(connection, path) != facts:
            return None
        _put(connection, sounds)
        return Kept(facts, _places(connection))


def replace(path: Path, before: MapFacts | None, facts: MapFacts, sounds: Sequence[Placed]) -> Kept | None:
    """Put a map in the place of another (None: of none), and read it back.

    None, and nothing is changed, where there is another map by now. Raises LibraryError.
    """
    with closing(database.connect(path, write=True)) as connection, database.changing(connection, path):
        if _facts(connection, path) != before:
            return None
        for table in _TABLES:
            connection.execute(table)
        connection.execute("DELETE FROM place")
        connection.executemany(
            "INSERT OR REPLACE INTO map VALUES (?, ?)",
            [(key, json.dumps(value)) for key, value in asdict(facts).items()],
        )
        _put(connection, sounds)
        return Kept(facts, _places(connection))


def _put(connection: sqlite3.Connection, sounds: Sequence[Placed]) -> None:
    connection.executemany(_PUT, [(s.x, s.y, int(s.fitted), s.segment, s.latent) for s in sounds])


def _places(connection: sqlite3.Connection) -> dict[int, tuple[float, float, bool]]:
    rows = connection.execute("SELECT segment, x, y, fitted FROM place").fetchall()
    return {segment: (x, y, bool(fitted)) for segment, x, y, fitted in rows}


def _facts(connection: sqlite3.Connection, path: Path) -> MapFacts | None:
    (there,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'map'"
    ).fetchone()
    rows = dict(connection.execute("SELECT key, value FROM map").fetchall()) if there else {}
    if not rows:
        return None
    try:
        values = {key: json.loads(value) for key, value in rows.items()}
        return MapFacts(
            int(values["method"]), int(values["seed"]), float(values["units"]), int(values["fit"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise LibraryError(
            f"{path}: its map is damaged ({error!r}); `ghostnote library remove`, and index again"
        ) from None
