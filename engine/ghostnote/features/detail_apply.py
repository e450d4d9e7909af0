"""Puts a detail onto what a decoder gives: cheap, bounded, and with nothing left of it at 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.detail import Layers
from ghostnote.features.detail_grid import DetailGrid, grid_of
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

FULL_SCALE = 1.0
"""A detail raises nothing above a full-scale sine's magnitude, or above the loudest that was decoded."""


def roughened(texture: Float32, layers: Layers, spec: FeatureSpec) -> Float32:
    """The texture (F, B) as noisy as the captured sound is: a new array."""
    grid = grid_of(spec)
    factors = np.repeat(np.maximum(layers.noise + np.float32(1.0), 0.0), np.diff(grid.noise_bands), axis=1)
    made = np.empty_like(texture)
    for k, factor in enumerate(factors):
        rows = slice(grid.noise.edges[k], grid.noise.edges[k + 1])
        np.multiply(texture[rows], factor, out=made[rows])
    return made


def lacking(layers: Layers, grid: DetailGrid) -> Float32:
    """What is missing in the logarithm of magnitudes, shape (F, B)."""
    made = np.repeat(grid.coarse.over(layers.coarse), np.diff(grid.bands), axis=1)
    # Window by window: many times faster than one gather or one matrix product, and the same on any machine.
    fine, below, share = layers.fine, grid.fine.below, grid.fine.share
    starts = np.flatnonzero(np.diff(below, prepend=-1))
    for start, end in zip(starts, [*starts[1:], grid.frames], strict=True):
        k = below[start]
        above = min(k + 1, len(fine) - 1)
        made[start:end] += fine[k]
        if end - start > 1 or share[start]:
            made[start:end] += share[start:end] * (fine[above] - fine[k])
    return made


def apply(magnitudes: Float32, texture: Float32, layers: Layers, spec: FeatureSpec) -> None:
    """Put a detail onto decoded magnitudes (F, B), in place.

    (magnitude + floor · exp(texture)) · exp(missing) − floor, where `texture` (F, B) is the roughened one
    that they were drawn with; it is used up. So what the model has not at all is noise, and no whistle.
    Nothing gets below 0, or above the louder of full scale and what was decoded.
    """
    floor = np.float32(spec.floor)
    limit = max(float(magnitudes.max()), FULL_SCALE)
    np.exp(texture, out=texture)
    texture *= floor
    magnitudes += texture
    gain = lacking(layers, grid_of(spec))
    np.exp(gain, out=gain)
    magnitudes *= gain
    magnitudes -= floor
    np.clip(magnitudes, 0.0, limit, out=magnitudes)
