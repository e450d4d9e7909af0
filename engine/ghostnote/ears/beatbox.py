"""What beatbox makes of a sound: its part, how hard it was hit, and whether it plays.

Pure functions of what was heard and of times; nothing here knows about devices or an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ghostnote.units import gain_to_db

Float32 = NDArray[np.float32]

LATEST_S = 0.125
"""An answer that has heard more of a sound than that triggers nothing: it would be a flam, not a hit."""
SOFTEST = 0.05
"""Velocity of the softest hit."""
_EARLY_S = 0.005
"""So much sooner than it is known to be heard a hit may be found at the input."""
_OWN = 256

Verdict = Literal["play", "wait", "own", "held", "done"]


@dataclass(frozen=True, eq=False)
class Sighting:
    """What is known of a sound after `age_s` of it: when it began and when this was said (both monotonic),
    its `peak` so far (1 is full scale), and `probabilities` (C,) of the classes that the ears know.
    """

    at: float
    age_s: float
    said: float
    peak: float
    final: bool
    probabilities: Float32


@dataclass(frozen=True)
class Rules:
    """`confidence`: how sure a part must be; `hold_s`: least time from one sound that plays to the next;
    `guard_s`: how long after an own hit is heard a sound counts as that hit, 0: never.
    """

    confidence: float
    hold_s: float
    guard_s: float


def usual_parts(classes: Sequence[str], kit: Sequence[str]) -> tuple[int, ...]:
    """The part (1 the first) of each class. `kit`: the classes that the parts play at the start.

    A class of the kit has its part there. Of more classes than parts those of one first word, such as the
    toms, share one. What is left gets the parts that are free in order, then all parts in turn.
    """
    found = {name: k + 1 for k, name in enumerate(kit) if name in classes}
    shared: dict[str, int | None] = {}
    if len(classes) > len(kit):
        for name in classes:
            shared.setdefault(_family(name), found.get(name))
    free = [part for part in range(1, len(kit) + 1) if part not in found.values()]
    for k, name in enumerate(classes):
        if name in found:
            continue
        part = shared.get(_family(name))
        if part is None:
            part = free.pop(0) if free else k % len(kit) + 1
            if shared:
                shared[_family(name)] = part
        found[name] = part
    return tuple(found[name] for name in classes)


def _family(name: str) -> str:
    return name.replace("_", " ").split(" ")[0]


def likeliest(probabilities: Float32, parts: Sequence[int]) -> tuple[int, float]:
    """The part whose classes are likeliest together, and how likely that is; (0, 0.0) where all are of none.

    `parts`: of each class, 0 = none.
    """
    sums: dict[int, float] = {}
    for part, p in zip(parts, probabilities.tolist(), strict=False):
        if part:
            sums[part] = sums.get(part, 0.0) + p
    best = max(sums, key=lambda part: sums[part], default=0)
    return best, sums.get(best, 0.0)


def velocity(peak: float, full_db: float, dynamics: float) -> float:
    """How hard a hit of that peak is, up to 1 at `full_db`; a velocity's gain is its square.

    `dynamics`: 1 keeps levels as they were heard, 0 makes all hits full.
    """
    return float(np.clip(10.0 ** (dynamics * (gain_to_db(peak) - full_db) / 40.0), SOFTEST, 1.0))


class Judge:
    """Says of each answer about a sound whether the sound plays now. Thread: one. Realtime-safe: yes."""

    def __init__(self) -> None:
        self._own = np.full(_OWN, -np.inf)
        self._count = 0
        self._done = -np.inf
        self._played = -np.inf

    def own_hit(self, heard: float) -> None:
        """A hit of the engine is heard at monotonic time `heard`."""
        self._own[self._count % _OWN] = heard
        self._count += 1

    def is_own(self, at: float, guard_s: float) -> bool:
        """Whether a sound that began at monotonic time `at` is a hit of the engine at the microphone.

        Thread: any.
        """
        return guard_s > 0.0 and bool(np.any((self._own >= at - guard_s) & (self._own <= at + _EARLY_S)))

    def judge(self, seen: Sighting, sure: float, rules: Rules) -> Verdict:
        """`play` at most once for a sound; `wait`: nothing was decided, a later answer may; `own`, `held`: it
        will not play, said once; `done`: that was decided before."""
        if seen.at == self._done:
            return "done"
        if self.is_own(seen.at, rules.guard_s):
            self._done = seen.at
            return "own"
        if seen.at - self._played < rules.hold_s:
            self._done = seen.at
            return "held"
        if sure < rules.confidence or seen.age_s > LATEST_S:
            return "wait"
        self._done = self._played = seen.at
        return "play"
