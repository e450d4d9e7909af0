"""Finds the sound files below a folder, whatever they are called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ghostnote.errors import DatasetError

_KINDS = "wav wave w64 rf64 aif aiff aifc flac mp3 mp2 ogg oga opus caf au snd"
SUFFIXES = frozenset(f".{kind}" for kind in re.findall(r"\w+", _KINDS))
"""Files that are called so are taken for sounds; others if they begin like one."""

_BEGINNINGS = re.compile(
    rb"RIFF....WAVE|RF64....WAVE|FORM....AIF[FC]|fLaC|OggS|ID3|caff|\.snd|\xff[\xfb\xf3\xf2\xfa]", re.DOTALL
)
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Found:
    """A file that may be a sound: where it is, and its folders below the one that was walked."""

    path: Path
    folders: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its path below the folder that was walked, with `/`."""
        return "/".join((*self.folders, self.path.name))


@dataclass
class Walk:
    """What a walk came across: files that may be sounds, in natural order of their names, and the rest."""

    files: list[Found] = field(default_factory=list)
    others: int = 0
    """Files that are no sounds by name and beginning."""
    hidden: int = 0
    unread: list[tuple[str, str]] = field(default_factory=list)
    """(name, why) of folders that could not be read."""


def printable(text: str) -> str:
    """Text that any terminal and file takes: names that are not valid in their encoding are escaped."""
    plain = text.encode("utf-8", errors="backslashreplace").decode()
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in plain)


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts numbers in names by value: "kick2" comes before "kick10"."""
    parts = _DIGITS.split(text.casefold())
    return tuple(_value(part) if k % 2 else (-1, part) for k, part in enumerate(parts))


def _value(digits: str) -> tuple[int, str]:
    if len(digits) <= 18:
        return (int(digits), "")
    plain = digits.lstrip("0")
    return (10**18 + len(plain), plain)


def walk(folder: Path) -> Walk:
    """All files below a folder that may be sounds.

    Hidden files and folders are left out, links followed, each folder visited once, so that links in a circle
    end. Raises DatasetError when the folder itself is missing or cannot be read.
    """
    try:
        if not folder.exists():
            raise DatasetError(f"{folder}: there is no such folder; check the name")
        if not folder.is_dir():
            raise DatasetError(f"{folder}: is a file; give the folder that your sounds are in")
        with os.scandir(folder):
            pass
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder}: cannot be read ({_why(error)}); change its permissions") from None
    found = Walk()
    for path, folders in _folders(folder, found):
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: natural(entry.name))
        except OSError as error:
            found.unread.append(("/".join(folders), _why(error)))
            continue
        for entry in entries:
            if not _is_file(entry):
                continue
            if entry.name.startswith("."):
                found.hidden += 1
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES or _begins_as_sound(entry.path):
                found.files.append(Found(Path(entry.path), folders))
            else:
                found.others += 1
    return found


def _folders(top: Path, found: Walk) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The folder and all below it, parents first, each once: under its own name rather than a link's."""
    seen: set[tuple[int, int] | str] = set()
    waiting: list[tuple[Path, tuple[str, ...]]] = [(top, ())]
    links: list[tuple[Path, tuple[str, ...]]] = []
    while waiting or links:
        path, folders = waiting.pop() if waiting else links.pop(0)
        try:
            state = path.stat()
            identity = (state.st_dev, state.st_ino) if state.st_ino else os.path.realpath(path)
            if identity in seen:
                continue
            seen.add(identity)
            yield path, folders
            with os.scandir(path) as listing:
                below = {entry.name: entry.is_symlink() for entry in listing if _is_folder(entry)}
        except OSError:
            continue  # told where its files are listed
        shown = [name for name in below if not name.startswith(".") and name != "__MACOSX"]
        found.hidden += len(below) - len(shown)
        for name in sorted(shown, key=natural, reverse=True):
            (links if below[name] else waiting).append((path / name, (*folders, name)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Files, links to files, and links to nothing (which are told as broken); no pipes, no devices."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:
        return entry.is_symlink()


def _begins_as_sound(path: str) -> bool:
    try:
        with open(path, "rb") as handle:
            return _BEGINNINGS.match(handle.read(12)) is not None
    except OSError:
        return False


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
