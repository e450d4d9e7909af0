"""The file that an approximate index is kept in beside its database, and when it is made anew."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import LibraryError
from ghostnote.library import approximate
from ghostnote.library.approximate import Approximate

Float32 = NDArray[np.float32]

FROM = 200_000
"""From so many sounds on, the exact scan takes long enough (2 ms) for an index to be worth its memory."""
SUFFIX = ".faiss"

_FORM = 1
_MAGIC = b"ghostnote index\n"
_SUM = 32
_FORGOTTEN_S = 3600.0
"""What is being written for so long is what a killed process left."""


def place(database: Path) -> Path:
    """The file beside a database."""
    return database.with_suffix(SUFFIX)


def wanted(rows: int) -> bool:
    """Whether a library of so many sounds is to have an index: it is large, and FAISS is installed."""
    return rows >= FROM and approximate.available()


def renew(database: Path, digest: str, points: Float32, make: bool = True) -> tuple[Approximate | None, str]:
    """The index of a library's points, from its file if that is whole and was made of these very points,
    else, with `make`, made anew and written; or None and why there is none. Why may also say that it could
    not be kept."""
    made_of = _made_of(points, digest)
    path = place(database)
    try:
        return read(path, made_of, points), ""
    except LibraryError as error:
        if not make:
            return None, str(error)
    try:
        found = approximate.build(points)
    except (RuntimeError, MemoryError) as error:
        return None, f"{path}: no index could be made ({' '.join(str(error).split())[-200:]})"
    if found is None:
        return None, f"{path}: an index would not be quicker than to compare with all {len(points)} sounds"
    try:
        write(path, made_of, found)
    except OSError as error:
        return found, f"{path}: cannot be written ({error.strerror or error}); free some space"
    return found, ""


def read(path: Path, made_of: str, points: Float32) -> Approximate:
    """The index in a file. Raises LibraryError when it is missing, damaged, or was made of other points."""
    try:
        with path.open("rb") as file:
            content = np.fromfile(file, dtype=np.uint8)
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read ({error.strerror or error})") from None
    body, said = content[:-_SUM], content[-_SUM:].tobytes()
    if hashlib.blake2b(body.data, digest_size=_SUM).digest() != said:
        raise LibraryError(f"{path}: is damaged; it is made anew")
    head = body[: len(_MAGIC) + 1024].tobytes()
    if not head.startswith(_MAGIC):
        raise LibraryError(f"{path}: is no index of ghostnote")
    line, _, _ = head.removeprefix(_MAGIC).partition(b"\n")
    facts = json.loads(line)
    if facts["form"] != _FORM or facts["made_of"] != made_of:
        raise LibraryError(f"{path}: was made of other sounds; it is made anew")
    return approximate.from_bytes(body[len(_MAGIC) + len(line) + 1 :].copy(), points, facts["probes"])


def write(path: Path, made_of: str, found: Approximate) -> None:
    """Write an index: the file is the new one or the old one at any moment. Raises OSError."""
    facts = json.dumps({"form": _FORM, "made_of": made_of, "probes": found.probes})
    digest = hashlib.blake2b(digest_size=_SUM)
    for left in path.parent.glob(f"{path.name}-*.part"):
        if time.time() - left.stat().st_mtime > _FORGOTTEN_S:
            left.unlink(missing_ok=True)
    part = path.with_name(f"{path.name}-{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            for piece in (_MAGIC, facts.encode() + b"\n", found.as_bytes()):
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def delete(database: Path) -> None:
    """Delete the file beside a database, and what writing it may have left. Raises OSError."""
    path = place(database)
    for part in [path, *path.parent.glob(f"{path.name}-*.part")]:
        part.unlink(missing_ok=True)


def forget(database: Path) -> None:
    """Delete the file beside a database that has become too small for one, if that can be."""
    with suppress(OSError):
        delete(database)


def _made_of(points: Float32, digest: str) -> str:
    """Hash of the points themselves, in their order, and of the model: what an index is an index of."""
    found = hashlib.blake2b(f"{digest} {points.shape}".encode(), digest_size=20)
    found.update(np.ascontiguousarray(points).data)
    return found.hexdigest()


class Quick:
    """The index of an open library, read or, with `make`, made by a thread of its own; until it is there, and
    where there is none, `index` is None. Thread: any."""

    def __init__(self, database: Path, digest: str, points: Float32, make: bool = True) -> None:
        self.index: Approximate | None = None
        self.trouble = ""
        self._thread = threading.Thread(
            target=self._prepare, args=(database, digest, points, make), name="library index", daemon=True
        )
        self._thread.start()

    def _prepare(self, database: Path, digest: str, points: Float32, make: bool) -> None:
        found, self.trouble = renew(database, digest, points, make)
        self.index = found

    def wait(self, seconds: float) -> bool:
        """Wait for it, at most so long; whether it is settled whether there is one."""
        self._thread.join(min(seconds, threading.TIMEOUT_MAX))
        return not self._thread.is_alive()
