"""What the core does for the house: recordings, keys that are pressed, and what a screen shows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from ghostnote.audio.record_format import ring_bytes
from ghostnote.control.events import Event, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.core.engine import Applied
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.core.live import Live
from ghostnote.core.tasks import Tasks
from ghostnote.core.view import View
from ghostnote.host.beatbox import Beatbox, classes_of
from ghostnote.host.capture import capture, capture_part
from ghostnote.host.ears_memory import EarsMemory, ears_bytes
from ghostnote.host.ears_tap import EarsTap
from ghostnote.host.finding import FinderLine
from ghostnote.host.heard_files import HEARD
from ghostnote.host.neighbours import Neighbours
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message
from ghostnote.host.sharing import attach
from ghostnote.host.tape import Tape
from ghostnote.state.registry import check, resolve
from ghostnote.state.store import home
from ghostnote.state.table import ROOT, Value

BEAT_S, WATCHED_BEAT_S = 0.25, 0.1
"""How often the core tells how it is: to a supervisor, and to a screen that a person watches."""
KEYS = "keys"
"""Source of what is played on the terminal."""

_STATE = f"{ROOT}/rec/state"


class Stage:
    """Wires these to a core.

    `ring`: handle of shared memory for recordings, if there is any; `scenes`: the names of all scenes.
    """

    def __init__(
        self,
        live: Live,
        instrument: Instrument,
        inbox: Inbox,
        tasks: Tasks,
        send: Callable[[Message], None],
        ring: str | None,
        watched: bool,
        scenes: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._inbox, self._live, self._instrument, self._tasks = inbox, live, instrument, tasks
        self._ears: EarsTap | None = None
        self._beatbox: Beatbox | None = None
        self._view: View | None = None
        if watched:
            self._view = View(instrument.engine, lambda: instrument.safety.meters, scenes)
        self._tape: Tape | None = None
        self.before_end: Callable[[], None] = lambda: None
        """Called when the last frame of a recording is known, before its file is said to be complete."""
        self.beat_s = WATCHED_BEAT_S if watched else BEAT_S
        self.readings: dict[str, Callable[[], Value | tuple[Value, ...]]] = {_STATE: self._is_recording}
        self._finder = FinderLine(send)
        self.neighbours = Neighbours(
            instrument.engine, tasks, self._finder, home() / HEARD, lambda before: before < live.settled_until
        )
        if ring is None:
            return
        engine = instrument.engine
        try:
            memory = attach(ring, ring_bytes(CHANNELS))
        except (OSError, ValueError) as error:  # it plays all the same
            engine.telemetry.trouble("no_tape", f"nothing can be recorded: {error}")
            return
        self._tape = Tape(memory, live, instrument, engine.telemetry, send)
        self._tape.before_end = lambda: self.before_end()
        self._tape.changed = lambda source: engine.changes.note(_STATE, source)
        tasks.handle("rec/start", self._tape.start)
        tasks.handle("rec/stop", self._tape.stop)

    def tell_ears(self, memory: str | None, options: PlayOptions, *, fresh: bool) -> None:
        """Let ears know what is played, through shared memory, if there is any, and hear what they hear.

        See `EarsTap`, `Beatbox`.
        """
        engine, tasks, folder = self._instrument.engine, self._tasks, home() / HEARD
        shared = None
        try:
            shared = None if memory is None else attach(memory, ears_bytes())
        except (OSError, ValueError) as error:  # it plays all the same
            engine.telemetry.trouble("no_ears", f"nobody hears what is played: {error}")
        heard = None if shared is None or not options.listen else EarsMemory(shared)
        beatbox = Beatbox(engine, tasks, heard, classes_of(options.ears or options.model) if heard else ())
        self._beatbox = beatbox
        self.readings.update(beatbox.readings)
        tasks.handle("slot/capture", lambda task: capture(tasks, task, folder))
        tasks.handle("capture", lambda task: capture_part(tasks, task, folder, engine.values))
        if shared is not None:
            self._ears = EarsTap(shared, self._live, engine, beatbox.own_hit, fresh=fresh)

    def start(self, before: int, from_frame: int | None, record: str | None) -> None:
        """Called before anything plays.

        `before`: frames that others played before this core; `from_frame`: where a recording that goes on
        began; `record`: a file to record into from the first frame on.
        """
        if self._ears is not None:
            self._ears.start()
        if self._beatbox is not None:
            self._live.also = self._beatbox.events
        if self._tape is not None:
            self._tape.go_on(before, from_frame)
            if record is not None:
                self._tape.begin(os.path.basename(record))

    def told(self, message: Message) -> None:
        """Something from the supervisor: a recording's fate, a key pressed, a sound heard or found."""
        if message["type"] == "found":
            self._finder.told(message)
        elif message["type"] == "rec" and self._tape is not None:
            self._tape.told(message)
        elif message["type"] == "kept" and self._beatbox is not None:
            self._beatbox.over(message)
        elif message["type"] == "event":
            target = resolve(message["addr"])
            if target is not None:
                args = check(target, tuple(message["args"]))[0]
                event = Event(target.addr, args, KEYS, time.monotonic(), None, next_batch())
                self._inbox.put([event])

    def touched(self, applied: Applied) -> None:
        """Something took effect."""
        if self._view is not None:
            self._view.touched(applied)

    def beat(self) -> Message:
        """What a screen wants to know."""
        return {} if self._view is None else {"view": self._view.take()}

    def close(self) -> None:
        """The end of a recording, and of what ears are told."""
        if self._ears is not None:
            self._ears.close()
        if self._tape is not None:
            self._tape.close()

    def _is_recording(self) -> int:
        return int(self._tape is not None and self._tape.on)
