"""Output through rtmixer: the device's callback is C and copies from a ring; no Python runs in it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np

from ghostnote.audio.devices import Device, quiet_stderr, sounddevice
from ghostnote.audio.output import Float32, OutputState, close_within
from ghostnote.audio.pace import BlockPace
from ghostnote.audio.ring import FADE_FRAMES, RingOutput, fade_in
from ghostnote.errors import DeviceError

LEARN_LIMIT_S = 1.0
STATS_EVERY_S = 0.1
_SPARE = 4
"""The ring holds this many times its target: a granule more than wanted must fit, and blocks may grow."""


class RtmixerOutput(RingOutput):
    """A device played by `rtmixer.Mixer` from a `RingBuffer`.

    rtmixer drops its play action when the ring runs empty. A dropped action is noticed at the next call,
    counted, and replaced as soon as the ring is filled again, faded in.

    Thread: render thread, except `counters`, `state`, `close`. Realtime-safe: yes; it reads the ring's
    indices as plain fields, since every call into the library lets another thread take the interpreter.
    """

    closed_cleanly = True
    """False after a `close` that did not come back: the driver is stuck and must not be used again."""

    def __init__(
        self, device: Device, *, rate: int, block: int = 0, channels: int = 2, ahead_blocks: int = 2
    ) -> None:
        sd = sounddevice()
        self._error: type[Exception] = sd.PortAudioError
        try:
            import rtmixer
        except (ImportError, OSError) as error:
            raise DeviceError(f"rtmixer cannot be used ({error})") from error
        try:
            with quiet_stderr():
                self._mixer: Any = rtmixer.Mixer(
                    device=device.index,
                    samplerate=rate,
                    channels=channels,
                    blocksize=block,
                    latency=block / rate if block else device.latency_s,
                    dither_off=True,
                    clip_off=True,
                )
                self._mixer.start()
        except (sd.PortAudioError, ValueError) as error:
            raise DeviceError(
                f"device {device.label!r} cannot be opened with {channels} channels at {rate} Hz: {error}"
            ) from error
        actual_rate = round(self._mixer.samplerate)
        super().__init__(device.label, actual_rate, channels, round(float(self._mixer.latency) * actual_rate))
        self._closed = False
        self._blocks = self._xruns = 0
        self._min_block = self._capacity = 0
        self._asked: deque[tuple[Any, Any]] = deque()
        self._asked_at = time.monotonic()
        self._blocks_since_arm = 0
        self._learn()
        self._ahead_blocks = ahead_blocks
        self._target = ahead_blocks * self._block
        self._capacity = 1 << (_SPARE * self._target - 1).bit_length()
        self._pace = BlockPace(self._block / self._rate)
        self._memory = np.zeros((self._capacity, channels), dtype=np.float32)
        self._ring: Any = rtmixer.RingBuffer(channels * 4, buffer=self._memory)
        self._indices: Any = self._ring._ptr
        self._action: Any = None
        self._doubt_at: int | None = None
        self._fade_from = 0
        self._written = self._taken = 0
        self._taken_at = time.monotonic()
        self._arms = self._empty_runs = self._overruns = 0
        self._shortfall_frames = 0
        self._dropped: Any = None

    def _learn(self) -> None:
        """Let the device run on silence until its block size is known."""
        deadline = time.monotonic() + LEARN_LIMIT_S
        while time.monotonic() < deadline:
            self._ask_stats(None)
            time.sleep(0.02)
            self._read_stats()
            if self._blocks >= 3:
                return
        if not self._block:
            self._close_stream()
            raise DeviceError("the device was opened but takes no sound; is something else holding it?")

    @property
    def state(self) -> OutputState:
        """LOST when PortAudio says that the stream has ended by itself."""
        if self._closed:
            return OutputState.CLOSED
        try:
            return OutputState.RUNNING if self._mixer.active else OutputState.LOST
        except self._error:
            return OutputState.LOST

    def writable(self) -> int:
        """Frames wanted now; also the place where a dropped play action is noticed and replaced."""
        fill = self._look()
        if self._doubt_at is not None:
            self._settle_doubt(self._doubt_at, fill)
        return max(0, self._target - fill)

    def write(self, frames: Float32) -> None:
        """Queue `frames`, shape (n, channels), float32; faded in after an empty ring."""
        if self._closed:
            return
        room = self._capacity - self._look()
        if len(frames) > room:
            self._overruns += len(frames) - room
            frames = frames[:room]
        done = self._written - self._fade_from
        if done < FADE_FRAMES:
            frames = frames * fade_in(done, len(frames))
        frames = np.ascontiguousarray(frames, dtype=np.float32)
        self._ring.write(frames, len(frames))
        self._written += len(frames)
        fill = self._look()
        # An action is dropped only while the ring is empty, so only then can it be gone.
        if self._action is not None and fill <= len(frames):
            self._doubt_at = self._taken
        if self._action is None and fill >= self._target:
            self._arm()

    def wait(self) -> None:
        """Sleep to just after the moment at which the device should take its next block."""
        now = time.monotonic()
        if self._action is None and self._look() >= self._block:
            self._arm()
        if now - self._asked_at > STATS_EVERY_S:
            self._asked_at = now
            self._read_stats()
            self._ask_stats(None)
            if self._action is not None and self._doubt_at is None:
                self._doubt_at = self._taken
        time.sleep(self._pace.sleep_s(now))
        self._look()

    def position(self) -> tuple[int, float]:
        """Frames taken from the ring, and when that number was first seen."""
        self._look()
        return self._taken, self._taken_at

    def counters(self) -> dict[str, float]:
        """Dropouts (`shortfalls`), `rearms`, silent frames, blocks, device xruns; a tenth of a second old."""
        return {
            "blocks": self._blocks,
            "device_xruns": self._xruns,
            "shortfalls": self._empty_runs,
            "shortfall_frames": self._shortfall_frames,
            "rearms": max(0, self._arms - 1),
            "overrun_frames": self._overruns,
            "min_block": self._min_block,
            "max_block": self._block,
        }

    def close(self) -> None:
        """Stop the stream, once the render thread has let go of it; gives up after two seconds."""
        if not self._closed:
            self._closed = True
            self._read_stats()
            self.closed_cleanly = self._close_stream()

    def _close_stream(self) -> bool:
        """Close PortAudio's stream in a helper thread; whether it came back in time."""
        return close_within(lambda: self._mixer.close(ignore_errors=True))

    def _look(self) -> int:
        """Frames in the ring; notes progress."""
        indices = self._indices
        fill: int = (int(indices.writeIndex) - int(indices.readIndex)) % (2 * self._capacity)
        taken = self._written - fill
        if taken != self._taken:
            self._taken = taken
            self._taken_at = time.monotonic()
            self._pace.taken(self._taken_at)
        return fill

    def _arm(self) -> None:
        self._ask_stats(self._dropped or self._mixer)
        self._dropped = None
        self._action = self._mixer.play_ringbuffer(self._ring)
        self._arms += 1
        self._doubt_at = None

    def _settle_doubt(self, doubt_at: int, fill: int) -> None:
        """The ring was empty: was the action dropped then? Doubt stays until either is certain."""
        if self._action in self._mixer.actions:
            if self._taken > doubt_at:
                self._doubt_at = None
            return
        self._dropped, self._action = self._action, None
        self._doubt_at = None
        self._empty_runs += 1
        self._fade_from = self._taken
        # Nobody reads the ring now, so what was queued behind the gap can still be faded in.
        rows = np.arange(self._taken, self._written) % self._capacity
        self._memory[rows] *= fade_in(0, fill)

    def _ask_stats(self, arming: Any) -> None:
        """Ask the callback for its statistics; `arming`: the action that is replaced now, if one is."""
        if arming is not None or not self._asked:
            self._asked.append((self._mixer.fetch_and_reset_stats(), arming))

    def _read_stats(self) -> None:
        """Add up the statistics that were asked for, as far as they are there."""
        while self._asked and self._asked[0][0] not in self._mixer.actions:
            answer, arming = self._asked.popleft()
            stats = answer.stats
            self._blocks += int(stats.blocks)
            self._xruns += int(stats.output_underflows)
            self._blocks_since_arm += int(stats.blocks)
            if stats.blocks:
                self._min_block = min(self._min_block or int(stats.min_blocksize), int(stats.min_blocksize))
                self._grow(int(stats.max_blocksize))
            if arming is not None:
                if arming is not self._mixer:
                    missing = self._blocks_since_arm * self._block - int(arming.done_frames)
                    self._shortfall_frames += max(0, missing)
                self._blocks_since_arm = 0

    def _grow(self, block: int) -> None:
        """Keep more ready when the device takes more at a time than was known, as far as the ring goes."""
        if block > self._block:
            self._block = block
            if self._capacity:
                self._target = min(self._ahead_blocks * block, self._capacity * 3 // 4)
                self._pace.set_period(block / self._rate)
