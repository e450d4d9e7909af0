"""New points on a map that stands: each among its neighbours, and none of the old ones moves.

After P. G. Poličar, M. Stražar and B. Zupan, Embedding to reference t-SNE space addresses batch effects in
single-cell classification, Machine Learning 112 (2023): what is there attracts and repels each new point as
in the fit, new ones do not see each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.library.all_nearest import nearest
from ghostnote.library.neighbour_embedding import Float64, Grid, Int64, calibrated

Float32 = NDArray[np.float32]

NEIGHBOURS = 15
PERPLEXITY = 5.0
STEPS = 60
REFERENCES = 20_000
"""At most so many of the points that are there are looked at."""
ROUND = 2000
"""New points are placed in rounds of as many as are there, at least so many: later ones see earlier ones."""
_MARGIN = 5.0
_OFF, _RATE, _MOMENTUM, _FARTHEST = 0.01, 0.4, 0.8, 1.0


def place(points: Float32, places: Float64, new: Float32, seed: int) -> Float64:
    """Places (m, 2) of new points (m, D) beside places (n, 2) of points (n, D), n ≥ 1, in the units of a fit.

    `seed` chooses the references where there are too many. The same input gives the same places.
    """
    count, total = len(points), len(points) + len(new)
    every = np.concatenate([points, new])
    known = np.concatenate([places, np.zeros((len(new), 2))])
    chance = np.random.default_rng(seed)
    while count < total:
        chosen = np.arange(count)
        if count > REFERENCES:
            chosen = np.sort(chance.choice(count, REFERENCES, replace=False))
        end = min(total, count + max(count, ROUND))
        known[count:end] = _round(every[chosen], known[chosen], every[count:end])
        count = end
    return known[len(points) :]


def _round(points: Float32, places: Float64, new: Float32) -> Float64:
    count = min(NEIGHBOURS, len(points))
    others, squares = nearest(new, points, count)
    weights = calibrated(squares, min(PERPLEXITY, max(count / 3.0, 1.0)))
    field = Field(places)
    out = np.empty((len(new), 2))
    for start in range(0, len(new), ROUND):
        rows = slice(start, start + ROUND)
        out[rows] = _settled(places[others[rows]], weights[rows], field)
    return out


def _settled(around: Float64, weights: Float64, field: Field) -> Float64:
    """Places (m, 2) between those of neighbours (m, k, 2), from the most central of these on."""
    apart = np.linalg.norm(around[:, :, np.newaxis] - around[:, np.newaxis], axis=3)
    central = np.einsum("mij,mj->mi", apart, weights).argmin(axis=1)
    y: Float64 = around[np.arange(len(around)), central]
    y += _OFF * (np.einsum("mk,mkd->md", weights, around) - y)  # two that have one centre are not the same
    speed = np.zeros_like(y)
    for _ in range(STEPS):
        towards = y[:, np.newaxis] - around
        pull = weights / (1.0 + np.einsum("mkd,mkd->mk", towards, towards))
        slope = np.einsum("mk,mkd->md", pull, towards) - field.push(y)
        speed = _MOMENTUM * speed - _RATE * slope
        y = field.inside(y + np.clip(speed, -_FARTHEST, _FARTHEST))
    return y


class Field:
    """What places (n, 2) that stand do to any other: their repulsion, computed once on a grid."""

    def __init__(self, places: Float64) -> None:
        self._low, self._high = places.min(axis=0) - _MARGIN, places.max(axis=0) + _MARGIN
        corners = np.stack([self._low, self._high])
        self._fields, self._grid = Grid().fields(places, corners)

    def inside(self, y: Float64) -> Float64:
        """Places, none beyond the margin."""
        return np.asarray(np.clip(y, self._low, self._high))

    def push(self, y: Float64) -> Float64:
        """The repulsion at places (m, 2), divided by its sum, as for one point of a fit."""
        near, east, north = self._grid.at(y).read(self._fields)
        push: Float64 = np.stack([east, north], axis=1) / np.maximum(near, 1e-9)[:, np.newaxis]
        return push


def apart(places: Float32, taken: Float32) -> Float32:
    """Places (m, 2) of which none is one of the others or of those that are taken (n, 2), within [0, 1].

    Whoever would lie on another is moved to the nearest free place of a small spiral.
    """
    used = set(_keys(taken).tolist())
    out = places.copy()
    for row, key in enumerate(_keys(out).tolist()):
        turn = 0
        while key in used:
            turn += 1
            angle, radius = turn * np.pi * (3.0 - 5.0**0.5), 2e-4 * turn**0.5
            moved = places[row] + radius * np.array([np.cos(angle), np.sin(angle)])
            out[row] = np.clip(moved, 0.0, 1.0)
            (key,) = _keys(out[row : row + 1]).tolist()
        used.add(key)
    return out


def _keys(places: Float32) -> Int64:
    return np.ascontiguousarray(places, dtype=np.float32).view(np.int64)[:, 0]
