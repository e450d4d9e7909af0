"""Finds the detail of a recording by analysis: what it has and a model's own decoding of it has not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.detail import Detail, Layers
from ghostnote.features.detail_grid import DetailGrid, Index, Windows, grid_of
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

_ROUNDS = 3
_TEXTURE_MEAN = (math.log(2.0) - np.euler_gamma) / 2.0 - math.log(2.0 * math.log(2.0)) / 2.0
"""Mean of the natural logarithm of noise magnitudes over their median (Rayleigh distribution)."""
_TEXTURE_VARIANCE = math.pi**2 / 24.0
_MOST_NOISY = 2.0
_NOISY = np.linspace(0.0, _MOST_NOISY, 65)
_POWER = np.array([math.gamma(1.0 + s) / math.log(2.0) ** s for s in _NOISY])
"""Mean power of median · exp(noisiness · texture) over that of the median, by noisiness."""
_HEARD = 10.0 ** (-70.0 / 20.0)
_SILENT = math.exp(-2.0)
"""Silence is aimed at so far below the floor, so that no texture lifts it over."""
_DOUBT = 1e-3
_LEAST = 1e-12


def of_decoder(recording: Float32, decode: Callable[[Float32], Float32], spec: FeatureSpec) -> Detail:
    """The detail of a recording's magnitudes (F, B), where `decode` gives those of a texture (F, B)."""
    clean = np.zeros((spec.frames, spec.bins), dtype=np.float32)
    median, raised = decode(clean), decode(np.ones_like(clean))
    least = np.float32(_LEAST)
    noisiness = np.log(np.maximum(raised, least) / np.maximum(median, least))
    return capture(recording, median, noisiness, spec)


def capture(recording: Float32, median: Float32, noisiness: Float32, spec: FeatureSpec) -> Detail:
    """The detail of a recording's magnitudes (F, B) beside their decoding without texture, `median` (F, B).

    `noisiness` (F, B): natural logarithm by which a texture of 1 raises the median. Levels are fitted as
    logarithms in the fine spectrum and as power in the coarse one, noisiness by the scatter of what is left.
    About 0.1 s; not realtime-safe.
    """
    grid, floor = grid_of(spec), np.float32(spec.floor)
    counts = np.diff(grid.bands)
    known = median + floor
    # The floor, which is raised where the model has nothing, has all of the texture.
    noisiness = (median * noisiness + floor) / known
    wanted = recording + floor
    wanted[recording <= floor] = floor * _SILENT
    missing = np.log(wanted) - np.log(known)
    power = _sums(np.square(wanted), grid.bands)
    heard = np.maximum(recording, median) > max(10.0 * float(floor), float(recording.max()) * _HEARD)
    layers = Layers(*(np.zeros(shape, dtype=np.float32) for shape in grid.shapes))
    spread = np.asarray(noisiness, dtype=np.float32)
    for _ in range(_ROUNDS):
        mean = np.minimum(spread, 1.5) * np.float32(_TEXTURE_MEAN)
        bands = np.repeat(grid.coarse.over(layers.coarse), counts, axis=1)
        left = missing - bands - mean - grid.fine.over(layers.fine)
        fine = layers.fine + _means(left, grid.fine)
        fine = Detail.of(Layers(fine, layers.coarse, layers.noise), spec).layers.fine
        fitted = grid.fine.over(fine)
        coarse = _coarse(np.square(known * np.exp(fitted)) * _power(spread), power, layers.coarse, grid)
        coarse = Detail.of(Layers(fine, coarse, layers.noise), spec).layers.coarse
        left = missing - fitted - np.repeat(grid.coarse.over(coarse), counts, axis=1) - mean
        noise = _noise(left, noisiness, heard, grid)
        layers = Detail.of(Layers(fine, coarse, noise), spec).layers
        spread = noisiness * _spread(layers.noise, grid)
    return Detail.of(layers, spec)


def _sums(values: Float32, edges: Index) -> Float32:
    """Sums over bands, shape (F, bands)."""
    return np.asarray(np.add.reduceat(values, edges[:-1], axis=1))


def _means(values: Float32, windows: Windows) -> Float32:
    """Values at frames, shape (F, …), as they are around the middles of windows, shape (n, …)."""
    starts = np.flatnonzero(np.diff(windows.below, prepend=-1))
    below = windows.below[starts]
    above = np.minimum(below + 1, len(windows) - 1)
    sums = np.zeros((len(windows), values.shape[1]), dtype=np.float32)
    weight = np.zeros((len(windows), 1), dtype=np.float32)
    for at, share in ((below, np.float32(1.0) - windows.share), (above, windows.share)):
        sums[at] += np.add.reduceat(values * share, starts, axis=0)
        weight[at] += np.add.reduceat(share, starts, axis=0)
    return np.asarray(sums / np.maximum(weight, np.float32(1e-6)))


def _power(spread: Float32) -> Float32:
    return np.asarray(np.interp(spread, _NOISY, _POWER), dtype=np.float32)


def _coarse(fitted: Float32, power: Float32, coarse: Float32, grid: DetailGrid) -> Float32:
    """The coarse spectrum with which the power of bands is as wanted, where `fitted` is the power of bins."""
    wanted = 0.5 * np.log(power / _sums(fitted, grid.bands))
    for _ in range(2):
        coarse = coarse + _means(wanted - grid.coarse.over(coarse), grid.coarse)
    return coarse


def _noise(left: Float32, noisiness: Float32, heard: NDArray[np.bool_], grid: DetailGrid) -> Float32:
    """How much more or less texture scatters as what is left does, shape (windows, bands)."""

    def regions(values: Float32) -> Float32:
        rows = np.add.reduceat(values * heard, grid.noise.edges[:-1], axis=0)
        return np.asarray(np.add.reduceat(rows, grid.noise_bands[:-1], axis=1))

    found = regions(np.square(left)) + np.float32(_DOUBT)
    expected = regions(np.square(noisiness) * np.float32(_TEXTURE_VARIANCE)) + np.float32(_DOUBT)
    return np.minimum(np.sqrt(found / expected), np.float32(_MOST_NOISY)) - np.float32(1.0)


def _spread(noise: Float32, grid: DetailGrid) -> Float32:
    """Factors on the noisiness of bins, shape (F, B)."""
    rows = np.repeat(np.maximum(noise + np.float32(1.0), 0.0), np.diff(grid.noise.edges), axis=0)
    return np.repeat(rows, np.diff(grid.noise_bands), axis=1)
