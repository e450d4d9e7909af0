"""The sum of all voices: what each gives to the left and to the right, and how that moves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ghostnote.synth.meters import PartMeters

Float32 = NDArray[np.float32]

PRESS_S = 0.01
"""Time constant with which a sounding row follows a new velocity."""
_ARRIVED = 1e-4


class Mixer:
    """Gains of all rows and the mix of one quantum. Thread: render. Realtime-safe: no locks."""

    def __init__(self, rows: int, quantum: int, sample_rate: int = 44100) -> None:
        self._velocity = np.zeros(rows, dtype=np.float32)
        self._part = np.zeros(rows, dtype=np.intp)
        self._balance = np.ones((2, rows), dtype=np.float32)
        self._ramp = (np.arange(1, quantum + 1, dtype=np.float32) / np.float32(quantum))[:, None]
        self._goal = np.zeros((2, rows), dtype=np.float32)
        self._gain = np.zeros((2, rows), dtype=np.float32)
        self._levels = b""
        self._new: list[int] = []
        self._towards: dict[int, float] = {}
        self._pace = 1.0 - math.exp(-quantum / (sample_rate * PRESS_S))
        self._meters = PartMeters(rows, quantum)

    def start(self, row: int, part: int, velocity: float, balance: tuple[float, float] = (1.0, 1.0)) -> None:
        """Let a row sound with the level of `part` times `velocity`, from its first quantum on.

        `balance`: what it gives to the left and to the right beside its part's gains.
        """
        self._meters.change(row, int(self._part[row]))
        self._part[row], self._velocity[row] = part, velocity
        self._balance[:, row] = balance
        self._towards.pop(row, None)
        self._new.append(row)

    def copy(self, row: int, to: int) -> None:
        """Let row `to` have the part and velocity of `row`."""
        left, right = self._balance[:, row].tolist()
        self.start(to, int(self._part[row]), float(self._velocity[row]), (left, right))
        if row in self._towards:
            self._towards[to] = self._towards[row]

    def press(self, row: int, velocity: float) -> None:
        """Let a row's velocity become another one while it sounds; before its first quantum, at once."""
        if row in self._new:
            self._velocity[row] = velocity
        else:
            self._towards[row] = velocity

    def drop(self, row: int) -> None:
        """Let a row be silent at once."""
        self._velocity[row] = 0.0
        self._towards.pop(row, None)
        self._goal[:, row] = self._gain[:, row] = 0.0

    def measure(self) -> None:
        """From now on keep the peaks of the parts. Thread: any."""
        self._meters.on = True

    def peaks(self) -> Float32:
        """Largest magnitude of each part number since the last call. Thread: any, but always the same."""
        return self._meters.take(self._part)

    def mix(self, block: Float32, levels: Float32, before: Float32, after: Float32, out: Float32) -> None:
        """Sum rows into `out`, shape (quantum, 2), their gains going straight to where they are to be.

        `block`: samples, shape (rows, quantum). `levels`: shape (2, parts + 1), left and right gain of each
        part number at the end. `before`, `after`: each row's envelope at the start and at the end, shape
        (rows,); one and the same array if no envelope moves.
        """
        asked = levels.tobytes()
        if self._meters.on:
            self._meters.hear(block, self._gain)
        still = asked == self._levels and not self._new and not self._towards
        if still and before is after:
            np.matmul(block.T, self._gain.T, out=out)
            return
        if not still:
            self._approach()
            self._goal = levels[:, self._part] * self._velocity * self._balance
        for row in self._new:
            self._gain[:, row] = self._goal[:, row] * before[row]
        gain = self._goal * after
        both = np.concatenate([self._gain, gain - self._gain])
        sums = block.T @ both.T
        np.multiply(sums[:, 2:], self._ramp, out=out)
        out += sums[:, :2]
        self._gain, self._levels = gain, asked
        self._new.clear()

    def _approach(self) -> None:
        for row, goal in list(self._towards.items()):
            now = float(self._velocity[row])
            arrives = abs(goal - now) < _ARRIVED
            self._velocity[row] = goal if arrives else now + (goal - now) * self._pace
            if arrives:
                del self._towards[row]
