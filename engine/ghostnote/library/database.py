"""The database of a library for one model: its tables, and connections to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from ghostnote.errors import LibraryError

SCHEMA = 1
"""Version of the tables; a database of a later one is refused."""
_APPLICATION = 0x676E6C62
_WAIT_S = 20.0

_TABLES = """
CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE folder (path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    status INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE file (
    path BLOB PRIMARY KEY,
    content INTEGER REFERENCES content (id),
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    said TEXT NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX file_content ON file (content);
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    content INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    onset_s REAL NOT NULL,
    length_s REAL NOT NULL,
    loudness_db REAL NOT NULL,
    centroid_hz REAL NOT NULL,
    pitch_hz REAL NOT NULL,
    attack_s REAL NOT NULL,
    noisiness REAL NOT NULL,
    latent BLOB NOT NULL,
    probabilities BLOB NOT NULL
);
CREATE INDEX segment_content ON segment (content);
"""


def connect(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """A connection; transactions are begun by hand. With `write`, a new file gets its tables.

    Raises LibraryError when the file is none of ours, of a later version, or cannot be opened.
    """
    mode = "rwc" if write else "ro"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=_WAIT_S, isolation_level=None
        )
        try:
            _prepare(connection, path, write)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _told(path, error) from None
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, write: bool) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != _APPLICATION and (tables or not write):
        raise LibraryError(f"{path}: is no library of ghostnote; give another name or folder")
    if version > SCHEMA:
        raise LibraryError(
            f"{path}: was made by a later ghostnote (version {version} of the tables, this one reads "
            f"{SCHEMA}); update ghostnote, or index into another --library"
        )
    connection.execute("PRAGMA foreign_keys = ON")
    if not write:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if not tables:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION};"
            f" PRAGMA user_version = {SCHEMA}; COMMIT;"
        )


@contextmanager
def changing(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """One transaction: all of it or nothing. Raises LibraryError when it cannot be written."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise _told(path, error) from None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What SQLite raises while a database is read, as LibraryError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _told(path, error) from None


def _told(path: Path, error: sqlite3.Error) -> LibraryError:
    said = " ".join(str(error).split())
    if "full" in said:
        return LibraryError(f"{path}: the disk is full; what was indexed is kept: free some space, go on")
    if "locked" in said or "busy" in said:
        return LibraryError(f"{path}: is in use by another program ({said}); wait for it")
    if "malformed" in said or "not a database" in said:
        return LibraryError(
            f"{path}: is damaged ({said}); remove it (`ghostnote library remove`) and index again"
        )
    return LibraryError(f"{path}: cannot be used ({said}); is the disk full, read-only or gone?")
