"""What was found in a folder, what is used of it, and what a person should know about that."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ghostnote_training.dataset.pieces import LeftOut
from ghostnote_training.dataset.walk import printable
from ghostnote_training.store import write_whole

SHOWN = 3
"""So many examples of a reason are in the text; the list file has all."""


@dataclass(frozen=True)
class ClassRow:
    """One class: usable files, sounds in them, groups of near-copies, sounds that are held out, share of the
    draws (0…1, synthesis included), synthesised sounds.
    """

    name: str
    files: int
    sounds: int
    groups: int
    held_out: int
    drawn: float
    synthesised: int


@dataclass(frozen=True)
class Report:
    """Counts, the classes, what was left out and why, and remarks. `files`: that may be sounds by name or
    content.
    """

    folder: str
    files: int
    used: int
    others: int
    hidden: int
    cut_files: int
    cut_sounds: int
    sounds: int
    groups: int
    held_out: int
    rows: int
    classes: tuple[ClassRow, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...] = field(default=())

    @property
    def reasons(self) -> dict[str, int]:
        """How many files were left out for each kind of reason."""
        return dict(Counter(one.why for one in self.left_out).most_common())

    def as_dict(self) -> dict[str, Any]:
        """Plain dict, the files that were left out counted only."""
        values = asdict(self)
        values["left_out"] = self.reasons
        return values

    def as_text(self) -> str:
        """A few lines for a person."""
        lines = [f"{self.folder}: {self.used} of {_many(self.files, 'sound file')} used"]
        if self.cut_files:
            lines.append(f"  {_many(self.cut_files, 'recording')} cut into {_many(self.cut_sounds, 'sound')}")
        for why, count in self.reasons.items():
            some = [one for one in self.left_out if one.why == why][:SHOWN]
            shown = "; ".join(f"{printable(one.name)} ({printable(one.detail)})" for one in some)
            lines.append(
                f"  {why}: {count}, such as {shown}" if count > SHOWN else f"  {why}: {count}: {shown}"
            )
        if self.others or self.hidden:
            lines.append(f"  not looked at: {self.others} other files, {self.hidden} hidden")
        lines.append(
            f"  {_many(self.sounds, 'sound')} in {_many(self.groups, 'group')} of near-copies: "
            f"{self.sounds - self.held_out} to learn from, {self.held_out} kept for measuring"
        )
        if len(self.classes) > 1:
            lines += _table(self.classes)
        return "\n".join(lines + [f"  note: {remark}" for remark in self.remarks])

    def write(self, folder: Path) -> None:
        """Write `dataset.json` and `left_out.txt` (every file that is not used, and why) into a folder.

        Raises DatasetError when it cannot be written.
        """
        text = json.dumps(self.as_dict(), indent=1, ensure_ascii=True)
        write_whole(folder / "dataset.json", [text.encode() + b"\n"])
        listed = [f"{one.why}\t{printable(one.name)}\t{printable(one.detail)}\n" for one in self.left_out]
        write_whole(folder / "left_out.txt", ["".join(listed).encode()])


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _table(classes: Iterable[ClassRow]) -> list[str]:
    rows = [("class", "files", "sounds", "groups", "held out", "synthesised", "drawn")]
    rows += [
        (printable(c.name), f"{c.files}", f"{c.sounds}", f"{c.groups}", f"{c.held_out}", f"{c.synthesised}",
         f"{100 * c.drawn:.1f} %")
        for c in classes
    ]  # fmt: skip
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
