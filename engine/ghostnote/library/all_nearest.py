"""The nearest of many points for each of many others: exact, block by block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

BLOCK_BYTES = 64 << 20


def nearest(points: Float32, among: Float32, count: int, *, itself: bool = True) -> tuple[Int64, Float32]:
    """For each point (n, D) its `count` nearest of `among` (m, D), nearest first, with squared distances.

    Both (n, count). Without `itself`, `points` and `among` are the same and row k is none of its own.
    Memory: one block of distances beside the answer.
    """
    others = np.empty((len(points), count), dtype=np.int64)
    squares = np.empty((len(points), count), dtype=np.float32)
    centre = among.mean(axis=0, dtype=np.float64).astype(np.float32)
    there = among - centre
    lengths = np.einsum("md,md->m", there, there)
    rows = max(BLOCK_BYTES // (4 * max(len(among), 1)), 1)
    for start in range(0, len(points), rows):
        here = points[start : start + rows] - centre
        found = here @ there.T
        found *= np.float32(-2.0)
        found += lengths
        if not itself:
            found[np.arange(len(here)), start + np.arange(len(here))] = np.inf
        if count < found.shape[1]:
            chosen = np.argpartition(found, count - 1, axis=1)[:, :count]
        else:
            chosen = np.broadcast_to(np.arange(count), (len(here), count))
        # Once more from differences: exact where points are close.
        exact = np.empty(chosen.shape, dtype=np.float32)
        for k in range(count):
            exact[:, k] = np.square(there[chosen[:, k]] - here).sum(axis=1)
        order = np.lexsort((chosen, exact), axis=1)
        others[start : start + rows] = np.take_along_axis(chosen, order, axis=1)
        squares[start : start + rows] = np.take_along_axis(exact, order, axis=1)
    return others, squares
