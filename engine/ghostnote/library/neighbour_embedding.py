"""Points of many dimensions in two, neighbours near: t-SNE with repulsion interpolated on a grid.

L. van der Maaten and G. Hinton, Visualizing Data using t-SNE, JMLR 9 (2008); G. C. Linderman and others,
Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data, Nature Methods 16
(2019), here with quadratic splines; begun from principal components, after D. Kobak and P. Berens, The art of
using t-SNE for single-cell transcriptomics, Nature Communications 10 (2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.library.all_nearest import nearest

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

PERPLEXITY = 30.0
EARLY, STEPS = 250, 750
"""Steps with exaggerated attraction, and in all."""
EXAGGERATION = 12.0
LEAST_RATE, SLOWEST = 50.0, 5.0
"""Size of steps: not below the first, except for fewer points, than a share of which it is not above."""
FEWEST = 8
"""Fewer points than this are shown by their principal components."""
_APART = 2.0
SPACING = 0.5
"""Grid of the repulsion, in units of the map; coarser where the map is wider than `NODES` of them."""
NODES = 360
_ROUNDS = 50


@dataclass(frozen=True)
class Edges:
    """Which points attract each other: `at[i] : at[i + 1]` are those of point i, `other` and how strongly."""

    at: Int64
    other: Int64
    strength: Float32


def embed(points: Float32, tell: Callable[[int, int], None] = lambda done, total: None) -> Float64:
    """Places (n, 2), in units in which neighbours are about 1 apart, of points (n, D) that all differ.

    The same points in the same order give the same places. `tell` is given steps done and in all.
    """
    count = len(points)
    start = principal(points)
    if count < FEWEST:
        return start * (_APART * count / max(float(np.ptp(start, axis=None)) if count else 0.0, 1e-9))
    edges = attraction(*nearest(points, points, min(count - 1, round(3 * PERPLEXITY)), itself=False))
    y = start * (1e-4 / max(float(start[:, 0].std()), 1e-30))
    step = np.zeros_like(y)
    gain = np.ones_like(y)
    rate = max(count / EXAGGERATION / 4.0, min(LEAST_RATE, count / SLOWEST))
    grid = Grid()
    for done in range(STEPS):
        early = done < EARLY
        force, total = grid.repulsion(y)
        slope = attracted(y, edges)
        slope *= EXAGGERATION if early else 1.0
        slope -= force / total
        slope *= 4.0
        against = (slope > 0.0) != (step > 0.0)
        gain = np.maximum(np.where(against, gain + 0.2, gain * 0.8), 0.01)
        step = (0.5 if early else 0.8) * step - rate * gain * slope
        y = y + step
        y -= y.mean(axis=0)
        tell(done + 1, STEPS)
    return y


def principal(points: Float32 | Float64) -> Float64:
    """The first two principal components of points (n, D), (n, 2), signs fixed."""
    out = np.zeros((len(points), 2))
    if len(points) > 1:
        centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
        _, vectors = np.linalg.eigh(centred.T @ centred)
        axes = vectors[:, ::-1][:, :2]
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])] < 0.0, -1.0, 1.0)
        out[:, : axes.shape[1]] = centred @ axes
    return out


def attraction(others: Int64, squares: Float32) -> Edges:
    """Edges from each point's neighbours (n, k) and their squared distances: probabilities of equal
    perplexity, made symmetric, 1 in all.
    """
    count, k = others.shape
    chances = calibrated(squares, min(PERPLEXITY, max(k / 3.0, 1.5))) / (2.0 * count)
    here = np.repeat(np.arange(count), k)
    one, two = np.concatenate([here, others.ravel()]), np.concatenate([others.ravel(), here])
    both = np.concatenate([chances.ravel(), chances.ravel()])
    keys, inverse = np.unique(one * count + two, return_inverse=True)
    strength = np.bincount(inverse, both).astype(np.float32)
    at = np.searchsorted(keys, np.arange(count + 1) * count)
    return Edges(at, keys % count, strength)


def calibrated(squares: Float32, perplexity: float) -> Float64:
    """Probabilities (n, k) of neighbours, Gaussian in distance, each row of one perplexity."""
    apart = squares.astype(np.float64) - squares.min(axis=1, keepdims=True)
    low, high = np.zeros(len(apart)), np.full(len(apart), np.inf)
    beta = 1.0 / np.maximum(apart.mean(axis=1), 1e-12)
    wanted = np.log(perplexity)
    for _ in range(_ROUNDS):
        raw = np.exp(-apart * beta[:, np.newaxis])
        total = raw.sum(axis=1)
        entropy = np.log(total) + beta * (apart * raw).sum(axis=1) / total
        wide = entropy > wanted
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        beta = np.where(np.isinf(high), beta * 2.0, (low + high) / 2.0)
    raw = np.exp(-apart * beta[:, np.newaxis])
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def attracted(y: Float64, edges: Edges) -> Float64:
    """How edges pull at places (n, 2): the sum of strength · (yᵢ − yⱼ) / (1 + d²)."""
    counts = np.diff(edges.at)
    apart = np.repeat(y, counts, axis=0) - y[edges.other]
    pull = edges.strength / (1.0 + np.einsum("ed,ed->e", apart, apart))
    apart *= pull[:, np.newaxis]
    return np.asarray(np.add.reduceat(apart, edges.at[:-1], axis=0))


class Grid:
    """What places repel: a convolution on a grid, to and from which quadratic splines lead."""

    def __init__(self) -> None:
        self._kernels: tuple[int, float, NDArray[np.complex128]] | None = None

    def repulsion(self, y: Float64) -> tuple[Float64, float]:
        """(the sum of (yᵢ − yⱼ) / (1 + d²)² for each place (n, 2); that of 1 / (1 + d²) over all pairs)."""
        fields, frame = self.fields(y, y)
        near, east, north = frame.at(y).read(fields)
        return np.stack([east, north], axis=1), max(float(near.sum()) - len(y), 1e-12)

    def fields(self, y: Float64, within: Float64) -> tuple[Float64, Frame]:
        """The sums of 1 / (1 + d²) and of both parts of d / (1 + d²)² over places (n, 2), as fields
        (3, m, m), on a grid that holds all of `within` (k, 2).
        """
        low = within.min(axis=0)
        span = float((within.max(axis=0) - low).max())
        spacing = max(SPACING, span / NODES)
        frame = Frame(low, spacing, int(np.ceil(span / spacing)) + 4)
        size = fft.next_fast_len(2 * frame.nodes, real=True)
        charge = fft.rfft2(frame.at(y).charge(), (size, size))
        fields = fft.irfft2(charge * self._kernel(size, spacing), (size, size))
        return np.ascontiguousarray(fields[:, : frame.nodes, : frame.nodes]), frame

    def _kernel(self, size: int, spacing: float) -> NDArray[np.complex128]:
        if self._kernels is None or self._kernels[:2] != (size, spacing):
            d = fft.fftfreq(size, 1.0 / size) * spacing
            east, north = d[:, np.newaxis], d[np.newaxis, :]
            near = 1.0 / (1.0 + east**2 + north**2)
            kernels = fft.rfft2(np.stack([near, east * near**2, north * near**2]))
            # Both splines, to the grid and from it, blur; undone here.
            rows, columns = np.sinc(fft.fftfreq(size)) ** 6, np.sinc(fft.rfftfreq(size)) ** 6
            self._kernels = size, spacing, kernels / (rows[:, np.newaxis] * columns)
        return self._kernels[2]


@dataclass(frozen=True)
class Frame:
    """Where a grid of `nodes` squared lies: its lowest place (2,), and how far its nodes are apart."""

    low: Float64
    spacing: float
    nodes: int

    def at(self, y: Float64) -> Spread:
        """Places (n, 2) on this grid."""
        return Spread((y - self.low) / self.spacing + 1.5, self.nodes)


class Spread:
    """Places (n, 2), in nodes of a grid: nine of these each, with the weights of a quadratic spline."""

    def __init__(self, at: Float64, nodes: int) -> None:
        self._nodes = nodes
        first = np.clip(np.floor(at).astype(np.int64) - 1, 0, nodes - 3)
        off = at - first - 1.5
        weights = np.stack([0.5 * (0.5 - off) ** 2, 0.75 - off**2, 0.5 * (0.5 + off) ** 2], axis=-1)
        steps = np.arange(3)
        rows, columns = first[:, 0, None] + steps, first[:, 1, None] + steps
        self._index = (rows[:, :, None] * nodes + columns[:, None, :]).reshape(len(at), 9)
        self._weight = (weights[:, 0, :, None] * weights[:, 1, None, :]).reshape(len(at), 9)

    def charge(self) -> Float64:
        """One for each place, on the grid (m, m)."""
        flat = np.bincount(self._index.ravel(), self._weight.ravel(), minlength=self._nodes**2)
        return np.asarray(flat.reshape(self._nodes, self._nodes))

    def read(self, fields: Float64) -> Float64:
        """Fields (f, m, m) at the places, (f, n)."""
        flat = fields.reshape(len(fields), -1)
        return np.asarray(np.einsum("fnk,nk->fn", flat[:, self._index], self._weight))
