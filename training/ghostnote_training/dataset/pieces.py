"""From files to sounds: what is left out, which class and group each sound has, and where it is in
its file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ghostnote_training import cache
from ghostnote_training.dataset import groups
from ghostnote_training.dataset.look import Look
from ghostnote_training.dataset.split import Member, source_of
from ghostnote_training.dataset.walk import Found, printable

MANY, TAKES = 8, 16
"""A recording of so many sounds is several groups: up to so many that follow each other, a quarter at most.
What other microphones heard at the same place is in the same group.
"""
LATE_S = 5.0
"""A sound that begins later in its file is read from shortly before it on."""
BEFORE_S = 0.1


@dataclass(frozen=True)
class Piece:
    """One sound: its file and what was found there, class ("" without), source folder, group, and the frames
    of the file that it is in (end 0: to the end). `content` is what it is known by.
    """

    found: Found
    look: Look
    label: str
    source: str
    group: str
    content: str
    start: int
    end: int

    @property
    def member(self) -> Member:
        """The sound as the split sees it."""
        return Member(self.content, self.label, self.source, self.group)

    def sound(self, kind: str = "file", speed: float = 1.0, pace: float = 1.0) -> cache.Sound:
        """The recipe of its features."""
        return cache.Sound(kind, str(self.found.path), speed, self.start, self.end, pace)


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used: its name, the kind of reason, and the reason in words."""

    name: str
    why: str
    detail: str


def class_of(file: Found) -> str:
    """The class of a file that is in a class folder: one name for one folder, however a system spells it."""
    return printable(unicodedata.normalize("NFC", file.folders[0]))


def sort_out(
    files: Sequence[Found], looks: Sequence[Look], by_class: bool
) -> tuple[list[Piece], list[LeftOut]]:
    """The sounds of usable files, and the files that are left out.

    Of files that hold the same samples the first is used; where folders are classes, files beside them are
    not.
    """
    left_out: list[LeftOut] = []
    used: list[tuple[Found, Look]] = []
    first: dict[str, Found] = {}
    for file, look in zip(files, looks, strict=True):
        if look.trouble:
            left_out.append(LeftOut(file.name, look.trouble, look.detail))
        elif by_class and not file.folders:
            left_out.append(LeftOut(file.name, "no class", "lies beside the class folders"))
        elif look.samples in first:
            same = first[look.samples]
            other = by_class and class_of(same) != class_of(file)
            detail = f"the same samples as {same.name}" + (", which is in another class" if other else "")
            left_out.append(LeftOut(file.name, "doubled", detail))
        else:
            first[look.samples] = file
            used.append((file, look))
    labels = [class_of(file) if by_class else "" for file, _ in used]
    named = groups.group([file for file, _ in used], labels)
    pieces: list[Piece] = []
    for (file, look), label, group in zip(used, labels, named, strict=True):
        source = source_of(file, by_class)
        if not look.cuts:
            late = look.first > LATE_S * look.rate
            start = look.first - round(BEFORE_S * look.rate) if late else 0
            pieces.append(Piece(file, look, label, source, group, look.samples, start, 0))
        takes = min(TAKES, len(look.cuts) // 4) if len(look.cuts) >= MANY else len(look.cuts)
        for k, (start, end) in enumerate(look.cuts):
            block = k // takes
            name = f"{group}/{block}" if block else group
            pieces.append(
                Piece(file, look, label, source, name, f"{look.samples}#{block}", start, max(end, start + 1))
            )
    return pieces, left_out
