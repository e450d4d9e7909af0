"""What a server of vectors is told of each sound: an id, two vectors, and a payload to filter by.

Vector `latent` is the latent point, compared by Euclidean distance. Vector `aspects` holds every aspect and
its square. The square of a weighted distance, Σ w (x − q)² = Σ w x² − 2 Σ w q x + …, is a dot product of that
with a vector made of the query and the weights: whatever the weights, the same stored vector serves.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.library.aspects import NAMES
from ghostnote.library.descriptors import COLUMNS
from ghostnote.library.rows import Rows

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LATENT, ASPECTS = "latent", "aspects"
"""Names of the two vectors."""
FACTS = str(uuid.UUID(int=0))
"""Id of the point that says what holds for all; it has no vectors."""
FOLDERS = 500
"""So many names of folders are held by one point; these points have no vectors either."""
FORM = 1
"""Raise it when something else is told of sounds."""

_TEXT_OF_BYTES = "bytes:"
_BLOCK = 10_000


@dataclass(frozen=True, eq=False)
class Point:
    """A point as it is sent: `mark` differs when anything of it differs; `vectors` are (K,) each."""

    id: str
    mark: int
    vectors: dict[str, Float32]
    payload: dict[str, Any]


def batches(points: Iterable[Point], size: int) -> Iterator[list[Point]]:
    """Points in lists of so many, the last one shorter."""
    rest = iter(points)
    while some := list(islice(rest, size)):
        yield some


def text_of(path: bytes) -> str:
    """A path as text that any program can take; where its bytes are no text, `bytes:` and their digits."""
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return _TEXT_OF_BYTES + path.hex()


def path_of(text: str) -> str:
    """The path, for the file system, that `text_of` gave."""
    if text.startswith(_TEXT_OF_BYTES):
        return os.fsdecode(bytes.fromhex(text.removeprefix(_TEXT_OF_BYTES)))
    return os.fsdecode(text.encode("utf-8"))


def point_id(content: bytes, onset_s: float) -> str:
    """The id of the sound of a content that begins there."""
    digest = hashlib.blake2b(content + np.float64(onset_s).tobytes(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest))


def folders_of(rows: Rows) -> Iterator[Point]:
    """Points that hold the names of all folders."""
    names = sorted({text_of(os.path.dirname(path)) for paths in rows.paths.values() for path in paths})
    for number, start in enumerate(range(0, len(names), FOLDERS), 1):
        yield _point(str(uuid.UUID(int=number)), {}, {"folders": names[start : start + FOLDERS]})


def sounds_of(rows: Rows) -> Iterator[Point]:
    """Points of all sounds."""
    hashes = {number: content for content, number in rows.hashes.items()}
    for start in range(0, len(rows), _BLOCK):
        yield from _sounds(rows, slice(start, start + _BLOCK), hashes)


def _sounds(rows: Rows, block: slice, hashes: dict[int, bytes]) -> Iterator[Point]:
    columns = {name: rows.column(name)[block].tolist() for name in ("onset_s", *COLUMNS)}
    kinds, latents, aspects = (
        rows.kinds[block].tolist(),
        rows.aspects["latent"][block],
        pieces({name: values[block] for name, values in rows.aspects.items()}),
    )
    for row, number in enumerate(rows.contents[block].tolist()):
        paths = rows.paths[number]
        payload = {
            "content": hashes[number].hex(),
            "class": rows.class_names[kinds[row]],
            "file": [text_of(path) for path in paths],
            "folder": sorted({text_of(os.path.dirname(path)) for path in paths}),
            **{name: values[row] for name, values in columns.items()},
        }
        vectors = {LATENT: latents[row], ASPECTS: aspects[row]}
        yield _point(point_id(hashes[number], columns["onset_s"][row]), vectors, payload)


def _point(id_: str, vectors: dict[str, Float32], payload: dict[str, Any]) -> Point:
    whole = hashlib.blake2b(f"{FORM} {json.dumps(payload)}".encode(), digest_size=6)
    for values in vectors.values():
        whole.update(values.tobytes())
    return Point(id_, int.from_bytes(whole.digest(), "big"), vectors, payload)


def pieces(aspects: Mapping[str, Float32]) -> Float32:
    """Vectors `aspects` (n, K) of sounds with aspects (n, columns) each: all these columns, a pitch as
    (octaves or 0, 1 or 0), and the square of each. They depend on a sound alone, not on others."""
    aspects = {name: aspects[name] for name in NAMES}
    pitched = aspects["pitch"][:, 1:]
    aspects["pitch"] = np.concatenate([aspects["pitch"][:, :1] * pitched, pitched], axis=1)
    squares = {name: np.square(values, dtype=np.float64).sum(axis=1) for name, values in aspects.items()}
    squares["pitch"] = np.square(aspects["pitch"][:, 0], dtype=np.float64)
    each = [*aspects.values(), np.stack(list(squares.values()), axis=1).astype(np.float32)]
    return np.concatenate(each, axis=1)


def width(latent: int, classes: int) -> int:
    """Length of the vector `aspects`."""
    return sum(_sizes(latent, classes).values()) + len(NAMES)


def _sizes(latent: int, classes: int) -> dict[str, int]:
    return {name: {"latent": latent, "class": classes, "pitch": 2}.get(name, 1) for name in NAMES}


def asked(query: dict[str, Float32], by: dict[str, np.float32], usual: float, classes: int) -> list[float]:
    """The vector whose dot product with `aspects` is greatest for the sounds nearest to a query.

    `query`: aspects (1, columns) each; `by`: of `aspects.factors`; `usual`: pitch of a sound without one.
    """
    plain, squares = [], []
    for name, size in _sizes(query["latent"].shape[1], classes).items():
        much = float(by.get(name, 0.0)) ** 2
        if name == "pitch" and much:
            octaves, pitched = (float(value) for value in query[name][0])
            plain += [2.0 * much * octaves, much * (usual**2 - 2.0 * octaves * usual - 1.0 + 2.0 * pitched)]
        else:
            plain += (2.0 * much * query[name][0].astype(np.float64)).tolist() if much else [0.0] * size
        squares.append(-much)
    return plain + squares


def aspects_in(
    vectors: Sequence[Sequence[float]], usual: float, latent: int, classes: int
) -> dict[str, Float32]:
    """Aspects (n, columns) each as they are compared, of vectors `aspects`."""
    values = np.array(vectors, dtype=np.float32).reshape(len(vectors), width(latent, classes))
    found, start = {}, 0
    for name, size in _sizes(latent, classes).items():
        found[name] = values[:, start : start + size]
        start += size
    octaves, pitched = found["pitch"][:, :1], found["pitch"][:, 1:]
    found["pitch"] = np.concatenate([np.where(pitched > 0.0, octaves, np.float32(usual)), pitched], axis=1)
    return found
