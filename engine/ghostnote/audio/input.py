"""What ears listen to: one interface over devices and servers."""

from __future__ import annotations

import enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.devices import JACK_API, choose_input, list_inputs
from ghostnote.errors import DeviceError

Float32 = NDArray[np.float32]

MAX_CHANNELS = 2


class InputState(enum.Enum):
    """What an input is doing."""

    RUNNING = "running"
    LOST = "lost"
    """The device or server is gone."""
    CLOSED = "closed"


class Input(Protocol):
    """A device that fills a ring, which whoever listens empties with `read`.

    Thread: one for `read`; any for the others. What is not read in time is lost, and counted.
    """

    @property
    def name(self) -> str:
        """What a person calls the device."""

    @property
    def rate(self) -> int:
        """Sample rate in Hz."""

    @property
    def channels(self) -> int:
        """Number of channels, 1 or 2."""

    @property
    def latency_s(self) -> float:
        """From the sound at the device to the ring, as the device reports it."""

    @property
    def state(self) -> InputState:
        """What it is doing now."""

    def read(self) -> Float32:
        """All frames that have come in since the last call, shape (n, channels); n may be 0."""

    def counters(self) -> dict[str, float]:
        """What happened since the start: `overflows` of ring and device."""

    def close(self) -> None:
        """Stop and release the device, within a time limit."""


def open_input(name: str | None) -> Input:
    """Open the input called `name` (any part of it), or the default one: rtmixer, else blocking reads.

    Without a name, a JACK server is the second choice. Raises `DeviceError`, which names the causes of all
    attempts when none works.
    """
    from ghostnote.audio.blocking_input import BlockingInput
    from ghostnote.audio.rtmixer_input import RtmixerInput

    found = list_inputs()
    choices = [choose_input(name, found)]
    if name is None:
        choices += [device for device in found.devices if device.host_api == JACK_API][:1]
    failures: list[str] = []
    for device in dict.fromkeys(choices):
        for kind in (RtmixerInput, BlockingInput):
            try:
                return kind(device)
            except DeviceError as error:
                failures.append(str(error))
    raise DeviceError("; then ".join(dict.fromkeys(failures)))
