"""Fixed band matrices: pooling to and from bands whose width grows with frequency."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]


def centres(count: int, spec: FeatureSpec) -> NDArray[np.float64]:
    """Band centres in bins, from 0 to the highest: one per bin where bands would be narrower, then
    logarithmic.
    """
    low, high = 1e-3, 1e4
    target = spec.bins - 1

    def grid(knee: float) -> NDArray[np.float64]:
        return np.asarray(knee * np.expm1(np.linspace(0.0, np.log1p(target / knee), count)))

    for _ in range(80):
        knee = (low * high) ** 0.5
        if grid(knee)[1] < 1.0:
            low = knee
        else:
            high = knee
    return grid(high)


def triangles(count: int, spec: FeatureSpec) -> Float32:
    """Interpolation from bands to bins, shape (count, bins); each column sums to 1."""
    where = centres(count, spec)
    bins = np.arange(spec.bins)
    return np.stack([np.interp(bins, where, row) for row in np.eye(count)]).astype(np.float32)


def averages(count: int, spec: FeatureSpec) -> Float32:
    """Mean over each band, shape (bins, count); each column sums to 1."""
    weights = triangles(count, spec).T
    return np.asarray(weights / weights.sum(axis=0, keepdims=True), dtype=np.float32)
