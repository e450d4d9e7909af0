"""Finds the sound files below a folder, with size and time of change, whatever they are called."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ghostnote.errors import LibraryError
from ghostnote.features import other_formats

_KINDS = "wav wave w64 rf64 aif aiff aifc flac mp3 mp2 ogg oga opus caf au snd"
SUFFIXES = frozenset(f".{kind}".encode() for kind in re.findall(r"\w+", _KINDS)) | frozenset(
    suffix.encode() for suffix in other_formats.SUFFIXES
)
"""Files that are called so are taken for sounds."""


@dataclass(frozen=True)
class Mark:
    """What tells that a file was not changed: its length in bytes and its time of change in ns (of a file
    with an address also a number made of its store's tag for the content)."""

    size: int
    mtime_ns: int


@dataclass
class Walk:
    """What was found below `top`: sound files by path, and folders and files that could not be looked at."""

    top: bytes
    files: dict[bytes, Mark] = field(default_factory=dict)
    unread: list[tuple[bytes, str]] = field(default_factory=list)
    empty: bool = False
    """Whether the folder holds nothing at all, as the place of a disk that is not there."""

    def knows(self, path: bytes) -> bool:
        """Whether a file that was not found is not there, rather than where nothing could be seen."""
        return not any(path == name or path.startswith(inside(name)) for name, _ in self.unread)


def inside(folder: bytes) -> bytes:
    """What the paths, or addresses, of all that is below a folder begin with."""
    separator = b"/" if b"://" in folder else os.sep.encode()
    return folder.rstrip(separator) + separator


def walk(folder: str | os.PathLike[str]) -> Walk:
    """All sound files below a folder.

    Hidden files and folders are left out, links followed, each folder visited once, so that links in a circle
    end: under its own name rather than a link's. Raises LibraryError when the folder itself is missing or
    cannot be read.
    """
    shown = os.fspath(folder)
    top = os.fsencode(os.path.abspath(shown))
    found = Walk(top)
    try:
        if not os.path.exists(top):
            raise LibraryError(f"{shown}: there is no such folder; check the name, or connect its disk")
        if not os.path.isdir(top):
            raise LibraryError(f"{shown}: is a file; give the folder that your sounds are in")
        with os.scandir(top) as listing:
            found.empty = next(listing, None) is None
    except (OSError, ValueError) as error:
        raise LibraryError(f"{shown}: cannot be read ({_why(error)}); change its permissions") from None
    for path in _folders(top, found):
        _files(path, found)
    return found


def _folders(top: bytes, found: Walk) -> Iterator[bytes]:
    seen: set[tuple[int, int] | bytes] = set()
    waiting: deque[bytes] = deque([top])
    links: deque[bytes] = deque()
    while waiting or links:
        path = waiting.popleft() if waiting else links.popleft()
        try:
            state = os.stat(path)
            identity = (state.st_dev, state.st_ino) if state.st_ino else os.path.realpath(path)
            if identity in seen:
                continue
            seen.add(identity)
            with os.scandir(path) as listing:
                below = sorted((entry.name, entry.is_symlink()) for entry in listing if _is_folder(entry))
        except OSError as error:
            found.unread.append((path, _why(error)))
            continue
        yield path
        for name, link in below:
            if not name.startswith(b".") and name != b"__MACOSX":
                (links if link else waiting).append(os.path.join(path, name))


def _files(folder: bytes, found: Walk) -> None:
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                if entry.name.startswith(b".") or os.path.splitext(entry.name)[1].lower() not in SUFFIXES:
                    continue
                try:
                    if entry.is_file():
                        state = entry.stat()
                        found.files[entry.path] = Mark(state.st_size, state.st_mtime_ns)
                    elif entry.is_symlink() and not os.path.exists(entry.path):
                        found.unread.append((entry.path, "a link to nothing"))
                except OSError as error:
                    found.unread.append((entry.path, _why(error)))
    except OSError as error:
        found.unread.append((folder, _why(error)))


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
