"""Makes the report: counts, the table of classes, and what a person should know before training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote_training.data import Entry
from ghostnote_training.dataset.pieces import LeftOut, Piece, class_of
from ghostnote_training.dataset.report import ClassRow, Report
from ghostnote_training.dataset.walk import Walk, printable

FEW = 50
"""With fewer sounds a model learns little more than to repeat them."""
UNEVEN = 5.0
"""That a class has so many times the sounds of another is told."""
SHOWN = 8

_KINDS = {
    suffix: kinds
    for suffixes, kinds in (
        ((".wav", ".wave", ".rf64"), {"WAV", "WAVEX", "RF64", "W64"}),
        ((".aif", ".aiff", ".aifc"), {"AIFF"}),
        ((".ogg", ".oga", ".opus"), {"OGG"}),
        ((".mp3", ".mp2"), {"MPEG", "MP3"}),
        ((".flac",), {"FLAC"}),
    )
    for suffix in suffixes
}
"""What libsndfile calls the content of files that are called so."""


def summarise(
    folder: Path,
    walked: Walk,
    pieces: Sequence[Piece],
    held: Sequence[bool],
    left_out: Sequence[LeftOut],
    classes: Sequence[str],
    entries: Sequence[Entry],
    weights: NDArray[np.float64],
) -> Report:
    """The report of a training set: `held` for each piece, `weights` for each entry."""
    rows = _classes(pieces, held, classes, entries, weights)
    cut = [piece for piece in pieces if piece.end]
    return Report(
        folder=printable(str(folder)),
        files=len(walked.files),
        used=len({piece.found.path for piece in pieces}),
        others=walked.others,
        hidden=walked.hidden,
        cut_files=len({piece.found.path for piece in cut}),
        cut_sounds=len(cut),
        sounds=len(pieces),
        groups=len({(piece.label, piece.group) for piece in pieces}),
        held_out=sum(held),
        rows=len(entries),
        classes=rows,
        left_out=tuple(left_out),
        remarks=tuple(_remarks(walked, pieces, held, rows)),
    )


def _classes(
    pieces: Sequence[Piece],
    held: Sequence[bool],
    classes: Sequence[str],
    entries: Sequence[Entry],
    weights: NDArray[np.float64],
) -> tuple[ClassRow, ...]:
    sounds = Counter(piece.label for piece in pieces)
    files = Counter(label for label, _ in {(piece.label, piece.found.path) for piece in pieces})
    groups = Counter(label for label, _ in {(piece.label, piece.group) for piece in pieces})
    out = Counter(piece.label for piece, side in zip(pieces, held, strict=True) if side)
    made = Counter(entry.label for entry in entries if entry.sound.kind == "synth")
    drawn: dict[str, float] = dict.fromkeys(classes, 0.0)
    for entry, weight in zip(entries, weights, strict=True):
        if entry.label in drawn:
            drawn[entry.label] += float(weight)
    return tuple(
        ClassRow(
            printable(name),
            files[name],
            sounds[name],
            groups[name],
            out[name],
            round(drawn[name], 4),
            made[name],
        )
        for name in classes
    )


def _remarks(
    walked: Walk, pieces: Sequence[Piece], held: Sequence[bool], rows: Sequence[ClassRow]
) -> list[str]:
    remarks = []
    if len(pieces) < FEW:
        remarks.append(f"{len(pieces)} sounds are few; a model of so many repeats them more than it invents")
    if not any(held):
        remarks.append(
            "nothing is kept for measuring: all sounds look like takes of one; figures will be missing"
        )
    single = [row.name for row in rows if row.sounds == 1]
    if single:
        remarks.append(f"one sound only, so learnt from and not measured: {_list(single)}")
    close = [row.name for row in rows if row.sounds > 1 and not row.held_out and any(held)]
    if close:
        remarks.append(f"all sounds look like takes of one, so learnt from and not measured: {_list(close)}")
    if len(rows) > 1:
        most, least = max(rows, key=lambda row: row.sounds), min(rows, key=lambda row: row.sounds)
        if most.sounds >= UNEVEN * least.sounds:
            remarks.append(
                f"uneven classes: {most.sounds} sounds of {most.name}, {least.sounds} of {least.name}; "
                f"balanced, each sound of {least.name} is drawn {_often(most, least):.1f} times as often"
            )
    inside = {class_of(file) for file in walked.files if file.folders}
    without = sorted(inside - {piece.label for piece in pieces}) if rows else []
    if without:
        remarks.append(f"folders without a sound that can be used, so no classes: {_list(without)}")
    wrong = [
        f"{piece.found.name} ({piece.look.kind})"
        for piece in {piece.found.path: piece for piece in pieces}.values()
        if piece.look.kind not in _KINDS.get(piece.found.path.suffix.lower(), {piece.look.kind})
    ]
    if wrong:
        remarks.append(f"not what their names say, and used: {_list(wrong)}")
    return remarks


def _often(most: ClassRow, least: ClassRow) -> float:
    """How much more often a sound of the small class is drawn than one of the large."""
    return (least.drawn / max(least.sounds, 1)) / max(most.drawn / max(most.sounds, 1), 1e-12)


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
