"""A map as a table for other programs: JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from ghostnote.errors import LibraryError
from ghostnote.library.search import Library
from ghostnote.library.sound_map import SoundMap

DIGITS = 7


def table(library: Library, drawn: SoundMap) -> list[dict[str, Any]]:
    """Each sound as {"file", "onset_s", "x", "y", "class"}; x and y from 0 to 1, class None where unknown."""
    onsets = library.rows.column("onset_s").tolist()
    return [
        {
            "file": file,
            "onset_s": round(onset_s, 6),
            "x": round(x, DIGITS),
            "y": round(y, DIGITS),
            "class": kind or None,
        }
        for file, onset_s, (x, y), kind in zip(
            library.files(), onsets, drawn.places.tolist(), library.classes, strict=True
        )
    ]


def as_csv(rows: list[dict[str, Any]]) -> str:
    """A table with a line of names above it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["file", "onset_s", "x", "y", "class"])
    writer.writerows([*row.values()] for row in rows)
    return out.getvalue()


def as_json(rows: list[dict[str, Any]]) -> str:
    """One array, a sound in each line."""
    return "[" + ",\n ".join(json.dumps(row, ensure_ascii=False) for row in rows) + "]\n"


def write(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all. Raises LibraryError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            part.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LibraryError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from None
