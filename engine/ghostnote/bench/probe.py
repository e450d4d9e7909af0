"""A JACK client that records ports with their frame times, to set sound against what caused it."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

CONNECT_LIMIT_S = 10.0
PRIORITY = 45
"""SCHED_FIFO priority of the probe, below the engine's."""
_FRAME_CYCLE = 1 << 32


@dataclass(frozen=True)
class Moment:
    """A frame of the server, counted from the recording's first, and `time.monotonic()` at it."""

    frame: int
    at_s: float


class Probe:
    """Records `inputs` ports for up to `seconds`; frames are counted by the server's own clock.

    Times of what is sent (`now`) and of what is heard come from one clock, the server's. A cycle that the
    probe missed (its process was not run in time) is a gap, not a shift.
    """

    def __init__(self, server: str, inputs: int, seconds: float) -> None:
        import jack

        jack.set_error_function(lambda text: None)
        jack.set_info_function(lambda text: None)
        self._client: Any = jack.Client("ghostnote-probe", servername=server, no_start_server=True)
        self.rate = int(self._client.samplerate)
        self.block = int(self._client.blocksize)
        self.xruns = 0
        self.cycles = 0
        self._wake_s = np.zeros(round(seconds * self.rate / self.block) + 1024)
        self._wake_frames = np.zeros(len(self._wake_s), dtype=np.int64)
        self._ports = [self._client.inports.register(f"in_{i}") for i in range(inputs)]
        self._sound: Float32 = np.zeros((inputs, round(seconds * self.rate)), dtype=np.float32)
        self._heard = np.zeros(self._sound.shape[1] // self.block + 1, dtype=np.bool_)
        self._first = -1
        self._client.set_process_callback(self._process)
        self._client.set_xrun_callback(self._count_xrun)

    def __enter__(self) -> Probe:
        gc.collect()
        gc.disable()
        self._client.activate()
        deadline = time.monotonic() + CONNECT_LIMIT_S
        while self._first < 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        _raise_own_threads()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.deactivate()
        self._client.close()
        gc.enable()

    def sources(self) -> set[str]:
        """Names of the programs' audio outputs that are there now."""
        ports = self._client.get_ports(is_audio=True, is_output=True, is_physical=False)
        return {str(port.name) for port in ports}

    def connect(self, source: str, index: int) -> None:
        """Record port `source` as input `index`."""
        self._client.connect(source, self._ports[index])

    def wait_for_source(self, known: set[str], limit_s: float = CONNECT_LIMIT_S) -> str:
        """Name of the first audio output that is not in `known`; RuntimeError if none appears."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            new = sorted(self.sources() - known)
            if new:
                return new[0]
            time.sleep(0.002)
        raise RuntimeError("no audio output appeared at the JACK server")

    def now(self) -> Moment:
        """This moment, by the server's clock and by the computer's."""
        return Moment((int(self._client.frame_time) - self._first) % _FRAME_CYCLE, time.monotonic())

    def is_sound(self, moment: Moment, end: int) -> bool:
        """Whether the recording from `moment` to frame `end` can be trusted.

        Every cycle was recorded, and the server's clock did not jump: when the server itself comes late, it
        guesses frames that it then corrects. The first cycles after the moment tell.
        """
        start = moment.frame // self.block
        if start < 2 or not self._heard[start - 2 : end // self.block + 1].all():
            return False
        n = min(self.cycles, len(self._wake_s))
        following = int(np.searchsorted(self._wake_s[:n], moment.at_s))
        if following >= n:
            return False
        ahead = int(self._wake_frames[following]) - moment.frame
        return -2 * self.block <= ahead <= 2 * self.block

    def recorded(self, index: int) -> Float32:
        """What input `index` heard, one sample for each frame since the recording began."""
        sound: Float32 = self._sound[index]
        return sound

    def wake_jitter_ms(self) -> NDArray[np.float64]:
        """How much later than the earliest of their second the cycles came, in ms, shape (cycles,)."""
        n = min(self.cycles, len(self._wake_s))
        late = self._wake_s[:n] - self._wake_frames[:n] / self.rate
        groups = (self._wake_frames[:n] // self.rate).astype(np.int64)
        earliest = np.full(int(groups.max(initial=0)) + 1, np.inf)
        np.minimum.at(earliest, groups, late)
        return np.asarray(1e3 * (late - earliest[groups]))

    def _process(self, frames: int) -> None:
        """One cycle. Thread: JACK's. Copies only."""
        at = int(self._client.last_frame_time)
        if self._first < 0:
            self._first = at
        start = (at - self._first) % _FRAME_CYCLE
        if start + frames > self._sound.shape[1]:
            return
        for row, port in zip(self._sound, self._ports, strict=True):
            row[start : start + frames] = np.frombuffer(port.get_buffer(), dtype=np.float32)
        self._heard[start // self.block] = True
        if self.cycles < len(self._wake_s):
            self._wake_s[self.cycles] = time.monotonic()
            self._wake_frames[self.cycles] = start
        self.cycles += 1

    def _count_xrun(self, delayed_us: float) -> None:
        self.xruns += 1


def _raise_own_threads() -> None:
    """Real-time priority for this process, where it is granted, so that the probe is not what is late."""
    if not sys.platform.startswith("linux"):
        return
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(int(task), os.SCHED_FIFO, os.sched_param(PRIORITY))
