"""How loud each part is on either side, and how high: gains glide to where the parameters put them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.part import Part
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import PARTS, ROOT, Parameter, Value
from ghostnote.units import db_to_gain

DIM = 0.1
"""Gain of `master/dim`: −20 dB."""

Float32 = NDArray[np.float32]


class Levels:
    """Gains and pitches of all parts, by part number. Thread: render. Realtime-safe: no locks.

    `gains`: shape (2, parts + 1), left and right. `semitones`: shape (parts + 1,).
    """

    def __init__(self, quantum: int, sample_rate: int) -> None:
        self.gains: Float32 = np.zeros((2, len(PARTS) + 1), dtype=np.float32)
        self.semitones: Float32 = np.zeros(len(PARTS) + 1, dtype=np.float32)
        self._goals = np.zeros_like(self.gains)
        self._pace = np.float32(1.0 - math.exp(-quantum / (sample_rate * smoothing_s("gain"))))
        self._settled = True

    def follow(self, part: Part) -> None:
        """Let a part's gains go to what its parameters say."""
        self._goals[:, part.number] = part.level()
        self._settled = False

    def follow_solos(self, parts: Iterable[Part]) -> None:
        """Let all parts' gains go to what their solos say: with any, only soloed parts are heard."""
        known = list(parts)
        soloed = [part for part in known if part.value("solo")]
        for part in known:
            part.outshone = bool(soloed) and part not in soloed
            self.follow(part)

    def tune(self, part: Part) -> None:
        """Let a part's pitch be what its parameters say."""
        self.semitones[part.number] = part.semitones()

    def jump(self) -> None:
        """Let the gains be at once where they go."""
        self.gains[:] = self._goals
        self._settled = True

    def step(self) -> None:
        """Move the gains on by a quantum."""
        if self._settled:
            return
        before = self.gains.tobytes()
        self.gains += (self._goals - self.gains) * self._pace
        # Once a step is lost in rounding, so is every later one.
        self._settled = self.gains.tobytes() == before


def master_gain(values: Mapping[str, Value]) -> float:
    """Linear gain of everything."""
    gain_db, mute, dim = (values[f"{ROOT}/master/{name}"] for name in ("gain", "mute", "dim"))
    return 0.0 if mute else db_to_gain(float(gain_db)) * (DIM if dim else 1.0)


def smoothing_s(name: str) -> float:
    """Time constant with which sounding notes follow a part's parameter."""
    row = TARGETS[f"{ROOT}/part{PARTS[0]}/{name}"].row
    assert isinstance(row, Parameter)
    return row.smoothing_s
