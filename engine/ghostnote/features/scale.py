"""Magnitude ↔ log scale, exact inverses of each other above the floor."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]


def compress(magnitude: Float32, spec: FeatureSpec) -> Float32:
    """Log-scaled magnitudes: `floor` and below → 0, full scale → 1. Any shape; same shape out."""
    span = -math.log(spec.floor)
    return np.asarray(1.0 + np.log(np.maximum(magnitude, spec.floor)) / span, dtype=np.float32)


def expand(scaled: Float32, spec: FeatureSpec) -> Float32:
    """Magnitudes of log-scaled values, the inverse of `compress`. Any shape; same shape out."""
    span = -math.log(spec.floor)
    return np.asarray(np.exp((scaled - 1.0) * span), dtype=np.float32)
