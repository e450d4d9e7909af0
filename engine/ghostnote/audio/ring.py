"""What the outputs with a ring in front of the device have in common."""

from __future__ import annotations

import numpy as np

from ghostnote.audio.output import Float32

FADE_FRAMES = 96
"""Fade-in of what follows an empty ring."""


class RingOutput:
    """The half of an `Output` that tells what it is; `device_frames` is the device's own latency.

    Attributes with an underscore are for the outputs themselves, which work with them in every block.
    """

    def __init__(self, name: str, rate: int, channels: int, device_frames: int = 0) -> None:
        self._name = name
        self._rate = rate
        self._channels = channels
        self._device_frames = device_frames
        self._block = 0
        self._target = 0

    @property
    def name(self) -> str:
        """What a person calls the device: its name and host API."""
        return self._name

    @property
    def rate(self) -> int:
        """Sample rate of the device in Hz."""
        return self._rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self._channels

    @property
    def block(self) -> int:
        """Largest number of frames that the device takes at a time."""
        return self._block

    @property
    def ring_frames(self) -> int:
        """Frames that the ring is kept filled with."""
        return self._target

    @property
    def latency_frames(self) -> int:
        """The filled ring plus the device's own latency."""
        return self._target + self._device_frames


def fade_in(done: int, frames: int, length: float = FADE_FRAMES) -> Float32:
    """Gains, shape (frames, 1), of a linear fade-in over `length` frames, of which `done` have passed."""
    ramp = (done + np.arange(frames, dtype=np.float32)) / np.float32(length)
    return np.asarray(np.minimum(ramp, np.float32(1.0))[:, None], dtype=np.float32)
