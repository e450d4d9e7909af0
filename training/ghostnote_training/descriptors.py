"""What is heard of a sound in five numbers: brightness, length, noisiness, pitch, softness of the attack."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands, texture

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

NAMES = ("brighter", "longer", "noisier", "higher", "softer")
"""The axes, each of which raises the descriptor at its place."""

REACH_DB = 45.0
"""A sound lasts while it is within this of its loudest frame."""

_NOISE_BANDS = 48
_NEAR = 9
_ONSET_FRAMES = (4.0, 24.0)
_LEAST = 1e-12


@lru_cache(maxsize=4)
def _fixed(spec: FeatureSpec) -> tuple[Float64, Float32, float]:
    hz = np.maximum(np.arange(spec.bins), 0.5) * spec.sample_rate / spec.n_fft
    return np.log2(hz), bands.averages(_NOISE_BANDS, spec), texture.roughness(spec)


def describe(magnitudes: Float32, spec: FeatureSpec) -> Float64:
    """Descriptors in the order of `NAMES`, shape (5,), of linear magnitudes (frames, bins), as follows.

    Spectral centroid of magnitudes (octaves); frames, each counted by its level above `REACH_DB` under the
    loudest (octaves); roughness over time where it is loud, 0 for decaying tones and about 1 for noise; where
    the power of the partials lies (a mean over octaves), partials being what stands out of its surroundings;
    and how little of the power around the onset (139 ms) comes at once (23 ms; dB).
    """
    octave, to_bands, noise = _fixed(spec)
    power = np.square(magnitudes, dtype=np.float64)
    return np.array(
        [
            _centroid(magnitudes, octave),
            _length(power),
            _roughness(magnitudes, power, to_bands, noise),
            _pitch(power, octave),
            _softness(power),
        ]
    )


def _centroid(magnitudes: Float32, octave: Float64) -> float:
    spectrum = magnitudes.sum(axis=0, dtype=np.float64)
    return float(np.log2((spectrum * 2.0**octave).sum() / max(spectrum.sum(), _LEAST) + 1.0))


def _levels(power: Float64) -> Float64:
    """Level of each frame in dB under the loudest."""
    frames = power.sum(axis=1)
    return np.asarray(10.0 * np.log10(np.maximum(frames / max(frames.max(), _LEAST), 1e-10)))


def _length(power: Float64) -> float:
    return float(np.log2(np.clip(1.0 + _levels(power) / REACH_DB, 0.0, 1.0).sum() + 1.0))


def _roughness(magnitudes: Float32, power: Float64, to_bands: Float32, noise: float) -> float:
    log = np.log(np.maximum(magnitudes, 1e-6))
    bend = np.minimum(np.abs(log[2:] - 2.0 * log[1:-1] + log[:-2]) / noise, 4.0) @ to_bands
    weight = np.sqrt(power @ to_bands)[1:-1]
    return float((weight[1:] * bend[1:]).sum() / max(weight[1:].sum(), _LEAST))


def _pitch(power: Float64, octave: Float64) -> float:
    spectrum = power.sum(axis=0)
    partials = np.maximum(spectrum - median_filter(spectrum, _NEAR, mode="nearest"), 0.0)
    return float((partials * octave).sum() / max(partials.sum(), _LEAST))


def _softness(power: Float64) -> float:
    frame, envelope = np.arange(len(power)), power.sum(axis=1)
    early, around = ((envelope * np.exp(-frame / fall)).sum() for fall in _ONSET_FRAMES)
    return float(-10.0 * np.log10(max(early, _LEAST) / max(around, _LEAST)))
