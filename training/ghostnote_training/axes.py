"""Named axes of a bundle: directions along which what is decoded gets brighter, longer and so on.

At random points the descriptors' slopes along the principal axes are taken. An axis is the direction whose
slopes come nearest, at all points together, to one for its own descriptor and none for the others (ridge
regression). Everything is counted in spreads of the principal axes and of the descriptors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import evaluate, texture
from ghostnote_training.bundle import LatentSpace, read, space_of, write_axes
from ghostnote_training.descriptors import NAMES, describe

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Decode = Callable[[Float32, Float32], Float32]


@dataclass(frozen=True)
class AxisOptions:
    """How axes are sought and measured: points at which slopes are taken, over which step; the weight of what
    must not change, and of length; points for the figures, how far these go to either side, in how many
    steps.
    """

    points: int = 120
    step: float = 1.0
    others: float = 2.0
    ridge: float = 0.05
    measured: int = 100
    reach: float = 2.0
    steps: int = 9
    seed: int = 17


class Space:
    """A decoder seen in coordinates of its principal axes, in spreads."""

    def __init__(self, decode: Decode, space: LatentSpace, spec: FeatureSpec) -> None:
        self._decode, self._space, self._spec = decode, space, spec
        self._field = texture.field(spec, 15)
        self.size = len(space.spreads)

    def describe(self, points: Float64) -> Float64:
        """Descriptors (n, 5) of the sounds at points (n, size)."""
        latents = self._space.mean + (points * self._space.spreads) @ self._space.axes
        sounds = (self._decode(z, self._field) for z in latents.astype(np.float32))
        return np.stack([describe(sound, self._spec) for sound in sounds])

    def weights(self, step: Float64) -> Float64:
        """The direction in spreads of a step in latents; what is outside of the principal axes is lost."""
        steps = self._space.axes * self._space.spreads[:, None]
        return np.asarray(np.linalg.lstsq(steps.T, step, rcond=None)[0], dtype=np.float64)

    def direction(self, weights: Float64) -> tuple[Float32, float]:
        """Latent direction of unit norm, and its length, of a direction in spreads."""
        moved = (weights * self._space.spreads) @ self._space.axes
        length = float(np.linalg.norm(moved))
        return np.asarray(moved / length, dtype=np.float32), length


def _slopes(space: Space, points: Float64, step: float) -> Float64:
    """Slopes of the descriptors along each coordinate, shape (n, 5, size)."""
    found = np.empty((len(points), len(NAMES), space.size))
    for k, one in enumerate(np.eye(space.size)):
        ahead, behind = (space.describe(points + sign * step * one) for sign in (0.5, -0.5))
        found[:, :, k] = (ahead - behind) / step
    return found


def _solve(slopes: Float64, number: int, options: AxisOptions) -> Float64:
    """The unit direction whose slopes are nearest to one for descriptor `number` and none for the others."""
    weight = np.full(len(NAMES), options.others)
    weight[number] = 1.0
    rows = (slopes * weight[:, None]).reshape(-1, slopes.shape[2])
    wanted = np.zeros(slopes.shape[:2])
    wanted[:, number] = 1.0
    square = rows.T @ rows / len(slopes)
    found = np.linalg.solve(
        square + options.ridge * np.eye(len(square)), rows.T @ wanted.reshape(-1) / len(slopes)
    )
    return np.asarray(found / np.linalg.norm(found))


def find(space: Space, options: AxisOptions | None = None) -> dict[str, Float64]:
    """Directions in spreads, each of shape (size,)."""
    o = options or AxisOptions()
    rng = np.random.default_rng(o.seed)
    points = rng.standard_normal((o.points, space.size))
    spread = np.maximum(space.describe(points).std(axis=0), 1e-6)
    slopes = _slopes(space, points, o.step) / spread[:, None]
    return {name: _solve(slopes, k, o) for k, name in enumerate(NAMES)}


def _spearman(values: Float64) -> float:
    """Rank correlation of values with their places."""
    ranks = rankdata(values)
    if np.ptp(ranks) == 0.0:
        return 0.0
    return float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1])


def measure(
    space: Space, directions: Mapping[str, Float64], options: AxisOptions | None = None
) -> dict[str, Any]:
    """Figures of each axis from points that it was not sought at.

    `spearman`: rank correlation of the axis' descriptor with the position on it, the mean and the median over
    points, and the share of points where it is at least 0.9. `change`: how far descriptors go from one end
    to the other, the median over points, in their spread over random draws; the axis' own and the others'.
    """
    o = options or AxisOptions()
    rng = np.random.default_rng(o.seed + 1)
    points = rng.standard_normal((o.measured, space.size))
    spread = np.maximum(space.describe(points).std(axis=0), 1e-6)
    places = np.linspace(-o.reach, o.reach, o.steps)
    found: dict[str, Any] = {}
    for name, direction in directions.items():
        k = NAMES.index(name)
        paths = np.stack([space.describe(points + place * direction) for place in places]) / spread
        ranks = np.array([_spearman(paths[:, n, k]) for n in range(len(points))])
        change = np.median(paths[-1] - paths[0], axis=0)
        found[name] = {
            "spearman": round(float(ranks.mean()), 3),
            "spearman_median": round(float(np.median(ranks)), 3),
            "share": round(float((ranks >= 0.9).mean()), 3),
            "change": {other: round(float(c), 2) for other, c in zip(NAMES, change, strict=True)},
        }
    return found


def add(
    folder: Path, spec: FeatureSpec, options: AxisOptions | None = None, write: bool = True
) -> dict[str, Any]:
    """Find and measure the named axes of a bundle, by default put them into its manifest; returns the
    figures.
    """
    space = Space(evaluate.Graphs(folder, spec).decode, space_of(folder), spec)
    directions = find(space, options)
    figures = measure(space, directions, options)
    if write:
        write_axes(folder, {name: space.direction(one) for name, one in directions.items()}, figures)
    return figures


def measure_bundle(folder: Path, spec: FeatureSpec, options: AxisOptions | None = None) -> dict[str, Any]:
    """Figures of the named axes that a bundle has, from random points; those that it lacks are left out."""
    space = Space(evaluate.Graphs(folder, spec).decode, space_of(folder), spec)
    stored = {axis["name"]: axis for axis in read(folder)["axes"]}
    steps = {
        name: np.array(stored[name]["direction"]) * stored[name]["spread"] for name in NAMES if name in stored
    }
    return measure(space, {name: space.weights(step) for name, step in steps.items()}, options)
