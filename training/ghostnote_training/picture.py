"""Pictures made of characters: spectrograms in half blocks, curves in braille dots."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands

Float32 = NDArray[np.float32]
Bytes = NDArray[np.uint8]

REACH_DB = 70.0
"""How far below the loudest bin a picture shows."""

_STOPS = (
    (0, 0, 0),
    (24, 12, 48),
    (94, 20, 110),
    (172, 42, 92),
    (228, 90, 49),
    (251, 168, 40),
    (252, 244, 186),
)
"""Colours from quiet to loud, each lighter than the one before."""

_LEVELS = 32
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character by row and column."""


def colours(values: Float32) -> Bytes:
    """Colours (…, 3) of values in 0…1."""
    where = np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0) * (len(_STOPS) - 1)
    low = np.minimum(where.astype(int), len(_STOPS) - 2)
    stops, share = np.array(_STOPS, dtype=np.float64), (where - low)[..., None]
    return np.asarray(np.round(stops[low] * (1.0 - share) + stops[low + 1] * share), dtype=np.uint8)


def sounding_frames(log_magnitude: Float32, spec: FeatureSpec, least: int = 48) -> int:
    """Frames until a sound (frames, bins) has fallen `REACH_DB` below its peak, at least `least`."""
    reach = REACH_DB / (-20.0 * math.log10(spec.floor))
    loud = np.flatnonzero(log_magnitude.max(axis=1) > max(float(log_magnitude.max()) - reach, 0.0))
    last = int(loud[-1]) + 1 if len(loud) else 0
    return min(max(last + 4, least), len(log_magnitude))


def _loudest(values: Float32, edges: NDArray[np.float64]) -> Float32:
    """Largest values of the rows between edges, each of at least one row."""
    first = np.minimum(edges[:-1].astype(int), len(values) - 1)
    last = np.maximum(np.ceil(edges[1:]).astype(int), first + 1)
    return np.stack([values[a:b].max(axis=0) for a, b in zip(first, last, strict=True)])


def spectrogram(
    log_magnitude: Float32, spec: FeatureSpec, columns: int, rows: int, frames: int, peak: float | None = None
) -> Float32:
    """The first `frames` of a sound (frames, bins) as a picture (rows, columns) of values in 0…1, low
    frequencies at the bottom, on a scale that grows with frequency as hearing does. `peak`: what is
    shown as 1.
    """
    top = float(log_magnitude.max()) if peak is None else peak
    centres = bands.centres(min(rows, spec.bins), spec)
    between = (centres[1:] + centres[:-1]) / 2.0
    shown = _loudest(log_magnitude[:frames].T, np.array([0.0, *np.ceil(between), spec.bins]))
    image = _loudest(shown.T, np.linspace(0, frames, columns + 1)).T[::-1]
    reach = REACH_DB / (-20.0 * math.log10(spec.floor))
    return np.asarray(np.clip((image - top) / reach + 1.0, 0.0, 1.0), dtype=np.float32)


@lru_cache(maxsize=_LEVELS * _LEVELS)
def _style(upper: int, lower: int) -> Style:
    pair = colours(np.array([upper, lower], dtype=np.float32) / np.float32(_LEVELS - 1))
    a, b = ("#" + bytes(one).hex() for one in pair)
    return Style(color=a, bgcolor=b)


def half_blocks(image: Float32) -> list[Text]:
    """Lines for an image (2 · lines, columns) of values in 0…1: two pixels in each character."""
    levels = np.round(np.clip(image, 0.0, 1.0) * (_LEVELS - 1)).astype(int)
    lines = []
    for upper, lower in zip(levels[0::2].tolist(), levels[1::2].tolist(), strict=True):
        line = Text(no_wrap=True)
        for (a, b), run in itertools.groupby(zip(upper, lower, strict=True)):
            line.append("▀" * len(list(run)), _style(a, b))
        lines.append(line)
    return lines


def curve(series: Sequence[tuple[Sequence[float], str]], columns: int, lines: int) -> list[Text]:
    """Lines of several curves of one length, each with its style; a later one lies over an earlier one.

    Values are spread over the width; the scale is theirs and stands at the right edge.
    """
    values = np.array([list(one) for one, _ in series], dtype=np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return [Text(" " * columns) for _ in range(lines)]
    low, high = float(finite.min()), float(finite.max())
    labels = [f" {high:.2f}", *[""] * (lines - 2), f" {low:.2f}"] if lines > 1 else [""]
    width = max(columns - max(map(len, labels)), 4)
    height = 4 * lines
    cells = np.zeros((len(series), lines, width), dtype=int)
    for number, one in enumerate(values):
        x = np.linspace(0, len(one) - 1, 2 * width)
        level = (np.interp(x, np.arange(len(one)), one) - low) / max(high - low, 1e-9)
        spots = np.where(np.isfinite(level), np.round((1.0 - level) * (height - 1)), -1).astype(int)
        for column, spot in enumerate(spots):
            before = spots[column - 1] if column else spot
            for y in range(min(spot, before), max(spot, before) + 1) if min(spot, before) >= 0 else ():
                cells[number, y // 4, column // 2] |= _DOTS[y % 4][column % 2]
    found = []
    for row in range(lines):
        line = Text(no_wrap=True)
        for column in range(width):
            on = [k for k in range(len(series)) if cells[k, row, column]]
            bits = int(np.bitwise_or.reduce(cells[:, row, column]))
            # Some fonts show the empty one as dots.
            line.append(chr(0x2800 + bits) if bits else " ", series[on[-1]][1] if on else "")
        line.append(labels[row], "dim")
        found.append(line)
    return found
