"""Onsets found, held against onsets known: hits, misses and false ones, by kind of sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.onset_scenes import RATE, Placed, Scene

Int64 = NDArray[np.int64]

TOLERANCE_S = 0.05
NOTHING = "no sound"
"""What a false onset is booked under when nothing was sounding."""


@dataclass
class Counts:
    """Hits, misses, false onsets; `errors_ms`: how much later than the truth hits were."""

    hits: int = 0
    missed: int = 0
    false: int = 0
    errors_ms: list[float] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Share of what was found that is true; NaN when nothing was found."""
        return self.hits / (self.hits + self.false) if self.hits + self.false else float("nan")

    @property
    def recall(self) -> float:
        """Share of what is true that was found; NaN when there is nothing."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN when there is nothing."""
        total = 2 * self.hits + self.missed + self.false
        return 2 * self.hits / total if total else float("nan")

    def add(self, other: Counts) -> None:
        """Add what another has counted."""
        self.hits += other.hits
        self.missed += other.missed
        self.false += other.false
        self.errors_ms += other.errors_ms


def match(
    found: Sequence[int] | Int64, known: Sequence[tuple[int, int]], tolerance: int
) -> list[tuple[int, int]]:
    """Pairs (index found, index known), each used once; as many as there can be.

    `found` ascends; `known` has the first and last sample at which a sound may be said to begin. Of those
    that are at most `tolerance` off, the one that ends first is taken.
    """
    pairs: list[tuple[int, int]] = []
    free = set(range(len(known)))
    for j, at in enumerate(found):
        near = [k for k in free if known[k][0] - tolerance <= at <= known[k][1] + tolerance]
        if near:
            k = min(near, key=lambda k: known[k][1])
            free.remove(k)
            pairs.append((j, k))
    return pairs


def score(scene: Scene, found: Int64) -> dict[str, Counts]:
    """Counts by kind of sound for the onsets found in a scene, in samples.

    Sounds that cannot be heard are neither missed nor false when found. A false onset is booked under the
    kind of the sound that began last before it and still sounds.
    """
    tolerance = round(TOLERANCE_S * RATE)
    counts: dict[str, Counts] = {}
    heard = [p for p in scene.placed if p.audible]
    pairs = match(found, [(p.start, p.begins) for p in heard], tolerance)
    taken = {k for _, k in pairs}
    for j, k in pairs:
        of = counts.setdefault(heard[k].kind, Counts())
        of.hits += 1
        of.errors_ms.append(1000.0 * (int(found[j]) - heard[k].begins) / RATE)
    for k, p in enumerate(heard):
        if k not in taken:
            counts.setdefault(p.kind, Counts()).missed += 1
    matched = {j for j, _ in pairs}
    rest = [int(at) for j, at in enumerate(found) if j not in matched]
    unheard = [(p.start, p.begins) for p in scene.placed if not p.audible]
    excused = {j for j, _ in match(rest, unheard, tolerance)}
    for j, at in enumerate(rest):
        if j not in excused:
            counts.setdefault(_sounding(scene.placed, at), Counts()).false += 1
    return counts


def total(counts: dict[str, Counts]) -> Counts:
    """All kinds together."""
    out = Counts()
    for one in counts.values():
        out.add(one)
    return out


def _sounding(placed: Sequence[Placed], at: int) -> str:
    sounding = [p for p in placed if p.start <= at < p.start + p.length]
    return max(sounding, key=lambda p: p.start).kind if sounding else NOTHING
