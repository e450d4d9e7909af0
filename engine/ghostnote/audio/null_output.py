"""A device that plays to nobody: clocked like a real one or free-running, with faults on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from ghostnote.audio.output import Float32, OutputState
from ghostnote.audio.ring import RingOutput

FREE_RUNNING_AHEAD_BLOCKS = 1
MAX_WAIT_S = 0.005


class NullOutput(RingOutput):
    """An `Output` without a device, computed from a clock: no thread, exact block arithmetic.

    `blocks`: frames of the device's successive reads (repeated for ever) instead of always `block`.
    `free_running`: takes what is written at once and counts time in frames, for offline work.
    `record_s`: keep up to that many seconds of what was played, silence of shortfalls included.
    `clock`, `sleep`: stand-ins for `time.monotonic` and `time.sleep` in tests.

    Thread: render thread, faults from any. Realtime-safe: yes, unless it records.
    """

    def __init__(
        self,
        rate: int = 48000,
        block: int = 256,
        *,
        channels: int = 2,
        ahead_blocks: int = 2,
        blocks: Sequence[int] | None = None,
        free_running: bool = False,
        record_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__("null device", rate, channels)
        self._blocks = tuple(blocks) if blocks is not None else (block,)
        self._block = max(self._blocks)
        self._target = self._block * (FREE_RUNNING_AHEAD_BLOCKS if free_running else ahead_blocks)
        self._free = free_running
        self._clock = clock
        self._sleep = sleep
        self._state = OutputState.RUNNING
        self._opened_at = clock()
        self._epoch = self._opened_at
        self._frames_due = 0
        self._reads = 0
        self._written = 0
        self._taken = 0
        self._taken_at = self._opened_at
        self._armed = False
        self._late_s: list[float] = []
        self._shortfalls = 0
        self._shortfall_frames = 0
        self._overruns = 0
        self._capacity = round(record_s * rate)
        self._pending = np.zeros((0, channels), dtype=np.float32)
        self._kept = np.zeros((self._capacity, channels), dtype=np.float32)
        self._kept_frames = 0

    @property
    def state(self) -> OutputState:
        """RUNNING, or what the last fault made of it. A stall does not show: a real device hides it too."""
        return self._state

    def writable(self) -> int:
        """Frames wanted now; 0 when full, lost or closed."""
        self._catch_up()
        if self._state is not OutputState.RUNNING:
            return 0
        return max(0, self._target - (self._written - self._taken))

    def write(self, frames: Float32) -> None:
        """Queue `frames`, shape (n, channels); what exceeds four rings is cut and counted."""
        self._catch_up()
        if self._state is not OutputState.RUNNING:
            return
        if not self._free:
            room = 4 * self._target - (self._written - self._taken)
            if len(frames) > room:
                self._overruns += len(frames) - room
                frames = frames[:room]
        self._written += len(frames)
        if self._capacity:
            self._pending = np.concatenate([self._pending, np.asarray(frames, dtype=np.float32)])
        if self._free:
            self._take(self._written - self._taken)
            self._taken_at = self._opened_at + self._taken / self._rate
        elif not self._armed and self._written - self._taken >= self._block:
            self._armed = True

    def wait(self) -> None:
        """Sleep until the next block is due, at most 5 ms; does nothing when free-running."""
        if not self._free:
            self._sleep(min(max(self._due_at() - self._clock(), 1e-4), MAX_WAIT_S))

    def position(self) -> tuple[int, float]:
        """Frames taken so far and when the last block was (in virtual seconds when free-running)."""
        self._catch_up()
        return self._taken, self._taken_at

    def counters(self) -> dict[str, float]:
        """`blocks`, `shortfalls`, `shortfall_frames`, `overrun_frames`, `min_block`, `max_block`."""
        return {
            "blocks": self._reads,
            "shortfalls": self._shortfalls,
            "shortfall_frames": self._shortfall_frames,
            "overrun_frames": self._overruns,
            "min_block": min(self._blocks),
            "max_block": self._block,
        }

    def close(self) -> None:
        """Stop for good."""
        self._state = OutputState.CLOSED

    def stall(self, seconds: float) -> None:
        """Fault: take nothing for `seconds` from now, then go on without catching up."""
        self._catch_up()
        self._epoch = max(self._epoch, self._clock() - self._frames_due / self._rate) + seconds

    def lose(self) -> None:
        """Fault: the device is gone."""
        self._catch_up()
        self._state = OutputState.LOST

    def return_(self) -> None:
        """End of `lose`: the device is back, its ring empty."""
        self._state = OutputState.RUNNING
        self._taken = self._written
        self._pending = self._pending[:0]
        self._armed = False
        self._epoch = self._clock() - self._frames_due / self._rate

    def late(self, *lateness_s: float) -> None:
        """Fault: the next reads come that many seconds after they are due; those after them are in time."""
        self._late_s.extend(lateness_s)

    def recorded(self) -> Float32:
        """What was played, shape (n, channels), from the first block on until `record_s` was full."""
        self._catch_up()
        return self._kept[: self._kept_frames].copy()

    def _due_at(self) -> float:
        """Moment of the next read: when the block before it has been played."""
        late = self._late_s[0] if self._late_s else 0.0
        upcoming = self._blocks[self._reads % len(self._blocks)]
        return self._epoch + (self._frames_due + upcoming) / self._rate + late

    def _catch_up(self) -> None:
        """Do the reads that are due by now."""
        if self._free or self._state is not OutputState.RUNNING:
            return
        now = self._clock()
        while self._due_at() <= now:
            due_at = self._due_at()
            size = self._blocks[self._reads % len(self._blocks)]
            self._frames_due += size
            self._reads += 1
            if self._late_s:
                self._late_s.pop(0)
            if not self._armed:
                continue
            got = min(size, self._written - self._taken)
            self._take(got)
            if got:
                self._taken_at = due_at
            if got < size:
                self._shortfalls += 1
                self._shortfall_frames += size - got
                self._keep(np.zeros((size - got, self._channels), dtype=np.float32))

    def _take(self, frames: int) -> None:
        self._taken += frames
        if self._capacity:
            self._keep(self._pending[:frames])
            self._pending = self._pending[frames:]

    def _keep(self, frames: Float32) -> None:
        room = self._capacity - self._kept_frames
        take = min(room, len(frames))
        self._kept[self._kept_frames : self._kept_frames + take] = frames[:take]
        self._kept_frames += take
