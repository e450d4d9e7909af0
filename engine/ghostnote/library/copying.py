"""A library's copy on a Qdrant server: only what differs is sent, what is gone is deleted."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from ghostnote.errors import LibraryError
from ghostnote.library import places
from ghostnote.library.catalogue import Facts
from ghostnote.library.descriptors import COLUMNS
from ghostnote.library.points import FACTS, FORM, Point, batches, folders_of, sounds_of, width
from ghostnote.library.qdrant import Server
from ghostnote.library.search import Library, open_library

BATCH = 500
"""So many points are sent together."""

_LONGEST = 60


@dataclass(frozen=True)
class Copied:
    """What became of a copy: its collection, sounds in it, points that were sent and that were deleted."""

    collection: str
    sounds: int
    sent: int
    deleted: int


def family(folder: Path) -> str:
    """What the names of the collections of a library begin with, in letters that a server takes."""
    name = places.named(folder)
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[-_LONGEST:].strip("-")
    if plain != name:
        plain += "-" + hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
    return f"ghostnote-{plain}"


def collection(folder: Path, digest: str) -> str:
    """The name of a library's collection for the model with this digest."""
    return f"{family(folder)}-{digest[:16]}"


def collections(server: Server, folder: Path) -> list[str]:
    """Collections of a library on a server, for any model. Raises LibraryError, NetworkError."""
    own = re.compile(re.escape(family(folder)) + "-[0-9a-f]{16}")
    return [name for name in server.collections() if own.fullmatch(name)]


def copy(
    name_or_folder: str | os.PathLike[str],
    server: Server,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Copied:
    """Bring the copy of a library, for the model that it was last indexed with, up to date; `tell` hears how
    many of its sounds have been looked at. May be ended at any moment, and goes on where it was.

    Raises LibraryError, NetworkError.
    """
    folder = places.existing(name_or_folder)
    with places.alone(folder):
        library = open_library(folder, often=False)
        name = collection(folder, library.facts.digest)
        server.create(name, library.facts.latent_size, _width(library))
        _check_owner(server, name, library)
        server.prepare_filters(name, ("onset_s", *COLUMNS))
        server.put(name, [_facts(library)])
        sent, deleted = _bring(server, name, library, tell)
    return Copied(name, len(library), sent, deleted)


def remove(name_or_folder: str | os.PathLike[str], server: Server, model: str | None = None) -> list[str]:
    """Delete the copies of a library from a server, or that for one model; their names. Raises LibraryError,
    NetworkError."""
    folder = places.place(name_or_folder)
    names = collections(server, folder)
    if model is not None:
        names = [name for name in names if (server.payload(name) or {}).get("model") == model]
    if not names:
        raise LibraryError(f"{server.url}: there is no copy of library {places.named(folder)!r} there")
    for name in names:
        server.drop(name)
    return names


def _check_owner(server: Server, name: str, library: Library) -> None:
    said = server.payload(name)
    if said is None:
        return
    if said.get("form") != FORM:
        raise LibraryError(
            f"{server.url}: collection {name} was written by another version of ghostnote; remove it "
            f"(`ghostnote library remove {library.name} --store qdrant --url …`), then index again"
        )
    if said["begun"] != library.facts.begun:
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(said["begun"]))
        raise LibraryError(
            f"{server.url}: collection {name} is the copy of another library, begun {begun} on "
            f"{said.get('host', 'another machine')}; give this library another name, or remove that copy: "
            f"`ghostnote library remove {library.name} --store qdrant --url …`"
        )


def _bring(server: Server, name: str, library: Library, tell: Callable[[int, int], None]) -> tuple[int, int]:
    """How many points were sent, and how many deleted."""
    sent = deleted = looked = 0
    with closing(sqlite3.connect("")) as there:  # in a file of its own, however many there are
        there.execute("CREATE TABLE point (id BLOB PRIMARY KEY, mark INTEGER) WITHOUT ROWID")
        marks = (
            (uuid.UUID(number).bytes, said.get("mark"))
            for number, said in server.scroll(name, ["mark"])
            if number != FACTS
        )
        there.executemany("INSERT OR REPLACE INTO point VALUES (?, ?)", marks)
        for some in batches(chain(folders_of(library.rows), sounds_of(library.rows)), BATCH):
            fresh = list(_fresh(there, some))
            if fresh:
                server.put(name, fresh)
            sent, looked = sent + len(fresh), looked + len(some)
            tell(min(looked, len(library)), len(library))
        gone = there.execute("SELECT id FROM point")
        while ids := gone.fetchmany(BATCH):
            server.delete(name, [str(uuid.UUID(bytes=i)) for (i,) in ids])
            deleted += len(ids)
    return sent, deleted


def _fresh(there: sqlite3.Connection, points: list[Point]) -> Iterator[Point]:
    """Those that the server has not, or otherwise; what is seen is taken out of `there`."""
    ids = [uuid.UUID(one.id).bytes for one in points]
    marks = ", ".join("?" * len(ids))
    known = dict(there.execute(f"SELECT id, mark FROM point WHERE id IN ({marks})", ids))
    there.execute(f"DELETE FROM point WHERE id IN ({marks})", ids)
    for key, one in zip(ids, points, strict=True):
        if known.get(key) != one.mark:
            yield one


def _width(library: Library) -> int:
    return width(library.facts.latent_size, library.rows.aspects["class"].shape[1])


def _facts(library: Library) -> Point:
    """What holds for all sounds of a copy, and what a search must know of them together."""
    rows = library.rows
    said = asdict(library.facts) | {
        "form": FORM,
        "host": os.uname().nodename if hasattr(os, "uname") else "",
        "copied": time.time(),
        "sounds": len(rows),
        "class_names": list(rows.class_names),
        "with_classes": bool(rows.aspects["class"].shape[1]),
        "spreads": rows.spreads,
        "usual_pitch": rows.usual_pitch,
    }
    return Point(FACTS, 0, {}, json.loads(json.dumps(said)))


def read_facts(said: dict[str, object]) -> Facts:
    """The facts that a copy was written with. Raises KeyError, TypeError."""
    values = {name: said[name] for name in Facts.__dataclass_fields__}
    values["classes"] = tuple(values["classes"])  # type: ignore[arg-type]
    return Facts(**values)  # type: ignore[arg-type]
