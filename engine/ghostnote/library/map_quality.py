"""How far a map can be believed: whether neighbours on it are neighbours in sound, and the reverse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

NEIGHBOURS = 10
_BLOCK_VALUES = 8 << 20


def kept(points: Float32, places: Float32, rows: Int64, count: int = NEIGHBOURS) -> float:
    """The share of the `count` nearest in sound of some rows that are among the `count` nearest on the map.

    `points` (n, D), `places` (n, 2), n > count.
    """
    return measure(points, places, rows, count)[1]


def measure(points: Float32, places: Float32, rows: Int64, count: int = NEIGHBOURS) -> tuple[float, float]:
    """(trustworthiness, the share of neighbours that are kept) of some rows of a map.

    Trustworthiness: J. Venna and S. Kaski, Neighborhood preservation in nonlinear projection methods, ICANN
    2001; 1 where all neighbours on the map are neighbours in sound, 0.5 on a random one.
    """
    n = len(points)
    shared, strange = 0, 0.0
    size = max(_BLOCK_VALUES // n, 1)
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        sound, drawn = _squares(points, some), _squares(places, some)
        near = np.argpartition(drawn, count - 1, axis=1)[:, :count]
        for line, there in zip(sound, near, strict=True):
            ranks = np.searchsorted(np.sort(line), line[there], side="left") + 1
            shared += int((ranks <= count).sum())
            strange += float(np.maximum(ranks - count, 0).sum())
    return 1.0 - strange * 2.0 / (len(rows) * count * (2 * n - 3 * count - 1)), shared / (len(rows) * count)


def _squares(values: Float32, rows: Int64) -> Float32:
    """Squared distances (m, n) of rows from all, infinite from themselves."""
    centred = values - values.mean(axis=0, dtype=np.float64).astype(np.float32)
    lengths = np.einsum("nd,nd->n", centred, centred)
    found = centred[rows] @ centred.T
    found *= np.float32(-2.0)
    found += lengths
    found[np.arange(len(rows)), rows] = np.inf
    return np.asarray(found)
