"""The ears process: takes sound from an input, and tells visuals what is heard and its parent what is over.

It is beside the instrument and not in its way; if it dies or its device goes away, the parent starts another.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from ghostnote.audio.devices import refresh
from ghostnote.audio.input import Input, InputState, open_input
from ghostnote.control.clock import StreamClock
from ghostnote.control.osc_stream import Streams, parse_target
from ghostnote.decode.model import load
from ghostnote.ears.beatbox import Sighting
from ghostnote.ears.options import ListenOptions
from ghostnote.ears.sounds import Answer, Question
from ghostnote.ears.thinker import Thinker
from ghostnote.errors import DeviceError, GhostnoteError
from ghostnote.host.ears_memory import EarsMemory, ears_bytes
from ghostnote.host.heard_files import HeardFiles
from ghostnote.host.heard_line import as_dict
from ghostnote.host.hearing import Heard, Hearing
from ghostnote.host.output_watch import OutputWatch
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, read_messages
from ghostnote.host.priority import raise_priorities
from ghostnote.host.sharing import attach
from ghostnote.host.show import BUNDLES_HZ, INPUT_ROOT, OUTPUT_ROOT, Show
from ghostnote.state.table import PARTS
from ghostnote.telemetry import Telemetry

LOOK_S = 0.0015
"""How often the ring is emptied."""
HURRY_S = 0.0005
"""The same while an early answer is to come."""
TRY_S = 1.0
"""How often a device that is gone is looked for."""
LOST = 3
"""Exit status when the device is gone: only a new process finds it again."""
_TELL_S = 0.25
_SWITCH_INTERVAL_S = 0.0005


class Ears:
    """What an input hears, what the instrument plays, or both, told until the end."""

    def __init__(self, asked: Message, out: PipeWriter) -> None:
        """Open model and targets. Raises GhostnoteError."""
        self._asked, self._out = asked, out
        self.telemetry = Telemetry()
        self._options = ListenOptions(**asked["options"])
        targets = [parse_target(text) for text in asked["targets"]]
        self._streams = Streams(targets, self.telemetry)
        self._thinker = Thinker(load(asked["model"], lazy=("decoder",)), self._options.unknown)
        self._tell_at = 0.0
        self._files: HeardFiles | None = None
        if asked.get("heard") is not None:
            rate = self._thinker.model.spec.sample_rate
            self._files = HeardFiles(Path(asked["heard"]), rate, self._kept)
        self._output: OutputWatch | None = None
        self._core: EarsMemory | None = None
        if asked.get("ring") is not None:
            memory, rate = attach(asked["ring"], ears_bytes()), int(asked["rate"])
            show = Show(self._thinker, rate, self._streams, OUTPUT_ROOT, PARTS)
            self._core = EarsMemory(memory)
            self._output = OutputWatch(memory, self._thinker, show, rate, self.telemetry)

    def run(self, ended: threading.Event) -> int:
        """Listen until the end; the exit status. Raises DeviceError when the input cannot be opened."""
        if self._asked["input"] is None and self._output is not None:
            self.telemetry.gauge("realtime_threads", raise_priorities())
            self._say("what is played", int(self._asked["rate"]))
            while not ended.wait(LOOK_S):
                self._look()
            return 0
        source = self._open(ended)
        if source is None:
            return 0
        self._say(source.name, source.rate)
        show = Show(self._thinker, source.rate, self._streams, INPUT_ROOT)
        hearing = Hearing(
            self._thinker,
            source.rate,
            show,
            self.telemetry,
            options=self._options,
            over=self._over,
            answered=self._answered,
        )
        self.telemetry.gauge("realtime_threads", raise_priorities())
        try:
            return self._listen(source, hearing, ended)
        finally:
            hearing.finish()
            hearing.close()
            source.close()
            if self._files is not None:
                self._files.close()
            self.tell(now=True)

    def tell(self, now: bool = False) -> None:
        """Let the parent know what went wrong, and that all is well."""
        if now or time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + _TELL_S
            reports = [[r.text, r.count] for r in self.telemetry.take_reports()]
            self._out.send({"type": "beat", "reports": reports, "counters": self.telemetry.snapshot()})

    def _say(self, name: str, rate: int) -> None:
        said = {"name": name, "rate": rate, "targets": self._streams.targets}
        self._out.send({"type": "listening", **said})

    def _look(self) -> None:
        """What is to be done beside the input."""
        if self._output is not None:
            self._output.look(time.monotonic())
        self.tell()

    def _listen(self, source: Input, hearing: Hearing, ended: threading.Event) -> int:
        clock, frames = StreamClock(source.rate), 0
        while not ended.wait(HURRY_S if hearing.hurried else LOOK_S):
            block = source.read()
            now = time.monotonic()
            if len(block):
                frames += len(block)
                clock.observe(frames, now)
                hearing.take(block, clock.time_of(frames) - source.latency_s)
            elif source.state is not InputState.RUNNING:
                return LOST
            self._look()
        return 0

    def _open(self, ended: threading.Event) -> Input | None:
        """The input; one that was there before is waited for, while visuals see silence."""
        name: str | None = self._asked["input"] or None
        if not self._asked.get("again"):
            try:
                return open_input(name)
            except DeviceError as error:
                if self._output is None:
                    raise
                text = f"{error}. The instrument plays on, and the input is looked for"
                self.telemetry.trouble("no_input", text)
        show = Show(self._thinker, 48000, self._streams, INPUT_ROOT)
        next_show = next_try = 0.0
        while not ended.wait(LOOK_S):
            self._look()
            now = time.monotonic()
            if now >= next_show:
                next_show = now + 1.0 / BUNDLES_HZ
                show.send(now)
            if now >= next_try:
                next_try = now + TRY_S
                try:
                    refresh()
                    return open_input(name)
                except DeviceError:
                    continue
        return None

    def _answered(self, question: Question, answer: Answer, at: float) -> None:
        """Let the core know, if there is one: it may play. Before anyone else is told."""
        if self._core is not None:
            peak = float(abs(question.samples).max(initial=0.0))
            said = time.monotonic()
            self._core.add_sighting(
                Sighting(at, question.age_s, said, peak, question.final, answer.probabilities)
            )

    def _kept(self, heard: Heard) -> None:
        """A sound that is over can be had as a file."""
        probabilities = [float(p) for p in heard.answers[-1].probabilities]
        message = {"type": "kept", "number": heard.number, "at": heard.at, "probabilities": probabilities}
        self._out.send(message)

    def _over(self, heard: Heard) -> None:
        if self._files is not None:
            self._files.put(heard)
        self._out.send({"type": "heard", "sound": as_dict(heard, self._thinker.classes)})


def main() -> int:
    """Run as a child: what to listen to on standard input, then `quit`."""
    ignore_signals()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    out = PipeWriter(sys.stdout.buffer)
    first: list[Message] = []
    told, ended = threading.Event(), threading.Event()

    def handle(message: Message) -> None:
        if message.get("type") == "listen":
            first.append(message)
            told.set()
        elif message.get("type") == "quit":
            ended.set()

    def listen() -> None:
        read_messages(sys.stdin.buffer, handle)
        told.set()
        ended.set()

    threading.Thread(target=listen, name="ghostnote-supervised", daemon=True).start()
    told.wait()
    status = _run(first[0], out, ended) if first else 1
    out.close()
    return status


def _run(asked: Message, out: PipeWriter, ended: threading.Event) -> int:
    try:
        return Ears(asked, out).run(ended)
    except (GhostnoteError, OSError, ValueError) as error:
        out.send({"type": "refused", "text": str(error)})
        return 2


if __name__ == "__main__":
    os._exit(main())
