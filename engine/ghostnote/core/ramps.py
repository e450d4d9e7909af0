"""Values on their way: glides and morphs, each in its own domain, as a function of the timeline alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ghostnote.core.part import LATENT_NAMES
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import Parameter, Value
from ghostnote.units import clamp

LOG_FLOOR = {"time.second": 1e-3, "rate": 1e-2}
"""What moves by equal ratios, by unit or name, and the value that 0 is taken for on the way."""

FINE_STEPS = 12
COARSE_STEPS = 8
"""Values that a quantum moves on at most, of those that are heard at once and of those that are decoded or
wait for the next note. With more on their way they take turns; where one arrives it is set at once."""

CONTINUOUS = frozenset(
    addr
    for addr, target in TARGETS.items()
    if isinstance(target.row, Parameter) and target.row.kind == "f" and target.part and target.name != "glide"
)
"""Parameters that glide and morph; all others change at once."""

_COARSE = LATENT_NAMES | {"attack", "decay", "sustain", "release", "loop_fade", "bend_range"}


class Way:
    """The way of a parameter from one value to another.

    Levels in dB, semitones and the rest move by equal steps, times and the playhead's rate by equal ratios.
    """

    __slots__ = ("_logs", "goal", "start")

    def __init__(self, row: Parameter, start: float, goal: float) -> None:
        self.start, self.goal = start, goal
        floor = LOG_FLOOR.get(row.unit) or LOG_FLOOR.get(row.path.rpartition("/")[2])
        self._logs = None if floor is None else (math.log(max(start, floor)), math.log(max(goal, floor)))

    def at(self, t: float) -> float:
        """The value a part `t` (0…1) of the way along; exactly start and goal at the ends."""
        if t <= 0.0 or t >= 1.0:
            return self.start if t <= 0.0 else self.goal
        if self._logs is None:
            return self.start + (self.goal - self.start) * t
        a, b = self._logs
        return clamp(math.exp(a + (b - a) * t), min(self.start, self.goal), max(self.start, self.goal))


@dataclass(frozen=True, slots=True)
class _Ramp:
    way: Way
    began: int
    quanta: int
    source: str


class _Group:
    """Ramps that take turns, `most` of them in a quantum; each arrives on time."""

    def __init__(self, most: int) -> None:
        self.ramps: dict[str, _Ramp] = {}
        self._most = most
        self._order: list[str] | None = None
        self._due: dict[int, list[str]] = {}

    def put(self, addr: str, ramp: _Ramp) -> None:
        self.ramps[addr] = ramp
        self._order = None
        self._due.setdefault(ramp.began + ramp.quanta, []).append(addr)

    def drop(self, addr: str) -> None:
        if self.ramps.pop(addr, None) is not None:
            self._order = None
            if not self.ramps:
                self._due.clear()

    def step(self, now: int) -> Iterator[tuple[str, float, str]]:
        for addr in self._due.pop(now, ()):
            ramp = self.ramps.get(addr)
            if ramp is not None and ramp.began + ramp.quanta == now:
                self.drop(addr)
                yield addr, ramp.way.goal, ramp.source
        if self._order is None:
            self._order = list(self.ramps)
        turns = -(-len(self._order) // self._most)
        first = now % turns * self._most if turns else 0
        for addr in self._order[first : first + self._most]:
            ramp = self.ramps[addr]
            yield addr, ramp.way.at((now - ramp.began) / ramp.quanta), ramp.source


class Ramps:
    """Which parameters move, from where to where, and how far they are. Thread: render.

    `step` is called once a quantum. Realtime-safe: bounded work, as `FINE_STEPS` and `COARSE_STEPS` say.
    """

    def __init__(self) -> None:
        self._fine, self._coarse = _Group(FINE_STEPS), _Group(COARSE_STEPS)
        self._now = 0

    def go(self, addr: str, start: float, goal: float, quanta: int, source: str = "") -> None:
        """Move a parameter from `start` to `goal` in `quanta` steps; it forgets where it was going before.

        `source` is the author of the change, of whom each step is.
        """
        row = TARGETS[addr].row
        assert isinstance(row, Parameter)
        self.stop(addr)
        group = self._coarse if TARGETS[addr].name in _COARSE else self._fine
        group.put(addr, _Ramp(Way(row, start, goal), self._now, max(1, quanta), source))

    def stop(self, addr: str) -> None:
        """Let a parameter stay where it is."""
        self._fine.drop(addr)
        self._coarse.drop(addr)

    def goals(self, but: str | None = None) -> dict[str, float]:
        """Where the parameters that move are going, without those of an author. Thread: any."""
        moving = {**self._fine.ramps, **self._coarse.ramps}
        return {addr: ramp.way.goal for addr, ramp in moving.items() if ramp.source != but}

    def goal(self, addr: str, otherwise: Value) -> Value:
        """Where a parameter is going, or `otherwise` if it stays."""
        ramp = self._fine.ramps.get(addr) or self._coarse.ramps.get(addr)
        return otherwise if ramp is None else ramp.way.goal

    def __len__(self) -> int:
        return len(self._fine.ramps) + len(self._coarse.ramps)

    def step(self) -> list[tuple[str, float, str]]:
        """Addresses that move in this quantum, their values, and who moves them."""
        self._now += 1
        if not self._fine.ramps and not self._coarse.ramps:
            return []
        return [*self._fine.step(self._now), *self._coarse.step(self._now)]
