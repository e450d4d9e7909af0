"""A map as the page reads it: one JSON object, columns of numbers packed as base64."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.library import places
from ghostnote.library.search import Library
from ghostnote.library.sound_map import SoundMap

_LEVELS = 32767.0


def document(library: Library, drawn: SoundMap, *, points: bool = False) -> dict[str, Any]:
    """What the page shows: columns of `ids`, `x`, `y`, `kinds`, `lengths`, `onsets` and `folders` (numbers of
    the names in `classes` and `folder_names`), little-endian; the `names` of files.

    With `points` also latent points, in 16 bits, for a page that must find neighbours itself.
    """
    rows = library.rows
    paths = [_plain(path) for path in library.files()]
    folders: dict[str, int] = {}
    numbers = [folders.setdefault(os.path.dirname(path), len(folders)) for path in paths]
    found: dict[str, Any] = {
        "library": _plain(places.named(library.path.parent)),
        "model": library.facts.model,
        "segmented": library.facts.segmented,
        "count": len(library),
        "fit": drawn.fit,
        "added": drawn.added,
        "worn": drawn.worn,
        "classes": [_plain(name) for name in rows.class_names],
        "folder_names": list(folders),
        "names": [os.path.basename(path) for path in paths],
        "ids": _packed(rows.ids, "<u4"),
        "x": _packed(drawn.places[:, 0], "<f4"),
        "y": _packed(drawn.places[:, 1], "<f4"),
        "kinds": _packed(rows.kinds, "<u2"),
        "lengths": _packed(rows.column("length_s"), "<f4"),
        "onsets": _packed(rows.column("onset_s"), "<f4"),
        "folders": _packed(np.array(numbers, dtype=np.int64), "<u4"),
    }
    if points:
        unit = float(np.abs(library.latents).max(initial=1e-9)) / _LEVELS
        found["size"], found["unit"] = library.facts.latent_size, unit
        found["points"] = _packed(np.rint(library.latents / unit), "<i2")
    return found


def as_bytes(found: dict[str, Any]) -> bytes:
    """A document as JSON."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def _packed(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def _plain(text: str) -> str:
    """A name as it can be shown, bytes that are no text included."""
    return text.encode("utf-8", "backslashreplace").decode()
