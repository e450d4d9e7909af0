"""A library as a table for other programs: CSV, JSON lines, or arrays."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from ghostnote.errors import LibraryError
from ghostnote.library.descriptors import COLUMNS
from ghostnote.library.search import Library, open_library

SUFFIXES = (".csv", ".jsonl", ".npz")


def export(
    name_or_folder: str | os.PathLike[str], out: str | os.PathLike[str], model: str | None = None
) -> int:
    """Write the sounds of a library; the suffix is the form. How many there are.

    A row has file, onset, class, descriptors and latent point; `.npz` has them as arrays (`path` in bytes).
    The file appears
    whole or not at all. Raises LibraryError.
    """
    library = open_library(name_or_folder, model, often=False)
    path = Path(out)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            if path.suffix.lower() == ".npz":
                with part.open("wb") as binary:
                    _arrays(library, binary)
            else:
                with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as text:
                    _rows(library, text, path.suffix.lower())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LibraryError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from None
    return len(library)


def _arrays(library: Library, out: IO[bytes]) -> None:
    arrays: dict[str, Any] = {name: library.rows.column(name) for name in ("onset_s", *COLUMNS)}
    arrays["path"] = np.array([os.fsencode(name) for name in library.files()], dtype=np.bytes_)
    arrays["class"] = np.array(library.classes, dtype=np.str_)
    np.savez_compressed(out, latent=library.latents, **arrays)


def _rows(library: Library, out: IO[str], suffix: str) -> None:
    if suffix == ".jsonl":
        for row in _table(library):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    size = library.latents.shape[1]
    writer = csv.writer(out)
    writer.writerow(["file", "onset_s", "class", *COLUMNS, *(f"z{k}" for k in range(size))])
    for row in _table(library):
        latent = row.pop("latent")
        writer.writerow([*row.values(), *latent])


def _table(library: Library) -> Iterator[dict[str, Any]]:
    columns = {name: library.rows.column(name).tolist() for name in COLUMNS}
    onsets, latents = library.rows.column("onset_s").tolist(), library.latents
    for k, (file, kind) in enumerate(zip(library.files(), library.classes, strict=True)):
        yield {
            "file": file,
            "onset_s": onsets[k],
            "class": kind,
            **{name: values[k] for name, values in columns.items()},
            "latent": [round(float(x), 7) for x in latents[k]],
        }
