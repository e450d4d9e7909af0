"""Where a part stands in latent space: weighted slots plus shifts along the model's axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_SMALL_SUM = 1e-6


@dataclass(frozen=True)
class Axes:
    """Directions of a model, each scaled to one spread of the sounds that it learnt.

    `names`: n names; `steps`: shape (n, D), direction times spread.
    """

    names: tuple[str, ...]
    steps: Float32


def shares(weights: Float32, normalize: bool) -> Float32:
    """Weights as they count, shape (n,): with `normalize` divided by their sum; weights that cancel (sum near
    0) are left as they are, since no division makes them a mixture.
    """
    total = float(weights.sum())
    if normalize and abs(total) > _SMALL_SUM:
        weights = weights / np.float32(total)
    return weights


def mix(points: Float32, weights: Float32, normalize: bool) -> Float32:
    """Weighted sum of latent points, `z = Σ weightₖ · pointₖ`, shape (D,).

    `points`: shape (n, D); `weights`: shape (n,), may be negative; see `shares` for `normalize`.
    """
    return np.asarray(shares(weights, normalize) @ points, dtype=np.float32)


def shift(point: Float32, axes: Axes, values: Float32) -> Float32:
    """`point` moved by `values` spreads along each axis; `values`: shape (n,)."""
    return np.asarray(point + values @ axes.steps, dtype=np.float32)
