"""Input by blocking reads in a thread of its own: for devices that rtmixer cannot record."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy as np

from ghostnote.audio.devices import Device, quiet_stderr, sounddevice
from ghostnote.audio.input import MAX_CHANNELS, Float32, InputState
from ghostnote.audio.output import close_within
from ghostnote.errors import DeviceError

BLOCK = 128
_KEPT = 1500
"""Blocks that wait for the listener: four seconds."""


class BlockingInput:
    """A device read by a thread, which waits inside PortAudio. Thread: as `Input`."""

    def __init__(self, device: Device) -> None:
        """Open and start. Raises DeviceError."""
        sd = sounddevice()
        self._error: type[Exception] = sd.PortAudioError
        self.channels = min(MAX_CHANNELS, device.channels)
        try:
            with quiet_stderr():
                self._stream: Any = sd.RawInputStream(
                    device=device.index,
                    samplerate=device.rate,
                    channels=self.channels,
                    dtype="float32",
                    latency=device.latency_s,
                )
                self._stream.start()
        except (sd.PortAudioError, ValueError) as error:
            raise DeviceError(
                f"input {device.label!r} cannot be opened at {device.rate} Hz: {error}; "
                "is another program holding it?"
            ) from error
        self.name = device.label
        self.rate = round(self._stream.samplerate)
        self.latency_s = float(self._stream.latency)
        self._blocks: deque[Float32] = deque(maxlen=_KEPT)
        self._overflows = 0
        self._state = InputState.RUNNING
        self._thread = threading.Thread(target=self._run, name="ghostnote-input", daemon=True)
        self._thread.start()

    @property
    def state(self) -> InputState:
        """LOST when a read failed."""
        return self._state

    def read(self) -> Float32:
        """All frames that have come in since the last call, shape (n, channels)."""
        taken = [np.zeros((0, self.channels), dtype=np.float32)]
        while self._blocks:
            taken.append(self._blocks.popleft())
        return np.concatenate(taken)

    def counters(self) -> dict[str, float]:
        """How often something was lost."""
        return {"overflows": self._overflows}

    def close(self) -> None:
        """End the thread and the stream; gives up after two seconds."""
        if self._state is not InputState.CLOSED:
            self._state = InputState.CLOSED
            close_within(self._stop)

    def _stop(self) -> None:
        self._thread.join()
        self._stream.close(ignore_errors=True)

    def _run(self) -> None:
        while self._state is InputState.RUNNING:
            try:
                data, lost = self._stream.read(BLOCK)
            except self._error:
                if self._state is InputState.RUNNING:
                    self._state = InputState.LOST
                return
            self._overflows += bool(lost) + (len(self._blocks) == _KEPT)
            self._blocks.append(np.frombuffer(data, dtype=np.float32).reshape(-1, self.channels).copy())
