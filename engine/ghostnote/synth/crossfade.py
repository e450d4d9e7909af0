"""From one voice to another at the same playhead: one fades out, one in, and the level stays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_LIKENESS_S = 0.01
"""Time constant with which it is measured how alike the two sound."""
_LEAST, _MOST = 0.5, 2.0


@dataclass(slots=True, eq=False)
class _Fade:
    """`olds` give way to `new` (None once it has ended); `powers`: of old, of new, of their product."""

    olds: list[int]
    new: int | None
    step: float
    angle: float = 0.0
    powers: Float32 = field(default_factory=lambda: np.full(3, 1e-12, dtype=np.float32))


class Crossfades:
    """Gains of the rows that give way to others. Thread: render. Realtime-safe: no locks.

    Equal power where the two have nothing in common. What they have in common adds up, so both are turned
    down by as much as that raises the level: from a sound to itself nothing is heard. A row that gives way
    while it still fades in takes along those that gave way to it.
    """

    def __init__(self, rows: int, quantum: int, sample_rate: int) -> None:
        self._rows = rows
        self._rate = sample_rate / quantum
        self._kept = np.float32(math.exp(-quantum / (sample_rate * _LIKENESS_S)))
        self._fades: list[_Fade] = []
        self._gains = np.ones(rows, dtype=np.float32)

    def begin(self, old: int, new: int, seconds: float, wait_s: float = 0.0) -> None:
        """Let row `new`, whose samples have been those of `old` until now, take over within `seconds`.

        `wait_s`: so long nothing of it is heard, since it still sounds like `old`.
        """
        with_it = [row for fade in self._fades if fade.new == old for row in fade.olds]
        step = math.pi / 2 / max(1.0, seconds * self._rate)
        self._fades.append(_Fade([old, *with_it], new, step, -step * round(wait_s * self._rate)))
        self._gains[new] = 0.0

    @property
    def giving_way(self) -> int:
        """How many rows give way to others."""
        return len({row for fade in self._fades for row in fade.olds})

    def giving_way_to(self, row: int) -> list[int]:
        """The rows that give way to `row`."""
        return [old for fade in self._fades if fade.new == row for old in fade.olds]

    def drop(self, row: int) -> None:
        """Forget a row; those that it was to give way to, or that gave way to it, go on fading."""
        for fade in self._fades:
            if row in fade.olds:
                fade.olds.remove(row)
            if row == fade.new:
                fade.new = None
        self._fades = [fade for fade in self._fades if fade.olds or fade.new is not None]
        self._gains[row] = 1.0

    def advance(self, block: Float32, before: Float32, after: Float32) -> tuple[Float32, Float32, list[int]]:
        """Envelopes with the crossfades in them, at both ends of this quantum, and the rows that are gone.

        `block`: samples of this quantum, shape (rows, quantum). `before`, `after`: shape (rows,); what is
        returned is the very same where nothing fades.
        """
        if not self._fades:
            return before, after, []
        gains = np.ones(self._rows, dtype=np.float32)
        gone: list[int] = []
        for fade in self._fades:
            old = gains[fade.olds] @ block[fade.olds]
            new = np.zeros_like(old) if fade.new is None else block[fade.new]
            if fade.angle >= 0.0:
                fade.powers *= self._kept
                fade.powers += np.array([old @ old, new @ new, old @ new], dtype=np.float32)
            fade.angle += fade.step
            down, up = _gains(fade)
            gains[fade.olds] *= down
            if fade.new is not None:
                gains[fade.new] *= up
            if down == 0.0:
                gone += fade.olds
        before, after = before * self._gains, after * gains
        self._gains = gains
        self._fades = [fade for fade in self._fades if fade.angle < math.pi / 2]
        return before, after, gone


def _gains(fade: _Fade) -> tuple[float, float]:
    if fade.angle <= 0.0:
        return 1.0, 0.0
    if fade.angle >= math.pi / 2:
        return 0.0, 1.0
    down, up = math.cos(fade.angle), math.sin(fade.angle)
    old, new, both = fade.powers.tolist()
    apart = down * down * old + up * up * new
    together = apart + 2.0 * down * up * both
    turned = math.sqrt(min(max(apart / together, _LEAST), _MOST)) if together > 0.0 else math.sqrt(_MOST)
    # Whatever they take from each other, neither is ever louder than it is alone.
    turned = min(turned, 1.0 / max(down, up))
    return down * turned, up * turned
