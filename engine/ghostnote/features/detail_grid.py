"""Where a detail has its numbers: windows that widen with time, and bands that widen with frequency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]
Index = NDArray[np.intp]

FINE_WINDOWS, FINE_SINGLE = 28, 12
"""Windows of the fine spectrum, and how many of them are single frames: the attack."""
COARSE_WINDOWS, COARSE_SINGLE, COARSE_BANDS = 100, 60, 48
"""Windows and bands of the coarse spectrum, and windows that are single frames."""
NOISE_WINDOWS, NOISE_BANDS = 8, 16
"""Windows and bands of the map of noisiness; the first window is the fine spectrum's single frames."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Stretches of frames. `edges`: shape (n + 1,). Frames lie between two middles of windows: `below` and
    the next, at `share` of the way, shapes (F,) and (F, 1).
    """

    edges: Index
    below: Index
    share: Float32

    def __len__(self) -> int:
        return len(self.edges) - 1

    def over(self, values: Float32) -> Float32:
        """Values at windows, shape (n, …), as a line from middle to middle of windows, shape (F, …)."""
        above = np.minimum(self.below + 1, len(self) - 1)
        low = values[self.below]
        return np.asarray(low + (values[above] - low) * self.share)


@dataclass(frozen=True, eq=False)
class DetailGrid:
    """The windows and bands for one frame geometry. `bands` and `noise_bands`: edges in bins."""

    frames: int
    bins: int
    fine: Windows
    coarse: Windows
    noise: Windows
    bands: Index
    noise_bands: Index

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of the three tables: fine and coarse spectrum, noisiness."""
        return (
            (len(self.fine), self.bins),
            (len(self.coarse), len(self.bands) - 1),
            (len(self.noise), len(self.noise_bands) - 1),
        )

    @property
    def size(self) -> int:
        """How many numbers a detail has."""
        return sum(rows * columns for rows, columns in self.shapes)


def grid_of(spec: FeatureSpec) -> DetailGrid:
    """The grid for a geometry; the same object for the same geometry."""
    return _grid(spec.frames, spec.bins)


@lru_cache(maxsize=8)
def _grid(frames: int, bins: int) -> DetailGrid:
    fine = _edges(frames, FINE_WINDOWS, FINE_SINGLE)
    first = min(FINE_SINGLE, frames)
    later = first + _edges(frames - first, NOISE_WINDOWS - 1, 0) if frames > first else np.array([first])
    return DetailGrid(
        frames,
        bins,
        _windows(fine, frames),
        _windows(_edges(frames, COARSE_WINDOWS, COARSE_SINGLE), frames),
        _windows(np.concatenate([[0], later]), frames),
        _edges(bins, COARSE_BANDS, 1),
        _edges(bins, NOISE_BANDS, 1),
    )


def _edges(length: int, count: int, single: int) -> Index:
    """Edges of `count` stretches (fewer where there is no room) of `length`: `single` ones of 1, then wider
    and wider by the same factor.
    """
    if length <= count:
        return np.arange(length + 1)
    low, high = 1.0, float(length)
    for _ in range(60):
        factor = 0.5 * (low + high)
        wide = bool(_geometric(factor, count, single)[-1] > length)
        low, high = (low, factor) if wide else (factor, high)
    edges = np.round(_geometric(low, count, single)).astype(np.intp)
    edges[-1] = length
    return edges


def _geometric(factor: float, count: int, single: int) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        widths = factor ** np.maximum(np.arange(count) - single + 1, 0.0)
    return np.concatenate([[0.0], np.cumsum(widths)])


def _windows(edges: Index, frames: int) -> Windows:
    middles = 0.5 * (edges[:-1] + edges[1:] - 1)
    at = np.interp(np.arange(frames), middles, np.arange(len(middles)))
    below = np.minimum(at.astype(np.intp), max(len(middles) - 2, 0))
    return Windows(edges, below, (at - below).astype(np.float32)[:, None])
