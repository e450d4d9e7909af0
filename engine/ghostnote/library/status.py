"""What there is: the databases of a library, what they hold, and whether they can be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ghostnote.decode import bundle
from ghostnote.decode.files import inside
from ghostnote.decode.manifest import Manifest
from ghostnote.errors import BundleError, LibraryError
from ghostnote.library import database, places, quick
from ghostnote.library.catalogue import Facts, read_facts, totals
from ghostnote.library.embedding import LOST, VERSION, content_of


@dataclass(frozen=True)
class Status:
    """What one database of a library holds. `failed`: (path, why); `quarantined`: how many of these crashed
    or hung their decoder; `current`: whether the model is there as it was."""

    library: str
    path: Path
    facts: Facts
    folders: tuple[bytes, ...]
    files: int
    segments: int
    failed: tuple[tuple[bytes, str], ...]
    quarantined: int
    bytes: int
    current: bool


def status(folder: Path) -> list[Status]:
    """What a library holds, for each model, the latest changed first. Raises LibraryError."""
    return [found for path in places.databases(folder) if (found := _status(path)) is not None]


def _status(path: Path) -> Status | None:
    with closing(database.connect(path)) as connection, database.reading(path):
        facts = read_facts(connection, path)
        if facts is None:
            return None
        files, segments, failed = totals(connection)
        (lost,) = connection.execute(
            "SELECT count(*) FROM file JOIN content ON content = content.id WHERE status = ?", (LOST,)
        ).fetchone()
        size = sum(part.stat().st_size for part in path.parent.glob(f"{path.stem}.*"))
        return Status(places.named(path.parent), path, facts, tuple(_folders(connection)), files, segments,
                      tuple(failed), lost, size, is_current(facts))  # fmt: skip


def _folders(connection: sqlite3.Connection) -> list[bytes]:
    return [row[0] for row in connection.execute("SELECT path FROM folder ORDER BY path")]


def is_current(facts: Facts) -> bool:
    """Whether a database was made by this version of the program and by the model that is where it was."""
    return facts.version == VERSION and model_folder(facts) is not None


def model_folder(facts: Facts) -> Path | None:
    """Where the model of a database is, in its folder or by its name; None where it is not as it was."""
    if digest_in(facts.model_folder) == facts.digest:
        return Path(facts.model_folder)
    with suppress(BundleError):
        folder = bundle.find(facts.model)
        return folder if digest_in(str(folder)) == facts.digest else None
    return None


def digest_in(folder: str) -> str | None:
    """The digest of the model in a folder; None where there is none."""
    with suppress(BundleError):
        return Manifest.from_file(inside(Path(folder), bundle.MANIFEST_NAME)).digest
    return None


def latest_facts(folder: Path) -> Facts | None:
    """The facts of the database that was changed last, if there is one. Raises LibraryError."""
    for path in places.databases(folder):
        with closing(database.connect(path)) as connection:
            if facts := read_facts(connection, path):
                return facts
    return None


def latest_folders(folder: Path) -> list[bytes]:
    """Folders of the database that was changed last and has any. Raises LibraryError."""
    for path in places.databases(folder):
        with closing(database.connect(path)) as connection, database.reading(path):
            if found := _folders(connection):
                return found
    return []


def drop_outdated(folder: Path, manifest: Manifest) -> None:
    """Delete databases of an earlier version of a model: no query can be embedded for them any more."""
    for path in places.databases(folder):
        with suppress(LibraryError):
            with closing(database.connect(path)) as connection:
                facts = read_facts(connection, path)
            if facts is None or facts.model != manifest.name or facts.digest == manifest.digest:
                continue
            if digest_in(facts.model_folder) not in (None, facts.digest):
                delete(path)


def delete(path: Path) -> None:
    """Delete a database. Raises LibraryError."""
    try:
        for part in [path, *path.parent.glob(f"{path.name}-*")]:
            part.unlink(missing_ok=True)
        quick.delete(path)
    except OSError as error:
        raise LibraryError(f"{path}: cannot be deleted ({error.strerror or error})") from None


def verify(path: Path) -> Iterator[str]:
    """What is wrong with a database and the files that it knows, in words; reads every file. Raises
    LibraryError when it cannot be read at all.
    """
    with closing(database.connect(path)) as connection, database.reading(path):
        facts = read_facts(connection, path)
        if facts is None:
            yield "nothing was indexed yet"
            return
        for (said,) in connection.execute("PRAGMA integrity_check"):
            if said != "ok":
                yield f"the database is damaged: {said}"
        if not is_current(facts):
            yield f"model {facts.model} is not there, or another one than it was; index again"
        sizes = 4 * facts.latent_size, 4 * len(facts.classes)
        for number, latent, probabilities in connection.execute(
            "SELECT id, latent, probabilities FROM segment ORDER BY id"
        ):
            if len(latent) != sizes[0] or len(probabilities) not in (0, sizes[1]):
                yield f"segment {number} has the wrong size"
            elif not np.isfinite(np.frombuffer(latent + probabilities, dtype="<f4")).all():
                yield f"segment {number} holds NaN or infinity"
        for path_, content in connection.execute(
            "SELECT path, hash FROM file JOIN content ON content = content.id ORDER BY path"
        ):
            try:
                if content_of(path_) != content:
                    yield f"{os.fsdecode(path_)}: has changed since it was indexed"
            except OSError as error:
                yield f"{os.fsdecode(path_)}: cannot be read ({error.strerror or error})"
