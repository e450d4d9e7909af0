"""Input through rtmixer: the device's callback is C and copies into a ring; no Python runs in it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ghostnote.audio.devices import Device, quiet_stderr, sounddevice
from ghostnote.audio.input import MAX_CHANNELS, Float32, InputState
from ghostnote.audio.output import close_within
from ghostnote.errors import DeviceError

RING_S = 4.0
"""So long the listener may be away."""
SILENT_S = 2.0
"""A device that gives nothing for so long is lost, whatever it says."""


class RtmixerInput:
    """A device recorded by `rtmixer.Recorder` into a `RingBuffer`.

    rtmixer drops its action when the ring is full; that is noticed in `read`, counted, and a new one begins.

    Thread: as `Input`.
    """

    def __init__(self, device: Device) -> None:
        """Open and start. Raises DeviceError."""
        sd = sounddevice()
        self._error: type[Exception] = sd.PortAudioError
        try:
            import rtmixer
        except (ImportError, OSError) as error:
            raise DeviceError(f"rtmixer cannot be used ({error})") from error
        channels = min(MAX_CHANNELS, device.channels)
        try:
            with quiet_stderr():
                self._recorder: Any = rtmixer.Recorder(
                    device=device.index,
                    samplerate=device.rate,
                    channels=channels,
                    latency=device.latency_s,
                )
                self._recorder.start()
        except (sd.PortAudioError, ValueError) as error:
            raise DeviceError(
                f"input {device.label!r} cannot be opened at {device.rate} Hz: {error}; "
                "is another program holding it?"
            ) from error
        self.name, self.channels = device.label, channels
        self.rate = round(self._recorder.samplerate)
        self.latency_s = float(self._recorder.latency)
        size = 1 << (round(RING_S * self.rate) - 1).bit_length()
        self._ring: Any = rtmixer.RingBuffer(4 * channels, size)
        self._action = self._recorder.record_ringbuffer(self._ring)
        self._closed = False
        self._overflows = 0
        self._came_at = time.monotonic()

    @property
    def state(self) -> InputState:
        """LOST when PortAudio says that the stream has ended, or nothing comes any more."""
        if self._closed:
            return InputState.CLOSED
        try:
            active = bool(self._recorder.active)
        except self._error:
            active = False
        silent = time.monotonic() - self._came_at > SILENT_S
        return InputState.RUNNING if active and not silent else InputState.LOST

    def read(self) -> Float32:
        """All frames that have come in since the last call, shape (n, channels)."""
        there = int(self._ring.read_available)
        out = np.empty((there, self.channels), dtype=np.float32)
        if there:
            self._ring.readinto(out)
            self._came_at = time.monotonic()
        elif self._action not in self._recorder.actions and not self._closed:
            self._overflows += 1
            self._action = self._recorder.record_ringbuffer(self._ring)
        return out

    def counters(self) -> dict[str, float]:
        """How often the ring was full."""
        return {"overflows": self._overflows}

    def close(self) -> None:
        """Stop the stream; gives up after two seconds."""
        if not self._closed:
            self._closed = True
            close_within(lambda: self._recorder.close(ignore_errors=True))
