"""Charts of the page as SVG and HTML: the latent map, the course of the training, the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

HUES = (
    "#4269d0",
    "#e08a00",
    "#d6453d",
    "#2f9e8f",
    "#7a9a01",
    "#8e5bd0",
    "#c2438e",
    "#7c6046",
    "#4b9bd5",
    "#8a8f98",
)
SHAPES = (
    "M-3.4,0a3.4,3.4 0 1,0 6.8,0a3.4,3.4 0 1,0 -6.8,0",
    "M-3,-3h6v6h-6z",
    "M0,-4L3.6,3H-3.6z",
    "M0,-4.2L4.2,0L0,4.2L-4.2,0z",
)
"""Classes differ in colour, and beyond ten in shape."""

WIDEST_TABLE = 24


def mark(number: int) -> tuple[str, str]:
    """(colour, path) of a class."""
    return HUES[number % len(HUES)], SHAPES[number // len(HUES) % len(SHAPES)]


def latent_map(points: Float32, labels: Sequence[str], classes: Sequence[str]) -> str:
    """Points (n, 2) along the first two axes, a mark for each sound, a legend where there are classes."""
    width, height, edge = 640.0, 440.0, 14.0
    low, high = points.min(axis=0), points.max(axis=0)
    scale = np.array([width - 2 * edge, height - 2 * edge]) / np.maximum(high - low, 1e-6)
    where = edge + (points - low) * scale
    number = {name: k for k, name in enumerate(classes)}
    marks = []
    for (x, y), label in zip(where.tolist(), labels, strict=True):
        colour, shape = mark(number.get(label, 0))
        name = f"<title>{escape(label)}</title>" if label else ""
        marks.append(
            f'<path d="{shape}" transform="translate({x:.1f},{height - y:.1f})" fill="{colour}">{name}</path>'
        )
    svg = (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" class="map" role="img" aria-label="latent map">'
        f"{''.join(marks)}</svg>"
    )
    return svg + legend(classes)


def legend(classes: Sequence[str]) -> str:
    """Names of the classes beside their marks."""
    items = []
    for k, name in enumerate(classes):
        colour, shape = mark(k)
        items.append(
            f'<span><svg viewBox="-6 -6 12 12" class="key"><path d="{shape}" '
            f'fill="{colour}"/></svg>{escape(name)}</span>'
        )
    return f'<p class="legend">{"".join(items)}</p>' if items else ""


def course(history: Sequence[tuple[int, float, float]]) -> str:
    """Errors in training and on held-out sounds over steps; "" with fewer than two measurements."""
    if len(history) < 2:
        return ""
    width, height, left, bottom = 640.0, 220.0, 44.0, 26.0
    values = np.array([[a, b] for _, a, b in history], dtype=np.float64)
    steps = np.array([step for step, _, _ in history], dtype=np.float64)
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    # What falls steeply at the beginning would press the rest flat.
    high = min(high, low + 3.0 * max(float(np.median(finite)) - low, 0.05))
    x = left + (steps - steps[0]) / max(steps[-1] - steps[0], 1.0) * (width - left - 8)
    y = 8 + (1.0 - (np.minimum(values, high) - low) / max(high - low, 1e-6)) * (height - bottom - 12)
    lines = []
    for column, name in enumerate(("training", "held")):
        dots = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y[:, column], strict=True) if np.isfinite(b))
        lines.append(f'<polyline class="{name}" points="{dots}"/>')
    best = int(values[:, 1].argmin())
    texts = [
        f'<text x="{left - 6}" y="14" text-anchor="end">{high:.2f}</text>',
        f'<text x="{left - 6}" y="{height - bottom:.0f}" text-anchor="end">{low:.2f}</text>',
        f'<text x="{left}" y="{height - 6:.0f}">step {int(steps[0])}</text>',
        f'<text x="{width - 8}" y="{height - 6:.0f}" text-anchor="end">{int(steps[-1])}</text>',
        f'<circle cx="{x[best]:.1f}" cy="{y[best, 1]:.1f}" r="4" class="best"/>',
    ]
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" class="course" role="img" aria-label="course of the '
        'training">'
        f"{''.join(lines)}{''.join(texts)}</svg>"
        '<p class="legend"><span><i class="training"></i>in training</span>'
        f'<span><i class="held"></i>held-out sounds; best {values[best, 1]:.2f} dB at step '
        f"{int(steps[best])}</span></p>"
    )


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A table of counts, rows are the truth; shaded by the share of the row."""
    table = np.array(counts, dtype=np.int64)
    seen = table.sum(axis=1)
    wide = len(classes) > WIDEST_TABLE
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in classes)
    rows = []
    for k, name in enumerate(classes):
        cells = []
        for j in range(len(classes)):
            share = table[k, j] / seen[k] if seen[k] else 0.0
            kind = "hit" if j == k else "miss"
            text = str(int(table[k, j])) if table[k, j] and not wide else ""
            title = (
                f' title="{escape(name)} heard as {escape(classes[j])}: {int(table[k, j])}"'
                if table[k, j]
                else ""
            )
            cells.append(f'<td class="{kind}" style="--s:{share:.2f}"{title}>{text}</td>')
        recall = f"{table[k, k] / seen[k]:.0%}" if seen[k] else "none held out"
        rows.append(
            f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}<td class="recall">{recall}</td></tr>'
        )
    return (
        f'<div class="wide"><table class="confusion{" fine" if wide else ""}"><thead><tr><td>truth \\ '
        f"heard</td>{head}"
        f"<th>found</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
