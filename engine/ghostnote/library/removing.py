"""Takes libraries away, or models and folders out of them; sound files are never touched."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path

from ghostnote.errors import LibraryError
from ghostnote.library import addresses, database, places
from ghostnote.library.catalogue import Catalogue, read_facts
from ghostnote.library.status import delete


def remove(name_or_folder: str | os.PathLike[str], model: str | None = None) -> None:
    """Delete a library, or what it holds for one model. Raises LibraryError."""
    folder = places.existing(name_or_folder)
    with places.alone(folder):
        paths = places.databases(folder)
        if model is not None:
            names = {path: _model(path) for path in paths}
            paths = [path for path in paths if names[path] == model]
            if not paths:
                known = ", ".join(sorted({name for name in names.values() if name})) or "none"
                raise LibraryError(
                    f"library {places.named(folder)!r} has no model {model!r}; it has: {known}"
                )
        for path in paths:
            delete(path)
    if not places.databases(folder):
        with suppress(OSError):
            (folder / places.LOCK).unlink()
            folder.rmdir()


def forget_folder(name_or_folder: str | os.PathLike[str], folder: str | os.PathLike[str]) -> int:
    """Take a folder, which need not exist any more, out of a library; how many files that was.

    Raises LibraryError.
    """
    place = places.existing(name_or_folder)
    name = os.fspath(folder)
    top = os.fsencode(addresses.address(name) if addresses.is_address(name) else os.path.abspath(name))
    count = 0
    with places.alone(place):
        for path in places.databases(place):
            with closing(Catalogue(path)) as catalogue:
                count = max(count, catalogue.remove_folder(top))
    return count


def _model(path: Path) -> str | None:
    with suppress(LibraryError), closing(database.connect(path)) as connection:
        facts = read_facts(connection, path)
        return facts.model if facts else None
    return None
