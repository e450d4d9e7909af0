"""The core's end of a recording: sound into shared memory, and the supervisor asked for a writer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from mmap import mmap

from ghostnote.audio.record_ring import Float32, RingWriter
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.core.live import Live
from ghostnote.core.tasks import Task
from ghostnote.errors import MessageError
from ghostnote.host.pipe import Message
from ghostnote.telemetry import Telemetry

ANSWER_S = 20.0
"""The supervisor has to start a process, or let one finish its file."""
_BEGIN_S = 2.0
_LAST_BLOCK_S = 0.05


class Tape:
    """Starts and stops recordings for whoever asks: `rec/start`, `rec/stop`, and `play --record`.

    The sound goes into the ring from the first block after the request on, and waits there until the process
    that writes it has started. `changed` is called whenever `on` does, `before_end` after the last frame.
    """

    def __init__(
        self,
        memory: mmap,
        live: Live,
        instrument: Instrument,
        telemetry: Telemetry,
        send: Callable[[Message], None],
    ) -> None:
        self._live = live
        self._instrument = instrument
        self._telemetry = telemetry
        self._send = send
        self._ring = RingWriter(memory, CHANNELS)
        self._from: int | None = None
        self._before = 0
        self._began = threading.Event()
        self._answered = threading.Event()
        self._asking = False
        self._answer: Message = {}
        self.on = False
        self.changed: Callable[[str], None] = lambda source: None
        self.before_end: Callable[[], None] = lambda: None

    def begin(self, name: str) -> None:
        """Record from the very first block on; called before anything plays."""
        self._arm()
        self._from = 0
        self.on = True
        self._ask(name)

    def go_on(self, before: int, began_at: int | None) -> None:
        """Follow a core that ended. Called before anything plays.

        `before`: frames that were played before this core; `began_at`: the frame, counted like those, with
        which a recording begins that goes on now.
        """
        self._before = before
        if began_at is not None:
            self._from = began_at
            self._ring.go_to(before - began_at)
            self._live.tap = self._take
            self.on = True

    def start(self, task: Task) -> None:
        """Carry out `rec/start`. Thread: tasks. Raises MessageError."""
        if self.on:
            raise MessageError("busy", "a recording is running already; /gn/rec/stop ends it")
        self._arm()
        if not self._began.wait(_BEGIN_S):
            self._live.tap = None
            raise MessageError("io", "nothing is played, so that nothing can be recorded")
        self._wait_for(lambda: self._ask(str(task.args[0])))
        if not self._answer.get("on"):
            self._live.tap = None
            raise MessageError("io", str(self._answer.get("text", "the recorder does not answer")))
        self._turn(True, task.source)

    def stop(self, task: Task) -> None:
        """Carry out `rec/stop`. Thread: tasks. Raises MessageError."""
        if not self.on:
            raise MessageError("not_found", "no recording is running; /gn/rec/start begins one")
        self.close()
        self._wait_for(lambda: self._send({"type": "rec", "do": "stop"}))
        self._turn(False, task.source)

    def told(self, message: Message) -> None:
        """What became of a recording, in the supervisor's words. Thread: that which reads its messages."""
        self._answer = message
        if not message.get("on"):
            self._live.tap = None
            if not self._asking:  # it ended by itself
                self._turn(False, "")
        self._answered.set()

    def close(self) -> None:
        """Nothing follows: the recorder may finish."""
        if self._live.tap is not None:
            self._live.tap = None
            time.sleep(_LAST_BLOCK_S)
            self.before_end()
            self._ring.end()

    def _wait_for(self, ask: Callable[[], None]) -> None:
        self._answer, self._asking = {}, True
        self._answered.clear()
        ask()
        self._answered.wait(ANSWER_S)
        self._asking = False

    def _arm(self) -> None:
        self._ring.clear()
        self._from = None
        self._began.clear()
        self._live.tap = self._take

    def _ask(self, name: str) -> None:
        self._send(
            {"type": "rec", "do": "start", "name": name, "from": self._from, "rate": self._instrument.rate}
        )

    def _turn(self, on: bool, source: str) -> None:
        if self.on != on:
            self.on = on
            self.changed(source)

    def _take(self, block: Float32) -> None:
        """One block, just after it was given to the device. Thread: render."""
        if self._from is None:
            self._from = self._before + self._instrument.frames - len(block)
            self._began.set()
        if not self._ring.write(block):
            self._telemetry.count("record_lost", len(block))
            self._telemetry.trouble(
                "record_full",
                "the disk is too slow for the recording: what is missing is silence of its length",
            )
