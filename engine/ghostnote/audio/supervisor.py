"""Watches an output: when it stalls or goes away, plays on into the null device and opens it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ghostnote.audio.null_output import NullOutput
from ghostnote.audio.output import Float32, Output, OutputState
from ghostnote.audio.ring import fade_in
from ghostnote.errors import DeviceError
from ghostnote.telemetry import Telemetry

STALL_S = 0.25
STALL_BLOCKS = 10
STATE_EVERY_S = 0.1
BACK_OFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Waits before the attempts to open the device again; the last one is repeated."""
FADE_IN_S = 0.05
_LEVELS = ("min_block", "max_block")


def _in_thread(job: Callable[[], None]) -> None:
    threading.Thread(target=job, name="ghostnote-reopen", daemon=True).start()


class SupervisedOutput:
    """An `Output` around a real one, that outlives it.

    STALLED: nothing was taken for 250 ms or ten blocks, though a block was ready. Then, or when the stream
    says that it ended, the old output is closed in a helper thread, the null device takes over at the same
    pace, and `opener(rate)` is called, in a helper thread too, until it gives an output of the same rate;
    that one fades in. A driver that does not even close is not touched again: `restart_needed` tells the
    parent process that only a new process helps (PortAudio with a JACK server that died is such a case).

    `lost`: there is no device yet, and `output` is the null device. `clock`, `sleep`, `spawn`: stand-ins for
    tests.

    Thread: as `Output`. Realtime-safe: yes; opening and closing happen elsewhere.
    """

    def __init__(
        self,
        output: Output,
        opener: Callable[[int], Output],
        telemetry: Telemetry,
        *,
        lost: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        spawn: Callable[[Callable[[], None]], None] = _in_thread,
    ) -> None:
        self._now: Output = output
        self._opener = opener
        self._telemetry = telemetry
        self._clock = clock
        self._sleep = sleep
        self._spawn = spawn
        self._rate = output.rate
        self._channels = output.channels
        self._state = OutputState.LOST if lost else OutputState.RUNNING
        self._real = not lost
        self._base = 0
        self._written = 0
        self._fade_from: int | None = None
        self._seen = 0
        self._seen_at = self._state_at = clock()
        self._arrived: Output | None = None
        self._retired = True
        self._opening = False
        self._attempts = 0
        self._due = 0.0
        self._losses = self._reopens = 0
        self._past: dict[str, float] = {}
        self.restart_needed = False
        """Whether the driver is stuck for good, so that only another process can play."""

    @property
    def name(self) -> str:
        """Name of the present device."""
        return self._now.name

    @property
    def rate(self) -> int:
        """Sample rate in Hz; stays the same over reopening."""
        return self._rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self._channels

    @property
    def block(self) -> int:
        """Frames that the present device takes at a time."""
        return self._now.block

    @property
    def ring_frames(self) -> int:
        """Frames that the present ring is kept filled with."""
        return self._now.ring_frames

    @property
    def latency_frames(self) -> int:
        """Frames from writing to sounding with the present device."""
        return self._now.latency_frames

    @property
    def state(self) -> OutputState:
        """RUNNING; STALLED until the old device is closed; LOST until it is open again; CLOSED."""
        return self._state

    def writable(self) -> int:
        """Frames wanted now; the watch is kept here, since the render thread comes by all the time."""
        now = self._clock()
        if self._state is OutputState.RUNNING:
            self._watch(now)
        elif self._state is not OutputState.CLOSED:
            self._recover(now)
        return self._now.writable()

    def write(self, frames: Float32) -> None:
        """Queue `frames`, shape (n, channels); faded in after a reopening."""
        if self._fade_from is not None:
            done = self._written - self._fade_from
            frames = frames * fade_in(done, len(frames), FADE_IN_S * self._rate)
            if done >= FADE_IN_S * self._rate:
                self._fade_from = None
        self._written += len(frames)
        self._now.write(frames)

    def wait(self) -> None:
        """Sleep until the present device has probably taken its next block."""
        self._now.wait()

    def position(self) -> tuple[int, float]:
        """Frames taken so far; what a lost device had not played counts as taken."""
        taken, at = self._now.position()
        return self._base + taken, at

    def counters(self) -> dict[str, float]:
        """Counters of all devices together, and `losses`, `reopens`, `restart_needed`."""
        merged = dict(self._past)
        if self._real:
            _add(merged, self._now.counters())
        merged.update(losses=self._losses, reopens=self._reopens, restart_needed=self.restart_needed)
        return merged

    def close(self) -> None:
        """Close whatever is open; returns within two seconds."""
        self._state = OutputState.CLOSED
        self._now.close()
        late, self._arrived = self._arrived, None
        if late is not None:
            late.close()

    def _watch(self, now: float) -> None:
        taken, _ = self._now.position()
        waiting = self._written - self._base - taken
        if taken != self._seen or waiting < self._now.block:
            self._seen, self._seen_at = taken, now
        elif now - self._seen_at > max(STALL_S, STALL_BLOCKS * self._now.block / self._rate):
            self._lose(now, "takes no sound any more")
            return
        if now - self._state_at > STATE_EVERY_S:
            self._state_at = now
            if self._now.state is OutputState.LOST:
                self._lose(now, "went away")

    def _lose(self, now: float, why: str) -> None:
        lost = self._now
        _add(self._past, lost.counters())
        self._losses += 1
        self._state = OutputState.STALLED
        self._real = False
        self._retired = False
        self._attempts = 0
        self._due = now + BACK_OFF_S[0]
        self._swap(
            NullOutput(self._rate, lost.block, channels=self._channels, clock=self._clock, sleep=self._sleep)
        )
        self._telemetry.trouble(
            "audio.lost", f"the audio device {why}; playing on without it, opening it again"
        )
        self._spawn(lambda: self._retire(lost))

    def _retire(self, lost: Output) -> None:
        """Close a lost output. Thread: helper."""
        lost.close()
        if getattr(lost, "closed_cleanly", True):
            self._retired = True
            return
        self.restart_needed = True
        self._telemetry.trouble(
            "audio.stuck",
            "the audio driver does not answer any more; the engine must be restarted to be heard",
        )

    def _recover(self, now: float) -> None:
        if self._arrived is not None:
            back, self._arrived = self._arrived, None
            self._swap(back)
            self._fade_from = self._written
            self._state = OutputState.RUNNING
            self._real = True
            self._reopens += 1
            self._seen_at = self._state_at = now
            self._telemetry.trouble("audio.back", "the audio device is back")
        elif self._retired and not self._opening:
            self._state = OutputState.LOST
            if now >= self._due:
                self._opening = True
                self._spawn(self._try_to_open)

    def _try_to_open(self) -> None:
        """One attempt. Thread: helper."""
        try:
            opened = self._opener(self._rate)
            if opened.rate != self._rate:
                opened.close()
                raise DeviceError(f"the device came back at {opened.rate} Hz instead of {self._rate} Hz")
            if self._state is OutputState.CLOSED:
                opened.close()
            else:
                self._arrived = opened
        except DeviceError as error:
            self._attempts += 1
            self._due = self._clock() + BACK_OFF_S[min(self._attempts, len(BACK_OFF_S) - 1)]
            self._telemetry.count("audio.reopen_failed")
            if self._attempts == 1:
                self._telemetry.trouble("audio.reopen", f"the audio device is not back yet: {error}")
        finally:
            self._opening = False

    def _swap(self, output: Output) -> None:
        self._now = output
        self._base = self._written
        self._seen = 0


def _add(total: dict[str, float], more: dict[str, float]) -> None:
    for key, value in more.items():
        total[key] = value if key in _LEVELS else total.get(key, 0) + value
