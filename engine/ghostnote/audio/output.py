"""What the render thread plays into: one interface over devices, servers and the null device."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import DeviceError
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

CLOSE_LIMIT_S = 2.0
"""A driver that has not closed by then is given up."""
NULL_NAME = "null"
"""The device name that asks for the null device."""


class OutputState(enum.Enum):
    """What an output is doing."""

    RUNNING = "running"
    STALLED = "stalled"
    """It takes nothing any more, though it has something to take; the supervisor reopens it."""
    LOST = "lost"
    """The device or server is gone."""
    CLOSED = "closed"


class Output(Protocol):
    """A device with a small ring in front of it, filled by the render thread.

    The render loop: `n = out.writable()`; if that is enough for a piece of work, `out.write(...)`, otherwise
    `out.wait()`. Frames are counted from the first one written: frame `i` of all that was written sounds when
    `position()` reaches `i` (plus the device's own latency).

    Thread: `writable`, `write`, `wait` and `position` are for the render thread alone; the others for any.
    Realtime-safe: none of them logs, allocates much or takes a lock that slower work holds.
    """

    @property
    def name(self) -> str:
        """What a person calls the device."""

    @property
    def rate(self) -> int:
        """Sample rate of the device in Hz."""

    @property
    def channels(self) -> int:
        """Number of channels."""

    @property
    def block(self) -> int:
        """Frames that the device takes at a time, as observed."""

    @property
    def ring_frames(self) -> int:
        """Frames that the ring is kept filled with: `ahead_blocks` blocks."""

    @property
    def latency_frames(self) -> int:
        """Frames from writing to sounding: the filled ring plus what the device reports."""

    @property
    def state(self) -> OutputState:
        """What it is doing now."""

    def writable(self) -> int:
        """Frames wanted now to fill the ring to its target; 0 when it is full."""

    def write(self, frames: Float32) -> None:
        """Queue `frames`, shape (n, channels); more than the ring can hold is cut and counted."""

    def wait(self) -> None:
        """Sleep until the device has probably taken its next block, at most a few milliseconds."""

    def position(self) -> tuple[int, float]:
        """Frames taken by the device so far, and the `time.monotonic()` at which that was first seen."""

    def counters(self) -> dict[str, float]:
        """What happened since the start: shortfalls, re-arms, blocks, device xruns and the like."""

    def close(self) -> None:
        """Stop and release the device; returns within `CLOSE_LIMIT_S` whatever the driver does."""


def close_within(action: Callable[[], object], limit_s: float = CLOSE_LIMIT_S) -> bool:
    """Run `action` in a helper thread; whether it came back, well or not, within `limit_s`.

    PortAudio's JACK back-end never returns from closing a stream whose server has died.
    """

    def quietly() -> None:
        try:
            action()
        except Exception:  # a driver that fails while closing is closed
            return

    helper = threading.Thread(target=quietly, name="ghostnote-close", daemon=True)
    helper.start()
    helper.join(limit_s)
    return not helper.is_alive()


def open_output(
    name: str | None,
    *,
    rate: int | None = None,
    block: int | None = None,
    ahead_blocks: int = 2,
    channels: int = 2,
    telemetry: Telemetry,
) -> Output:
    """Open the device called `name` (any part of it, in any case), supervised; `None`: the default one.

    `name` `"null"`: the null device, which plays to nobody at the pace of a real one. `rate` in Hz, default
    the device's own; `block` in frames, default whatever the device likes best. Raises `DeviceError`
    when there is no such device, none at all, or it cannot be opened.
    """
    if name is not None and name.strip().lower() == NULL_NAME:
        from ghostnote.audio.null_output import NullOutput

        return NullOutput(rate or 48000, block or 256, channels=channels, ahead_blocks=ahead_blocks)

    from ghostnote.audio.devices import refresh
    from ghostnote.audio.supervisor import SupervisedOutput

    def reopen(same_rate: int) -> Output:
        refresh()
        return open_device(name, rate=same_rate, block=block, ahead_blocks=ahead_blocks, channels=channels)

    first = open_device(name, rate=rate, block=block, ahead_blocks=ahead_blocks, channels=channels)
    return SupervisedOutput(first, reopen, telemetry)


def await_output(
    name: str | None, *, rate: int | None, block: int | None, ahead_blocks: int = 2, telemetry: Telemetry
) -> Output:
    """A silent output that turns into the device called `name` as soon as that can be opened."""
    from ghostnote.audio.devices import refresh
    from ghostnote.audio.null_output import NullOutput
    from ghostnote.audio.supervisor import SupervisedOutput

    def reopen(same_rate: int) -> Output:
        refresh()
        return open_device(name, rate=same_rate, block=block, ahead_blocks=ahead_blocks, channels=2)

    silent = NullOutput(rate or 48000, block or 256, ahead_blocks=ahead_blocks)
    return SupervisedOutput(silent, reopen, telemetry, lost=True)


def open_device(
    name: str | None, *, rate: int | None, block: int | None, ahead_blocks: int, channels: int
) -> Output:
    """Open a device once, without supervision: rtmixer, or blocking writes where rtmixer does not serve.

    Without a name, a JACK server is the second choice: it may hold the card that is the default.
    Raises `DeviceError`, which names the causes of all attempts when none works.
    """
    from ghostnote.audio.blocking_output import BlockingOutput
    from ghostnote.audio.devices import JACK_API, choose_output, list_outputs
    from ghostnote.audio.rtmixer_output import RtmixerOutput

    found = list_outputs()
    choices = [choose_output(name, found)]
    if name is None:
        choices += [device for device in found.devices if device.host_api == JACK_API][:1]
    failures: list[str] = []
    for device in dict.fromkeys(choices):
        hz, frames = rate or device.rate, block or 0
        for kind in (RtmixerOutput, BlockingOutput):
            try:
                return kind(device, rate=hz, block=frames, channels=channels, ahead_blocks=ahead_blocks)
            except DeviceError as error:
                failures.append(str(error))
    raise DeviceError("; then ".join(dict.fromkeys(failures)))
