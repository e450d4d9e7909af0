"""A JACK client that plays sounds into a program's input, and knows when each sample was there."""

from __future__ import annotations

import gc
import time
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.probe import cycle_times

Float32 = NDArray[np.float32]

CONNECT_LIMIT_S = 30.0


class HitsClient:
    """Plays one sound at a time. Times are those of `time.monotonic()`, as for a device that records: the
    samples of a cycle came in during the period before it."""

    def __init__(self, server: str, seconds: float) -> None:
        import jack

        jack.set_error_function(lambda text: None)
        jack.set_info_function(lambda text: None)
        self._client: Any = jack.Client("ghostnote-hits", servername=server, no_start_server=True)
        self.rate, self.block = int(self._client.samplerate), int(self._client.blocksize)
        self._port = self._client.outports.register("out")
        self._wakes = np.zeros(round(seconds * self.rate / self.block) + 1024)
        self._starts = np.zeros(len(self._wakes), dtype=np.int64)
        self._cycles = 0
        self._first = -1
        self._next: tuple[Float32, int] | None = None
        self._left: Float32 = np.zeros(0, dtype=np.float32)
        self.begun: list[int] = []
        """First frame of each sound that was played."""
        self._client.set_process_callback(self._process)

    def __enter__(self) -> HitsClient:
        gc.collect()
        gc.disable()
        self._client.activate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.deactivate()
        self._client.close()
        gc.enable()

    def connect(self, but: str | None = None) -> None:
        """Play into every program that records, except one. Raises UnavailableError when none does."""
        deadline = time.monotonic() + CONNECT_LIMIT_S
        while time.monotonic() < deadline:
            ports = self._recording(but)
            for port in ports:
                self._client.connect(self._port, port)
            if ports:
                return
            time.sleep(0.05)
        raise UnavailableError("no program listens at the JACK server")

    def plug(self, source: str, but: str | None = None) -> None:
        """Connect another program's output to what this one plays into, instead of it."""
        for port in self._recording(but):
            self._client.disconnect(self._port, port)
            self._client.connect(source, port)

    def unplug(self, source: str, but: str | None = None) -> None:
        """Undo `plug`."""
        for port in self._recording(but):
            self._client.disconnect(source, port)
            self._client.connect(self._port, port)

    def play(self, sound: Float32, after: int = 0) -> None:
        """Begin a sound (n,) so many frames after the start of the next cycle."""
        self._next = np.pad(sound, (after, 0)), after

    def time_of(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """When frames came in, shape as `frames`."""
        n = min(self._cycles, len(self._wakes))
        starts = self._starts[:n]
        times = cycle_times(starts, self._wakes[:n], self.rate)
        cycle = np.clip(np.searchsorted(starts, frames, side="right") - 1, 0, None)
        return np.asarray(times[cycle] + (frames - starts[cycle] - self.block) / self.rate)

    def _recording(self, but: str | None) -> list[Any]:
        """Input ports of programs, without those of the one called `but`."""
        ports = self._client.get_ports(is_audio=True, is_input=True)
        programs = [port for port in ports if not port.is_physical]
        return [port for port in programs if but is None or not port.name.startswith(f"{but}:")]

    def _process(self, frames: int) -> None:
        """One cycle. Thread: JACK's."""
        now, at = time.monotonic(), int(self._client.last_frame_time)
        if self._first < 0:
            self._first = at
        start = at - self._first
        if self._cycles < len(self._wakes):
            self._wakes[self._cycles], self._starts[self._cycles] = now, start
            self._cycles += 1
        if self._next is not None:
            self._left, after = self._next
            self._next = None
            self.begun.append(start + after)
        out = np.frombuffer(self._port.get_buffer(), dtype=np.float32)
        part = self._left[:frames]
        out[: len(part)] = part
        out[len(part) :] = 0.0
        self._left = self._left[frames:]
