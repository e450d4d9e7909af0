"""The render thread: events from the inbox onto the timeline, sound into the device's ring."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.output import Output
from ghostnote.control.clock import StreamClock
from ghostnote.control.events import Event, starts_note
from ghostnote.control.inbox import Inbox
from ghostnote.core.ahead import Ahead
from ghostnote.core.engine import QUANTUM
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.core.play import LEAD_QUANTA, turning
from ghostnote.core.tasks import Task, Tasks
from ghostnote.state.registry import resolve
from ghostnote.state.table import ROOT, Command
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
BUSY = 0.8
"""A block that took that share of its time keeps from lingering for a while: such blocks come in bursts."""
SHORTEST_SLEEP_S = 0.0001
"""For less, going to sleep and coming back takes longer."""

_LATE = f"{ROOT}/osc/late"
_MAX_CHUNK = 4096
_MOST_PENDING = 4096
_EVENTS_PER_CHUNK = 256
_LOAD_PACE = 0.01
_STRAIN_KEPT = 0.95


class Live:
    """Drives an instrument in real time.

    A message without a time tag takes effect `deadline` frames after it came in, so that latency is the same
    for every hit. It is a little less than a hit at the very start of a period needs: such a hit is later by
    up to `EARLY` blocks and the rest of a quantum, and all others are sooner for that. A time-tagged message
    sounds at its time. Deadline and lingering follow the device, which may come back with other blocks.
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
        self._block = self._ring = 0
        self._deadline = self._linger_s = self._spare_s = 0.0
        self._follow()
        self._written = 0
        self._lost = 0
        self._late_told = False
        self._ahead = Ahead(instrument.engine)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ghostnote-render", daemon=True)
        self.settled_until = math.inf
        """What was taken and was received before this monotonic time, without a time tag, is in effect."""
        self._pending: deque[tuple[float, int]] = deque(maxlen=_MOST_PENDING)
        self.load = 0.0
        self.peak_load = 0.0
        self._strain = 0.0
        self.tap: Callable[[Float32], None] | None = None
        """Is given every block, shape (n, channels), after the device; must be as quick, and never fail."""
        self.monitor: Callable[[Float32], None] | None = None
        """Another one of that kind, for ears."""
        self.also: Callable[[], Sequence[Event]] | None = None
        """Asked for more events when the inbox is emptied; must be as quick, and never fail."""

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
        output = self._output
        while not self._closing.is_set():
            missing = output.writable()
            if missing <= 0:
                output.wait()
                continue
            if output.block != self._block or output.ring_frames != self._ring:
                self._follow()
            in_time = missing <= self._block
            taken, at = output.position()
            if taken:
                self._clock.observe(taken, at)
                if in_time:
                    self._linger(at)
            # When more is missing, each block is in the ring before the next one is rendered.
            wanted = min(missing, self._block, _MAX_CHUNK)
            try:
                self._render(wanted)
            except Exception as error:  # whatever went wrong, the show goes on
                self._telemetry.trouble("render_error", f"a block was lost: {error!r}")
                self._instrument.engine.pool.silence()
                self._write(np.zeros((wanted, CHANNELS), dtype=np.float32))
                self._lost = self._written - self._instrument.frames
            else:
                if in_time:
                    self._prepare(at)

    def _follow(self) -> None:
        """Take over what the device's blocks and ring are now."""
        output = self._output
        self._block, self._ring = output.block, output.ring_frames
        block_s = self._block / output.rate
        self._deadline = self._ring - EARLY * self._block
        self._linger_s = min(LINGER * block_s, MAX_LINGER_S)
        self._spare_s = SPARE * block_s

    def _linger(self, taken_at: float) -> None:
        """Wait a little for what may still come in, when there is time for it."""
        if self.load < CALM and self._strain < BUSY:
            left = taken_at + self._linger_s - time.monotonic()
            if left > SHORTEST_SLEEP_S:
                time.sleep(left)

    def _render(self, wanted: int) -> None:
        began = time.perf_counter()
        block = self._buffer[:wanted]
        # What comes in while a block is rendered can still be part of it.
        self._instrument.read(block, self._drain)
        self._write(block)
        pending, now = self._pending, self._instrument.engine.now
        while pending and pending[0][1] < now:
            pending.popleft()
        self.settled_until = pending[0][0] if pending else math.inf
        busy = (time.perf_counter() - began) * self._output.rate / wanted
        self.load += (busy - self.load) * _LOAD_PACE
        self._strain = max(busy, self._strain * _STRAIN_KEPT)
        self.peak_load = max(self.peak_load, busy)

    def _drain(self) -> None:
        for event in self._inbox.drain(_EVENTS_PER_CHUNK):
            self._take(event)
        if (also := self.also) is not None:
            for event in also():
                self._take(event)

    def _prepare(self, taken_at: float) -> None:
        """Use what is left of the first part of the period for work that the next hits need."""
        end = taken_at + self._spare_s
        try:
            while self.load < CALM and time.monotonic() < end and self._ahead.step():
                pass
        except Exception as error:  # then the hit itself finds out
            self._telemetry.trouble("ahead_error", f"a hit could not be prepared: {error!r}")

    def _write(self, block: Float32) -> None:
        self._output.write(block)
        self._written += len(block)
        if (tap := self.tap) is not None:
            tap(block)
        if (monitor := self.monitor) is not None:
            monitor(block)

    @property
    def rate(self) -> int:
        """The device's frames a second."""
        return self._output.rate

    def heard_at(self) -> float:
        """Monotonic time at which what is written next will be heard. Thread: render."""
        output = self._output
        behind = (output.latency_frames - output.ring_frames) / output.rate
        if not self._clock.ready:
            return time.monotonic() + output.latency_frames / output.rate
        return self._clock.time_of(self._written) + behind

    def _frame_at(self, t: float) -> float:
        if not self._clock.ready:
            return (t - time.monotonic()) * self._output.rate  # the device has taken nothing yet
        return self._clock.frames_at(t)

    def _tell_late(self, late_s: float) -> None:
        """Count a time-tagged message that came too late; the first one is told."""
        if self._late_told:
            self._telemetry.count("late_events")
            return
        self._late_told = True
        text = (
            f"a message came {1000.0 * late_s:.0f} ms too late for its time tag: let the sender send earlier"
        )
        self._telemetry.trouble("late_events", text)

    def _take(self, event: Event) -> None:
        target = resolve(event.addr)
        if target is None:
            return
        if isinstance(target.row, Command):
            if target.row.slow:
                self._tasks.put(Task(target, event.args, event.source, event.received, event.request))
                return
            if target.name == "panic" and event.due is None:
                self._instrument.engine.schedule(0, target, event.args, event.source)
                return
        if event.due is None:
            # Right after a dropout the clock is still ahead of the device: a hit must not wait for that.
            latest = self._written + self._ring + self._block
            frame = min(self._frame_at(event.received) + self._deadline, latest)
        else:
            frame = self._frame_at(event.due)
            if frame < self._written:
                self._tell_late((self._written - frame) / self._output.rate)
                if self._instrument.engine.values[_LATE] == "drop" and starts_note(target, event.args):
                    self._telemetry.count("late_dropped")
                    return
        # The instrument is behind what was written by the blocks that were lost.
        frame -= self._lost
        at = self._instrument.sample_at(frame)
        engine = self._instrument.engine
        if target.name == "play" and (turned := turning(event.args)):
            lead = (engine.plan.delay + LEAD_QUANTA) * QUANTUM
            if at - lead > engine.now:
                engine.schedule(at - lead, target, turned, event.source)
        if event.due is None:
            self._pending.append((event.received, at))
            self.settled_until = min(self.settled_until, event.received)
        engine.schedule(at, target, event.args, event.source)
