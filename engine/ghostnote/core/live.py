"""The render thread: events from the inbox onto the timeline, sound into the device's ring."""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.output import Output
from ghostnote.control.clock import StreamClock
from ghostnote.control.events import Event
from ghostnote.control.inbox import Inbox
from ghostnote.core.ahead import Ahead
from ghostnote.core.engine import QUANTUM
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.core.tasks import Task, Tasks
from ghostnote.state.registry import resolve
from ghostnote.state.table import Command
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

EARLY = 0.45
"""Blocks by which a hit may come too early in a period for its deadline."""
LINGER = 0.25
"""Blocks from the moment one is taken to the moment the next is rendered, since what comes in meanwhile then
sounds a block sooner; at most `MAX_LINGER_S`. The ring holds two blocks, so there is time."""
MAX_LINGER_S = 0.0007
SPARE = 0.6
"""Work ahead begins no later than so many blocks after one was taken."""
CALM = 0.4
"""Mean share of its time that rendering may take for both; with more to do there is no time to lose."""

_MAX_CHUNK = 4096
_EVENTS_PER_CHUNK = 256
_LOAD_PACE = 0.01


class Live:
    """Drives an instrument in real time.

    A message without a time tag takes effect `deadline` frames after it came in, so that latency is the same
    for every hit. It is a little less than a hit at the very start of a period needs: such a hit is later by
    up to `EARLY` blocks and the rest of a quantum, and all others are sooner for that. A time-tagged message
    sounds at its time.
    """

    def __init__(
        self, instrument: Instrument, output: Output, inbox: Inbox, tasks: Tasks, telemetry: Telemetry
    ) -> None:
        self._instrument = instrument
        self._output = output
        self._inbox = inbox
        self._tasks = tasks
        self._telemetry = telemetry
        self._clock = StreamClock(output.rate)
        self._buffer = np.zeros((_MAX_CHUNK, CHANNELS), dtype=np.float32)
        self._deadline = output.ring_frames - EARLY * output.block
        self._linger_s = min(LINGER * output.block / output.rate, MAX_LINGER_S)
        self._written = 0
        self._lost = 0
        self._ahead = Ahead(instrument.engine)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ghostnote-render", daemon=True)
        self.load = 0.0
        self.peak_load = 0.0

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def close(self) -> None:
        """Stop playing; the output stays open."""
        self._closing.set()
        self._thread.join(timeout=2.0)

    @property
    def alive(self) -> bool:
        """Whether the render thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._closing.is_set():
            wanted = min(self._output.writable(), _MAX_CHUNK)
            if wanted <= 0:
                self._output.wait()
                continue
            taken, at = self._output.position()
            if taken:
                self._clock.observe(taken, at)
                if wanted <= self._output.block and self.load < CALM:
                    time.sleep(max(0.0, at + self._linger_s - time.monotonic()))
            try:
                self._render(wanted)
            except Exception as error:  # whatever went wrong, the show goes on
                self._telemetry.trouble("render_error", f"a block was lost: {error!r}")
                self._instrument.engine.pool.silence()
                self._write(np.zeros((wanted, CHANNELS), dtype=np.float32))
                self._lost = self._written - self._instrument.frames
            else:
                self._prepare(at)

    def _render(self, wanted: int) -> None:
        began = time.perf_counter()
        block = self._buffer[:wanted]
        for start in range(0, wanted, QUANTUM):
            # What comes in while a block is rendered can still be part of it.
            for event in self._inbox.drain(_EVENTS_PER_CHUNK):
                self._take(event)
            self._instrument.read(block[start : start + QUANTUM])
        self._write(block)
        busy = (time.perf_counter() - began) * self._output.rate / wanted
        self.load += (busy - self.load) * _LOAD_PACE
        self.peak_load = max(self.peak_load, busy)

    def _prepare(self, taken_at: float) -> None:
        """Use what is left of the first part of the period for work that the next hits need."""
        end = taken_at + SPARE * self._output.block / self._output.rate
        try:
            while self.load < CALM and time.monotonic() < end and self._ahead.step():
                pass
        except Exception as error:  # then the hit itself finds out
            self._telemetry.trouble("ahead_error", f"a hit could not be prepared: {error!r}")

    def _write(self, block: Float32) -> None:
        self._output.write(block)
        self._written += len(block)

    def _frame_at(self, t: float) -> float:
        if not self._clock.ready:
            return (t - time.monotonic()) * self._output.rate  # the device has taken nothing yet
        return self._clock.frames_at(t)

    def _take(self, event: Event) -> None:
        target = resolve(event.addr)
        if target is None:
            return
        if isinstance(target.row, Command):
            ready = target.name == "model/load" and self._tasks.is_loaded(str(event.args[0]))
            if target.row.slow and not ready:
                self._tasks.put(Task(target, event.args, event.source, event.received))
                return
            if target.name == "panic" and event.due is None:
                self._instrument.engine.schedule(0, target, event.args)
                return
        if event.due is None:
            # Right after a dropout the clock is still ahead of the device: a hit must not wait for that.
            latest = self._written + self._output.ring_frames + self._output.block
            frame = min(self._frame_at(event.received) + self._deadline, latest)
        else:
            frame = self._frame_at(event.due)
            if frame < self._written:
                self._telemetry.count("late_events")
        # The instrument is behind what was written by the blocks that were lost.
        frame -= self._lost
        self._instrument.engine.schedule(self._instrument.sample_at(frame), target, event.args)
