"""Which files are near-copies of each other, by where they are and what they are called."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ghostnote_training.dataset.walk import Found, natural

LARGE = 12
"""A family of numbered files that is larger may be a whole collection of different sounds ..."""
BLOCK = 8
"""... and is taken apart into so many takes that follow each other."""

_WORDS = re.compile(r"[^\W\d_]+\d+|[^\W\d_]+|\d+")
_NUMBER = re.compile(r"\d+$")
_MARKS = frozenset(
    re.findall(
        r"\w+",
        """vl v vel velo velocity lay layer rr robin rnd take tk alt copy var ver version hit
        mic close room far near oh overhead ambient amb mix retro dry wet l r left right mono stereo mid side
        soft med medium hard loud quiet ppp pp p mp mf f ff fff dyn cnd dnm""",
    )
)
"""Words in names that tell takes, levels and microphones of one sound apart."""


@dataclass(frozen=True)
class Name:
    """A file name taken apart: what sounds, and which of its kind; takes and microphones are left out.

    "kick_vl3_rr2" → ("kick", ()), "Kick 07" → ("kick", ("07",)).
    """

    family: str
    numbers: tuple[str, ...]


def read_name(stem: str) -> Name:
    """The name of a file without its suffix, in any script."""
    words = _WORDS.findall(unicodedata.normalize("NFKC", stem).casefold())
    family: list[str] = []
    numbers: list[str] = []
    for word in words:
        letters = _NUMBER.sub("", word)
        if letters in _MARKS:
            continue
        if letters:
            family.append(letters)
        if len(word) > len(letters):
            numbers.append(word[len(letters) :])
    return Name(" ".join(family), tuple(numbers))


def group(files: Sequence[Found], labels: Sequence[str]) -> list[str]:
    """For each file the group of near-copies that it belongs to: files of a folder whose names differ in
    takes, levels, microphones and numbers.

    Large families of numbered files, and those that are all of a class, are taken apart, neighbours staying
    together: takes of one sound follow each other. What is in two classes is in two groups.
    """
    named = [read_name(file.path.stem) for file in files]
    families: dict[tuple[str, ...], list[int]] = {}
    for index, (file, name) in enumerate(zip(files, named, strict=True)):
        families.setdefault((labels[index], *file.folders, name.family), []).append(index)
    of_label = Counter(place[0] for place in families)
    out = [""] * len(files)
    for place, members in families.items():
        sounds = sorted({named[k].numbers for k in members}, key=lambda numbers: natural(" ".join(numbers)))
        per = len(sounds)
        if len(members) > LARGE:
            per = max(1, round(BLOCK * len(sounds) / len(members)))
        elif of_label[place[0]] == 1:
            per = max(1, len(sounds) // 4)
        block = {numbers: k // per for k, numbers in enumerate(sounds)}
        for k in members:
            out[k] = "/".join((*place[1:], str(block[named[k].numbers])))
    return out
