"""Output by blocking writes from a thread of its own: for devices that rtmixer cannot play."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from ghostnote.audio.devices import Device, quiet_stderr, sounddevice
from ghostnote.audio.output import Float32, OutputState, close_within
from ghostnote.audio.pace import BlockPace
from ghostnote.audio.ring import FADE_FRAMES, RingOutput, fade_in
from ghostnote.errors import DeviceError

DEFAULT_BLOCK = 256
_SPARE = 4


class BlockingOutput(RingOutput):
    """A device written to by a thread, which takes block after block from a ring of fixed size.

    The thread waits inside PortAudio, where no interpreter is needed. When the ring has less than a
    block, the rest is silence and counted; what comes after is faded in.

    Thread: render thread, except `counters`, `state`, `close`. Realtime-safe: yes. The ring has one writer
    and one reader; each changes only its own counter.
    """

    closed_cleanly = True
    """False after a `close` that did not come back."""

    def __init__(
        self, device: Device, *, rate: int, block: int = 0, channels: int = 2, ahead_blocks: int = 2
    ) -> None:
        sd = sounddevice()
        self._error: type[Exception] = sd.PortAudioError
        try:
            with quiet_stderr():
                self._stream: Any = sd.RawOutputStream(
                    device=device.index,
                    samplerate=rate,
                    channels=channels,
                    dtype="float32",
                    blocksize=block,
                    latency=block / rate if block else device.latency_s,
                    dither_off=True,
                    clip_off=True,
                )
                self._stream.start()
        except (sd.PortAudioError, ValueError) as error:
            raise DeviceError(
                f"device {device.label!r} cannot be opened with {channels} channels at {rate} Hz: {error}"
            ) from error
        actual_rate = round(self._stream.samplerate)
        super().__init__(
            device.label, actual_rate, channels, round(float(self._stream.latency) * actual_rate)
        )
        self._block = block or DEFAULT_BLOCK
        self._target = ahead_blocks * self._block
        self._capacity = _SPARE * self._target
        self._memory = np.zeros((self._capacity, channels), dtype=np.float32)
        self._written = self._taken = 0
        self._taken_at = time.monotonic()
        self._seen = 0
        self._blocks = self._xruns = self._shortfalls = self._shortfall_frames = self._overruns = 0
        self._fade_left = FADE_FRAMES
        self._state = OutputState.RUNNING
        self._armed = False
        self._pace = BlockPace(self._block / self._rate)
        self._thread = threading.Thread(target=self._run, name="ghostnote-output", daemon=True)
        self._thread.start()

    @property
    def state(self) -> OutputState:
        """LOST when a write failed."""
        return self._state

    def writable(self) -> int:
        """Frames wanted now."""
        return max(0, self._target - (self._written - self._taken))

    def write(self, frames: Float32) -> None:
        """Queue `frames`, shape (n, channels), float32."""
        room = self._capacity - (self._written - self._taken)
        if len(frames) > room:
            self._overruns += len(frames) - room
            frames = frames[:room]
        at = self._written % self._capacity
        head = min(len(frames), self._capacity - at)
        self._memory[at : at + head] = frames[:head]
        self._memory[: len(frames) - head] = frames[head:]
        self._written += len(frames)

    def wait(self) -> None:
        """Sleep to just after the moment at which the thread should take its next block."""
        time.sleep(self._pace.sleep_s(time.monotonic()))
        if self._seen != self._taken:
            self._seen = self._taken
            self._pace.taken(self._taken_at)

    def position(self) -> tuple[int, float]:
        """Frames handed to the device, and when the last of them were."""
        while True:
            taken, at = self._taken, self._taken_at
            if taken == self._taken:
                return taken, at

    def counters(self) -> dict[str, float]:
        """The same as `RtmixerOutput.counters`."""
        return {
            "blocks": self._blocks,
            "device_xruns": self._xruns,
            "shortfalls": self._shortfalls,
            "shortfall_frames": self._shortfall_frames,
            "rearms": 0,
            "overrun_frames": self._overruns,
            "min_block": self._block,
            "max_block": self._block,
        }

    def close(self) -> None:
        """End the thread and the stream; gives up after two seconds."""
        if self._state is not OutputState.CLOSED:
            self._state = OutputState.CLOSED
            self.closed_cleanly = close_within(self._stop)

    def _stop(self) -> None:
        self._thread.join()
        self._stream.close(ignore_errors=True)

    def _run(self) -> None:
        """The writing thread: one block after the other, silence where there is none."""
        block = np.zeros((self._block, self._channels), dtype=np.float32)
        while self._state is OutputState.RUNNING:
            self._armed = self._armed or self._written - self._taken >= self._block
            ready = self._patiently() if self._armed else 0
            self._copy(block, ready)
            try:
                underflowed = self._stream.write(block)
            except self._error:
                if self._state is OutputState.RUNNING:
                    self._state = OutputState.LOST
                return
            self._blocks += 1
            self._xruns += bool(underflowed)

    def _patiently(self) -> int:
        """Frames to take: a whole block, or what there is shortly before PortAudio runs dry itself."""
        deadline = time.monotonic() + 0.9 * self._block / self._rate
        while self._written - self._taken < self._block and time.monotonic() < deadline:
            time.sleep(0.0002)
        return min(self._block, self._written - self._taken)

    def _copy(self, block: Float32, ready: int) -> None:
        at = self._taken % self._capacity
        head = min(ready, self._capacity - at)
        block[:head] = self._memory[at : at + head]
        block[head:ready] = self._memory[: ready - head]
        block[ready:] = 0.0
        if self._fade_left and ready:
            block[:ready] *= fade_in(FADE_FRAMES - self._fade_left, ready)
            self._fade_left = max(0, self._fade_left - ready)
        if ready:
            self._taken_at = time.monotonic()
            self._taken += ready
        if self._armed and ready < self._block:
            self._shortfalls += 1
            self._shortfall_frames += self._block - ready
            self._fade_left = FADE_FRAMES
