"""An output that is looked at while it is played: when its ring ran short, and what was slow just before."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ghostnote.audio.output import Float32, Output
from ghostnote.bench.stalls import Span

KEPT = 4096
"""Shortfalls and late turns that are kept; older ones are forgotten."""
LOOK_BACK_S = 0.05
"""The slowest thing within so long before a shortfall was noticed counts as what it comes from."""
_RECENT = 64


@dataclass(frozen=True)
class Slow:
    """A stretch of the render loop: `part` "render" (from being asked for frames to having written them),
    "ahead" (from then on to the next look) or "wait"; from and to in s of `time.monotonic()`, and the
    processor time that the thread had in it, in s."""

    part: str
    began: float
    ended: float
    cpu_s: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


@dataclass(frozen=True)
class Shortfall:
    """A time at which the ring ran short: when it was noticed (s of `time.monotonic()`), and the slowest
    stretch of the loop just before."""

    noticed: float
    slow: Slow

    @property
    def span(self) -> Span:
        """From the beginning of what was slow to when it was noticed; the ring ran short in between."""
        return (self.slow.began, self.noticed)


class WatchedOutput:
    """An `Output` around another one that remembers when its ring ran short, and the stretches of the render
    loop that took longer than a block (`late`), though it sleeps less.

    Thread: as `Output`. Realtime-safe: yes; it reads clocks and counters and keeps a bounded record.
    """

    def __init__(
        self,
        output: Output,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._output = output
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._part = "ahead"
        self._at: tuple[float, float] | None = None
        self._recent: deque[Slow] = deque(maxlen=_RECENT)
        self._seen = self._count()
        self.shortfalls: deque[Shortfall] = deque(maxlen=KEPT)
        self.late: deque[Slow] = deque(maxlen=KEPT)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the output's own."""
        return getattr(self._output, name)

    def writable(self) -> int:
        """See `Output.writable`. Shortfalls are noticed here, as the output itself does."""
        self._begin("render")
        wanted = self._output.writable()
        short = self._count()
        if short > self._seen:
            now = self._clock()
            slow = [s for s in self._recent if s.ended >= now - LOOK_BACK_S]
            worst = max(slow, key=lambda s: s.seconds, default=Slow("", now, now, 0.0))
            self.shortfalls.extend([Shortfall(now, worst)] * (short - self._seen))
            self._seen = short
        return wanted

    def write(self, frames: Float32) -> None:
        """See `Output.write`."""
        self._output.write(frames)
        self._begin("ahead")

    def wait(self) -> None:
        """See `Output.wait`."""
        self._begin("wait")
        self._output.wait()

    def _count(self) -> int:
        return int(self._output.counters().get("shortfalls", 0))

    def _begin(self, part: str) -> None:
        """The stretch before has ended, and one of `part` begins."""
        now, cpu = self._clock(), self._cpu_clock()
        if self._at is not None:
            done = Slow(self._part, self._at[0], now, cpu - self._at[1])
            self._recent.append(done)
            if done.seconds > self._output.block / self._output.rate:
                self.late.append(done)
        self._part, self._at = part, (now, cpu)
