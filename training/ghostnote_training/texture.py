"""Statistics of the texture field: the log magnitudes of white noise around their median."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]


def field(spec: FeatureSpec, seed: int) -> Float32:
    """Natural log of seeded noise's magnitudes, median 0, shape (frames, bins); time-frequency
    correlations included.
    """
    rng = np.random.default_rng(seed)
    before = 4 * spec.hop
    noise = rng.standard_normal(spec.samples + 2 * before).astype(np.float32)
    magnitude = stft.magnitudes(noise, spec, spec.frames + 8)[4:-4]
    magnitude[:, [0, -1]] /= np.sqrt(2.0)
    log = np.log(np.maximum(magnitude, 1e-9))
    return np.asarray(np.maximum(log - np.median(log), -5.0), dtype=np.float32)


def roughness(spec: FeatureSpec, seed: int = 7) -> float:
    """Mean absolute second difference over time of the field: how rough noise is, in natural-log units."""
    t = field(spec, seed)
    return float(np.abs(t[2:] - 2 * t[1:-1] + t[:-2]).mean())
