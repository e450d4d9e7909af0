"""An inverted file over the latent points of a large library: most points are never looked at."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import LibraryError
from ghostnote.library.nearest import smallest

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]

LEAST = 4096
"""With fewer points there is nothing to leave out."""
RECALL = 0.998
"""So many of the ten nearest are found, in the mean over points of the library and between them."""
TRIED = 256
KEPT = 26
"""Rows that are compared again for ten; for more, more lists are looked through in proportion."""
FEW = 1000
"""So many rows that are not allowed are found and dropped; with more, lists are chosen by what is allowed."""

_SAMPLE = 64
_ITERATIONS = 10
_NEAREST = 10


def available() -> bool:
    """Whether the library that searches so is installed."""
    return importlib.util.find_spec("faiss") is not None


class Approximate:
    """Inverted lists of half-precision points (Sivic & Zisserman, ICCV 2003; FAISS): an `Index` whose rows
    are to be compared again with the points themselves. Thread: any, nothing changes.

    Made by `build` and `from_bytes`.
    """

    def __init__(self, lists: Any, points: Float32, probes: int) -> None:
        """`probes`: how many lists are looked through where every row is allowed."""
        if lists.ntotal != len(points) or lists.d != points.shape[1] or not 1 <= probes <= lists.nlist:
            raise LibraryError("the index belongs to other points")
        self._lists, self._points, self.probes = lists, points, probes
        self._scale = _scale(points)

    def as_bytes(self) -> bytes:
        """The lists as they are stored."""
        import faiss

        return bytes(faiss.serialize_index(self._lists))

    def nearest(self, here: Float32, count: int, allowed: Bool | None) -> Int64:
        """See `Index`; a few may be missed."""
        refused = 0 if allowed is None else len(allowed) - int(np.count_nonzero(allowed))
        if allowed is not None and refused > FEW:
            return self._among(here, count, allowed, len(allowed) - refused)
        probes = self._probes(count + refused)
        if probes <= self._lists.nlist // 2:
            query = (here * self._scale)[np.newaxis]
            rows = _search(self._lists, query, count + refused, probes).ravel()
            rows = rows[rows >= 0]
            rows = rows if allowed is None else rows[allowed[rows]]
            if len(rows) >= min(count, len(self._points) - refused):
                return np.asarray(rows, dtype=np.int64)
        everything = np.ones(len(self._points), dtype=bool)
        return self._of(np.flatnonzero(everything if allowed is None else allowed), here, count)

    def _among(self, here: Float32, count: int, allowed: Bool, size: int) -> Int64:
        """The nearest of `size` allowed rows: lists are looked through until as many allowed rows were met as
        there are rows in `probes` lists, wherever these lists are."""
        lists = int(self._lists.nlist)
        probes = self._probes(count)
        budget = probes * len(self._points) // lists
        if size <= 4 * budget:
            return self._of(np.flatnonzero(allowed), here, count)
        _, order = self._lists.quantizer.search((here * self._scale)[np.newaxis], lists)
        met, taken, after = [], 0, 0
        while taken < budget and after < lists:
            before, after = after, min(lists, max(probes, 2 * after))
            rows = np.concatenate([self._rows_of[number] for number in order[0, before:after]])
            met.append(rows[allowed[rows]])
            taken += len(met[-1])
        return self._of(np.concatenate(met), here, count)

    def _probes(self, count: int) -> int:
        """How many lists are looked through for so many rows."""
        return -(-self.probes * max(count, KEPT) // KEPT)

    def _of(self, rows: Int64, here: Float32, count: int) -> Int64:
        """The nearest of some rows, by comparing all of them."""
        squares = np.square(self._points[rows] - here).sum(axis=1)
        return np.asarray(rows[smallest(squares, count)], dtype=np.int64)

    @cached_property
    def _rows_of(self) -> list[Int64]:
        """Rows of each list."""
        import faiss

        held, found = self._lists.invlists, []
        for number in range(self._lists.nlist):
            size, ids = held.list_size(number), held.get_ids(number)
            found.append(faiss.rev_swig_ptr(ids, size).copy() if size else np.zeros(0, dtype=np.int64))
            held.release_ids(number, ids)
        return found


def build(points: Float32, seed: int = 0) -> Approximate | None:
    """An index of points (n, D), with as many probes as `RECALL` takes; None where half of the lists would
    not do. Slow: seconds for a million.
    """
    import faiss

    if len(points) < LEAST:
        return None
    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(seed)
    lists = round(2.0 * np.sqrt(len(points)))
    scaled = points * _scale(points)
    inverted = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatL2(points.shape[1]),
        points.shape[1],
        lists,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_L2,
    )
    inverted.cp.niter, inverted.cp.seed = _ITERATIONS, seed
    inverted.cp.min_points_per_centroid, inverted.cp.max_points_per_centroid = 1, _SAMPLE
    sample = rng.choice(len(points), min(len(points), _SAMPLE * lists), replace=False)
    inverted.train(scaled[np.sort(sample)])
    inverted.add(scaled)
    probes = _probes(inverted, scaled, rng)
    return None if probes is None else Approximate(inverted, points, probes)


def from_bytes(content: UInt8, points: Float32, probes: int) -> Approximate:
    """What `as_bytes` gave. Raises LibraryError when it is none, or one of other points."""
    import faiss

    try:
        lists = faiss.deserialize_index(content)
    except RuntimeError as error:
        raise LibraryError(f"is no index ({' '.join(str(error).split())[-200:]})") from None
    if not isinstance(lists, faiss.IndexIVFScalarQuantizer):
        raise LibraryError("is an index of another kind")
    return Approximate(lists, points, probes)


def _probes(inverted: Any, points: Float32, rng: np.random.Generator) -> int | None:
    """The fewest lists, a power of two, whose rows hold the nearest of points of the library and of points
    between them; None where that would be more than half of the lists."""
    import faiss

    one, other = rng.integers(0, len(points), (2, TRIED))
    share = np.where(np.arange(TRIED) % 2, np.float32(1.0), np.float32(0.7))[:, np.newaxis]
    queries = np.ascontiguousarray(share * points[one] + (1 - share) * points[other])
    _, truth = faiss.knn(queries, points, _NEAREST)
    probes = 8
    while probes <= inverted.nlist // 2:
        found = _search(inverted, queries, KEPT, probes)
        hit = np.mean([np.isin(near, got).mean() for near, got in zip(truth, found, strict=True)])
        if hit >= RECALL:
            return probes
        probes *= 2
    return None


def _scale(points: Float32) -> np.float32:
    """What brings points to a size that half precision holds well."""
    size = float(np.sqrt(np.mean(np.square(points[:: max(1, len(points) // 10_000)]))))
    return np.float32(1.0 / size) if np.isfinite(size) and size > 1e-30 else np.float32(1.0)


def _search(lists: Any, queries: Float32, count: int, probes: int) -> Int64:
    """Rows of the nearest, (queries, count), −1 where there are fewer."""
    faiss: Any = importlib.import_module("faiss")
    faiss.omp_set_num_threads(1)
    return np.asarray(
        lists.search(queries, count, params=faiss.SearchParametersIVF(nprobe=probes))[1], dtype=np.int64
    )
