"""What the core does for the house: recordings, keys that are pressed, and what a screen shows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence

from ghostnote.audio.record_format import ring_bytes
from ghostnote.control.events import Event, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.core.engine import Applied
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.core.live import Live
from ghostnote.core.tasks import Tasks
from ghostnote.core.view import View
from ghostnote.host.ears_memory import ears_bytes
from ghostnote.host.ears_tap import EarsTap
from ghostnote.host.pipe import Message
from ghostnote.host.sharing import attach
from ghostnote.host.tape import Tape
from ghostnote.state.registry import check, resolve
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
        self._inbox, self._live, self._instrument = inbox, live, instrument
        self._ears: EarsTap | None = None
        self._view: View | None = None
        if watched:
            self._view = View(instrument.engine, lambda: instrument.safety.meters, scenes)
        self._tape: Tape | None = None
        self.before_end: Callable[[], None] = lambda: None
        """Called when the last frame of a recording is known, before its file is said to be complete."""
        self.beat_s = WATCHED_BEAT_S if watched else BEAT_S
        self.readings: Mapping[str, Callable[[], Value]] = {_STATE: self._is_recording}
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

    def tell_ears(self, memory: str | None, *, fresh: bool) -> None:
        """Let ears know what is played, through shared memory, if there is any; see `EarsTap`."""
        if memory is None:
            return
        engine = self._instrument.engine
        try:
            shared = attach(memory, ears_bytes())
        except (OSError, ValueError) as error:  # it plays all the same
            engine.telemetry.trouble("no_ears", f"nobody hears what is played: {error}")
            return
        self._ears = EarsTap(shared, self._live, engine, fresh=fresh)

    def start(self, before: int, from_frame: int | None, record: str | None) -> None:
        """Called before anything plays.

        `before`: frames that others played before this core; `from_frame`: where a recording that goes on
        began; `record`: a file to record into from the first frame on.
        """
        if self._ears is not None:
            self._ears.start()
        if self._tape is not None:
            self._tape.go_on(before, from_frame)
            if record is not None:
                self._tape.begin(os.path.basename(record))

    def told(self, message: Message) -> None:
        """Something from the supervisor: what became of a recording, or a key that was pressed."""
        if message["type"] == "rec" and self._tape is not None:
            self._tape.told(message)
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
