"""Which rows are nearest to a point: what an index is asked, and the exact scan that answers it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.library.aspects import Space

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

_BLOCKS = 2048


class Index(Protocol):
    """Finds rows near a point of a space."""

    def nearest(self, here: Float32, count: int, allowed: Bool | None) -> Int64:
        """The `count` rows nearest to a point that `Space.place` gave among those allowed, (n,), or all of
        these where there are fewer, perhaps with other allowed ones, in no order."""


class Exact:
    """Compares a point with all rows of a space."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def nearest(self, here: Float32, count: int, allowed: Bool | None) -> Int64:
        """See `Index`; none is missed."""
        squares = self._space.squares(here)
        if allowed is not None:
            squares[~allowed] = np.inf
        return smallest(squares, count)


def smallest(values: Float32, count: int) -> Int64:
    """Where the `count` smallest of finite values are, with some others that are small, in no order.

    The least of each of many blocks: `count` of these, and so as many values, are no larger than the
    `count`-th of them; few others are.
    """
    blocks = min(_BLOCKS, len(values))
    if count < blocks:
        whole = values[: len(values) // blocks * blocks].reshape(-1, blocks)
        bound = np.partition(whole.min(axis=0), count - 1)[count - 1]
        if np.isfinite(bound):
            return np.flatnonzero(values <= bound)
    return np.flatnonzero(np.isfinite(values))
