"""A JACK client that records ports with their frame times, to set sound against what caused it."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

CONNECT_LIMIT_S = 10.0
PRIORITY = 45
"""SCHED_FIFO priority of the probe, below the engine's."""
PADS = "pads"
KEPT_XRUNS = 1 << 17
_FRAME_CYCLE = 1 << 32
_RECENT = 4
_NOTE_ON = 0x90


class Probe:
    """Records `inputs` audio ports for up to `seconds`; has a MIDI output, as a controller would.

    Frames are counted from the first one. Times are those of `time.monotonic()`; a frame's time is that of
    its cycle, seen at the earliest of the last cycles' wake-ups. The server's own estimate
    (`jack_frame_time`) is not used: it is a slow loop that needs seconds to come back after the server was
    late once. A cycle that the probe missed (its process was not run in time) is a gap, not a shift.
    """

    def __init__(self, server: str, inputs: int, seconds: float) -> None:
        import jack

        gc.collect()  # now: whoever sees the ports wants to connect to them, which needs an active client
        jack.set_error_function(lambda text: None)
        jack.set_info_function(lambda text: None)
        self._client: Any = jack.Client("ghostnote-probe", servername=server, no_start_server=True)
        self.name = str(self._client.name)
        self.rate = int(self._client.samplerate)
        self.block = int(self._client.blocksize)
        self.xruns = 0
        self.xruns_at: deque[float] = deque(maxlen=KEPT_XRUNS)
        """When the server told of each, in s of `time.monotonic()`."""
        self.cycles = 0
        self._wake_s = np.zeros(round(seconds * self.rate / self.block) + 1024)
        self._wake_frames = np.zeros(len(self._wake_s), dtype=np.int64)
        self._ports = [self._client.inports.register(f"in_{i}") for i in range(inputs)]
        # Not by python-rtmidi: it keeps the interpreter while it waits for the server, which waits for this
        # client's callbacks.
        self._pads = self._client.midi_outports.register(PADS)
        self._outgoing: deque[bytes] = deque()
        self.notes: list[int] = []
        """First frames of the cycles in which note-ons were sent."""
        self._sound: Float32 = np.zeros((inputs, round(seconds * self.rate)), dtype=np.float32)
        self._heard = np.zeros(self._sound.shape[1] // self.block + 1, dtype=np.bool_)
        self._first = -1
        self._had_priorities: Mapping[int, tuple[int, os.sched_param]] = {}
        self._client.set_process_callback(self._process)
        self._client.set_xrun_callback(self._count_xrun)

    def __enter__(self) -> Probe:
        gc.disable()
        self._client.activate()
        deadline = time.monotonic() + CONNECT_LIMIT_S
        while self._first < 0 and time.monotonic() < deadline:
            time.sleep(0.005)
        self._had_priorities = _raise_own_threads()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.deactivate()
        self._client.close()
        _lower_own_threads(self._had_priorities)
        gc.enable()

    def sources(self) -> set[str]:
        """Names of the programs' audio outputs that are there now."""
        ports = self._client.get_ports(is_audio=True, is_output=True, is_physical=False)
        return {str(port.name) for port in ports}

    def send(self, data: Sequence[int]) -> None:
        """Send a MIDI message from the port `PADS` at the start of the next cycle."""
        self._outgoing.append(bytes(data))

    def wait_for_listener(self, limit_s: float = CONNECT_LIMIT_S) -> None:
        """Wait until someone is connected to the port `PADS`; RuntimeError if nobody comes."""
        deadline = time.monotonic() + limit_s
        while not self._client.get_all_connections(self._pads):
            if time.monotonic() >= deadline:
                raise RuntimeError(f"nobody connected to the probe's MIDI port within {limit_s:.0f} s")
            time.sleep(0.02)

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

    @property
    def heard_frames(self) -> int:
        """How far the recording has come."""
        n = min(self.cycles, len(self._wake_s))
        return int(self._wake_frames[n - 1]) if n else 0

    def time_of(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """When recorded frames were at the port, shape as `frames`."""
        starts, times = self._cycles()
        cycle = np.clip(np.searchsorted(starts, frames, side="right") - 1, 0, None)
        return np.asarray(times[cycle] + (frames - starts[cycle]) / self.rate)

    def frame_at(self, at_s: float) -> int:
        """The frame that was at the port at a time."""
        starts, times = self._cycles()
        cycle = max(0, int(np.searchsorted(times, at_s)) - 1)
        return int(starts[cycle] + min((at_s - times[cycle]) * self.rate, self.block - 1))

    def is_whole(self, start: int, end: int) -> bool:
        """Whether every cycle from frame `start` to `end` was recorded."""
        return start >= 0 and bool(self._heard[start // self.block : end // self.block + 1].all())

    def recorded(self, index: int) -> Float32:
        """What input `index` heard, one sample for each frame since the recording began."""
        sound: Float32 = self._sound[index]
        return sound

    def wake_jitter_ms(self) -> NDArray[np.float64]:
        """How much later than the earliest of the last few the cycles came, in ms, shape (cycles,)."""
        _, times = self._cycles()
        return np.asarray(1e3 * (self._wake_s[: len(times)] - times))

    def _cycles(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """First frame and time of each recorded cycle."""
        n = min(self.cycles, len(self._wake_s))
        return self._wake_frames[:n], cycle_times(self._wake_frames[:n], self._wake_s[:n], self.rate)

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
        self._pads.clear_buffer()
        while self._outgoing:
            data = self._outgoing.popleft()
            self._pads.write_midi_event(0, data)
            if data[0] & 0xF0 == _NOTE_ON:
                self.notes.append(start)
        self._heard[start // self.block] = True
        if self.cycles < len(self._wake_s):
            self._wake_s[self.cycles] = time.monotonic()
            self._wake_frames[self.cycles] = start
        self.cycles += 1

    def _count_xrun(self, delayed_us: float) -> None:
        self.xruns += 1
        self.xruns_at.append(time.monotonic())


def cycle_times(starts: NDArray[np.int64], wakes_s: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """When each cycle began, in s, from when the probe woke in it (late, never early).

    `starts`: first frames, `wakes_s`: wake-ups, both of shape (n,). The earliest of the last `_RECENT`
    wake-ups counts, each moved on by the frames between; so few that a late server is followed at once.
    """
    late = wakes_s - starts / rate
    earliest = late.copy()
    for back in range(1, _RECENT):
        np.minimum(earliest[back:], late[:-back], out=earliest[back:])
    return np.asarray(earliest + starts / rate)


def _raise_own_threads() -> dict[int, tuple[int, os.sched_param]]:
    """Real-time priority for this process, where it is granted, so that the probe is not what is late.

    What the threads had before, by native id. It is reset in processes that are started meanwhile: what is
    measured must have the priority that it has by itself.
    """
    before: dict[int, tuple[int, os.sched_param]] = {}
    if not sys.platform.startswith("linux"):
        return before
    for task in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(OSError):
            had = os.sched_getscheduler(task), os.sched_getparam(task)
            os.sched_setscheduler(task, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
            before[task] = had
    return before


def _lower_own_threads(before: Mapping[int, tuple[int, os.sched_param]]) -> None:
    """Give the threads back what they had."""
    for task, (policy, param) in before.items():
        with contextlib.suppress(OSError):
            os.sched_setscheduler(task, policy, param)
