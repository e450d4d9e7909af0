"""Quantiles of what was measured, and goals held against them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

QUANTILES = {"p1": 0.01, "p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Summary:
    """Distribution of `count` values in one unit; the quantiles are observed values (no interpolation)."""

    count: int
    p1: float
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: ArrayLike) -> Summary:
        """The summary of values, shape (n,); those that are not finite are left out.

        Raises ValueError when nothing is left.
        """
        data = np.asarray(values, dtype=np.float64).ravel()
        data = data[np.isfinite(data)]
        if not data.size:
            raise ValueError("nothing was measured")
        low, mid, high, top = np.quantile(data, list(QUANTILES.values()), method="inverted_cdf")
        return cls(int(data.size), float(low), float(mid), float(high), float(top), float(data.max()))

    @property
    def spread(self) -> float:
        """p99 − p1: the jitter that a player feels."""
        return self.p99 - self.p1

    def as_dict(self) -> dict[str, float]:
        """Plain numbers for JSON, `spread` included."""
        return {
            "count": self.count,
            "p1": self.p1,
            "p50": self.p50,
            "p95": self.p95,
            "p99": self.p99,
            "max": self.max,
            "spread": self.spread,
        }


@dataclass(frozen=True)
class Goal:
    """A figure that was asked for: `value` must be at most `limit` (at least, with `at_least`)."""

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is reached; never when nothing was measured."""
        if not math.isfinite(self.value):
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "what": self.what,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit,
            "at_least": self.at_least,
            "met": self.met,
        }


def hit_goals(what: str, latency_ms: Summary, goals: Sequence[float] = (8.0, 12.0, 3.0)) -> list[Goal]:
    """Goals of a latency distribution: p50, p99 and p99 − p1 in ms."""
    values = (latency_ms.p50, latency_ms.p99, latency_ms.spread)
    names = ("p50", "p99", "p99 − p1")
    return [Goal(f"{what}, {n}", v, g, "ms") for n, v, g in zip(names, values, goals, strict=True)]
