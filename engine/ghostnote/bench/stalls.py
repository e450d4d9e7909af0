"""Sets moments at which the ring ran short beside moments at which the machine is known to have stalled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WITHIN_S = 0.02
"""A stall this long before or after a shortfall counts as beside it."""

Span = tuple[float, float]
"""From and to, in s of `time.monotonic()`, which all processes of one system share."""


@dataclass(frozen=True)
class Beside:
    """What setting `total` shortfalls beside stalls gave: `beside` of them, and `by_chance`: as many as
    moments taken anywhere in the run would have had beside them."""

    total: int
    beside: int
    by_chance: float

    @property
    def own(self) -> int:
        """Those with no stall beside them."""
        return self.total - self.beside


def beside(spans: Sequence[Span], stalls: Sequence[Span], within_s: float = WITHIN_S) -> list[bool]:
    """For each of `spans` whether one of `stalls` comes within `within_s` of it."""
    merged = _merged(stalls, within_s)
    return [any(low <= to and at <= high for low, high in merged) for at, to in spans]


def set_beside(spans: Sequence[Span], stalls: Sequence[Span], run: Span) -> Beside:
    """Count the `spans` beside a stall, and how many it would be by chance, in a `run` from and to.

    Stalls may be so frequent that any moment has one beside it; then one beside a shortfall explains
    nothing, and `by_chance` comes near `beside`. Chance counts each shortfall with its own length.
    """
    merged = _merged(stalls, WITHIN_S)
    return Beside(
        len(spans),
        sum(beside(spans, stalls)),
        sum(_covered([(low - (to - at), high) for low, high in merged], run) for at, to in spans),
    )


def per_second(stalls: Sequence[Span], run: Span) -> float:
    """Stalls that began in `run`, a second; NaN for a run of no length."""
    length = run[1] - run[0]
    return sum(run[0] <= at < run[1] for at, _ in stalls) / length if length > 0.0 else math.nan


def inside(stalls: Sequence[Span], run: Span) -> list[Span]:
    """Those of `stalls` that touch `run`."""
    return [(at, to) for at, to in stalls if at <= run[1] and to >= run[0]]


def _merged(stalls: Sequence[Span], within_s: float) -> list[Span]:
    """`stalls`, longer by `within_s` at both ends, those that overlap made one, in order."""
    merged: list[Span] = []
    for low, high in sorted((at - within_s, to + within_s) for at, to in stalls):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _covered(spans: Sequence[Span], run: Span) -> float:
    """Share of `run` that lies in `spans` (sorted by their beginnings)."""
    total, done = 0.0, run[0]
    for low, high in spans:
        low, high = max(low, done), min(high, run[1])
        if high > low:
            total += high - low
            done = high
    length = run[1] - run[0]
    return total / length if length > 0.0 else math.nan
