"""Filters of a search, as people write them: `class=kick|snare,length<0.5,folder=808`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote.library.words import meant, plain

Bool = NDArray[np.bool_]

NUMBERS = {
    "length": ("length_s", "s"),
    "loudness": ("loudness_db", "dB"),
    "centroid": ("centroid_hz", "Hz"),
    "pitch": ("pitch_hz", "Hz"),
    "attack": ("attack_s", "s"),
    "noisiness": ("noisiness", "0 to 1"),
    "onset": ("onset_s", "s"),
}
"""What can be held against a number: its column and unit."""

_TEXTS = ("class", "folder")
_COMPARE: dict[str, Callable[[NDArray[np.float64], float], Bool]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ONE = re.compile(r"\s*(\w+)\s*(<=|>=|!=|<|>|=)\s*(.*?)\s*", re.DOTALL)
_BETWEEN = re.compile(rf",(?=\s*(?:{'|'.join((*NUMBERS, *_TEXTS))})\s*[<>=!])")


class Searched(Protocol):
    """What a filter looks at: columns (n,), and rows by class and folder."""

    def column(self, name: str) -> NDArray[np.float64]:
        """A column by its name."""

    def class_rows(self, wanted: Callable[[str], bool]) -> Bool:
        """Rows whose class is wanted."""

    def folder_rows(self, wanted: Callable[[str], bool]) -> Bool:
        """Rows with a file in a folder that is wanted."""


@dataclass(frozen=True)
class Condition:
    """One condition: what, how it is compared, with what."""

    name: str
    how: str
    value: str

    def rows(self, searched: Searched) -> Bool:
        """Rows that meet it, (n,)."""
        if self.name in NUMBERS:
            return _COMPARE[self.how](searched.column(NUMBERS[self.name][0]), float(self.value))
        if self.name == "class":
            names = [plain(name.strip()) for name in self.value.split("|")]
            found = searched.class_rows(lambda own: any(meant(name, plain(own)) for name in names))
            return found if self.how == "=" else ~found
        found = searched.folder_rows(self.has)
        return found if self.how == "=" else ~found

    def has(self, folder: str) -> bool:
        """Whether a folder is that of a `folder` condition, or below it: an absolute one, or folders that
        follow one another anywhere in its path.
        """
        wanted, folders = _parts(self.value), _parts(folder)
        if os.path.isabs(os.path.expanduser(self.value)):
            wanted = _parts(os.path.expanduser(self.value))
            return folders[: len(wanted)] == wanted
        return any(folders[k : k + len(wanted)] == wanted for k in range(len(folders) - len(wanted) + 1))


def parse_filter(text: str | Sequence[str]) -> tuple[Condition, ...]:
    """The conditions in a text, all of which must be met; none in an empty one. Raises UsageError."""
    texts = [text] if isinstance(text, str) else list(text)
    return tuple(_condition(part) for one in texts for part in _BETWEEN.split(one) if part.strip())


def _condition(text: str) -> Condition:
    found = _ONE.fullmatch(text)
    if found is None:
        raise UsageError(f"filter {text.strip()!r}: write it as class=kick, length<0.5 or folder=808")
    name, how, value = found.groups()
    if name not in NUMBERS and name not in _TEXTS:
        raise UsageError(f"filter {text.strip()!r}: {name!r} cannot be filtered by; {_known()}")
    if not value:
        raise UsageError(f"filter {text.strip()!r}: nothing stands after {how}")
    if name in _TEXTS:
        if how not in ("=", "!="):
            raise UsageError(f"filter {text.strip()!r}: {name} takes = or !=")
        return Condition(name, how, value)
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if how not in _COMPARE or not np.isfinite(number):
        raise UsageError(
            f"filter {text.strip()!r}: {name} takes <, <=, > or >= and a number ({NUMBERS[name][1]})"
        )
    return Condition(name, how, value)


def _known() -> str:
    return f"there are: {', '.join((*_TEXTS, *NUMBERS))}"


def _parts(path: str) -> list[str]:
    return [plain(part) for part in re.split(r"[/\\]", path) if part]
