"""Where libraries are: folders by name in the user's data folder, with a database for each model."""

from __future__ import annotations

import importlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ghostnote.decode import bundle
from ghostnote.errors import LibraryError

DEFAULT = "default"
SUFFIX = ".sqlite"
_NAME = re.compile(r"\w[\w .+-]{0,62}\w|\w")
LOCK = "lock"


def root() -> Path:
    """The folder that libraries with a name are in."""
    return bundle.user_data() / "libraries"


def place(name_or_folder: str | os.PathLike[str]) -> Path:
    """The folder of a library, there or not: a name is one of `root()`, all else is a folder.

    Raises LibraryError for a text that can be neither.
    """
    text = os.fspath(name_or_folder)
    if _NAME.fullmatch(text) and Path(text).suffix != SUFFIX:
        return root() / text
    if not text or "\0" in text or not ("/" in text or os.sep in text or text.startswith((".", "~"))):
        raise LibraryError(
            f"library {text[:100]!r}: give a name of letters, digits, ' ', '.', '+', '-' and '_', or a folder"
        )
    return Path(text).expanduser().absolute()


def named(folder: Path) -> str:
    """What a library is called: its name, or its folder where that is not among the others."""
    return folder.name if folder.parent == root() else str(folder)


def databases(folder: Path) -> list[Path]:
    """Databases of a library, one for each model, the latest changed first. Raises LibraryError."""
    found = []
    try:
        for path in folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # it is being deleted just now
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    found.append((-status.st_mtime_ns, path.name, path))
    except FileNotFoundError:
        pass  # the folder, too
    except OSError as error:
        raise LibraryError(f"{folder}: cannot be read ({error.strerror or error})") from None
    return [path for _, _, path in sorted(found)]


def libraries() -> list[Path]:
    """Folders of the libraries with a name, sorted."""
    try:
        return sorted(child for child in root().iterdir() if child.is_dir() and databases(child))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LibraryError(f"{root()}: cannot be read ({error.strerror or error})") from None


def existing(name_or_folder: str | os.PathLike[str]) -> Path:
    """The folder of a library that is there. Raises LibraryError naming those that are."""
    folder = place(name_or_folder)
    if not databases(folder):
        known = ", ".join(path.name for path in libraries()[:8]) or "none yet"
        raise LibraryError(
            f"there is no library {named(folder)!r}; there are: {known}; `ghostnote index DIR` makes one"
        )
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Change a library while nothing else does. Raises LibraryError if something does, or it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("a+b")
    except OSError as error:
        raise LibraryError(
            f"{folder}: cannot be written ({error.strerror or error}); change its permissions, free some "
            "space, or give another folder with --library"
        ) from None
    with handle:
        if not _lock(handle.fileno()):
            raise LibraryError(
                f"library {named(folder)!r} is being changed by another process; wait for it, or give "
                "another --library"
            )
        yield


def _lock(descriptor: int) -> bool:
    """Take a lock that ends with the process, however that ends; whether it could be taken."""
    try:
        if os.name == "nt":
            msvcrt: Any = importlib.import_module("msvcrt")
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
