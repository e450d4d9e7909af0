"""An instrument on the null device, with a clock that only sleeping moves, and devices that do odd things."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.enginekit import DELAY
from ghostnote.audio.null_output import NullOutput
from ghostnote.control.events import Event, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.core.control_log import START, format_line, read_log
from ghostnote.core.engine import Applied, Engine
from ghostnote.core.instrument import Instrument
from ghostnote.core.live import Live
from ghostnote.core.render import RenderOptions, render
from ghostnote.core.tasks import Tasks
from ghostnote.decode.model import Model
from ghostnote.decode.worker import Decoder, InlineDecoder
from ghostnote.state.registry import check, resolve
from ghostnote.state.table import Value
from ghostnote.telemetry import Telemetry


class VirtualTime:
    """A clock that only sleeping moves; what is due happens while it sleeps, on the sleeper's thread."""

    def __init__(self, until: float) -> None:
        self.now = 0.0
        self.until = until
        self.over = threading.Event()
        self._plans: list[tuple[float, Callable[[], object]]] = []

    def at(self, t: float, action: Callable[[], object]) -> None:
        self._plans.append((t, action))

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if self.now >= self.until:
            self.over.set()
            time.sleep(0.005)
            return
        self.now += seconds
        for plan in [plan for plan in self._plans if plan[0] <= self.now]:
            self._plans.remove(plan)
            plan[1]()


class Stage:
    """Everything that plays, on a null device."""

    def __init__(
        self,
        model: Model,
        output: NullOutput,
        clock: Callable[[], float],
        decoder: type = InlineDecoder,
        delay: int = DELAY,
    ) -> None:
        self.delay = delay
        self.model = model
        self.telemetry = Telemetry(hold_s=0.0)
        self.output = output
        self.applied: list[Applied] = []
        self.inbox = Inbox(self.telemetry)
        self.tasks = Tasks(model, self.inbox, self.telemetry)
        self.decoder: Decoder = decoder(model, self.telemetry)
        self.engine = Engine(
            model,
            self.decoder,
            decode_delay=delay,
            telemetry=self.telemetry,
            applied=self.applied.append,
            load_model=self.tasks.take_model,
        )
        self.tasks.engine = self.engine
        self.engine.prime(model.decode)
        self.instrument = Instrument(self.engine, output.rate)
        self.live = Live(self.instrument, output, self.inbox, self.tasks, self.telemetry)
        self._clock = clock

    def send(self, *messages: tuple[str, tuple[Value, ...]], due: float | None = None) -> None:
        """Put messages of one bundle into the inbox, as an OSC server would."""
        batch = next_batch()
        events = []
        for addr, args in messages:
            target = resolve(f"/gn/{addr}")
            events.append(Event(target.addr, check(target, args)[0], "test", self._clock(), due, batch))
        self.inbox.put(events)

    def log(self, path: Path) -> Path:
        """Write the log that `play` would."""
        rate = self.engine.spec.sample_rate
        lines = [format_line(0.0, START, ["version", "test", "model", "tiny", "decode_delay", self.delay])]
        lines += [format_line(a.at / rate, a.addr, a.args) for a in self.applied]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def offline(self, folder: Path) -> np.ndarray:
        """A render of the log, as long as what was recorded."""
        log = read_log(self.log(folder / "log.jsonl"))
        seconds = len(self.output.recorded()) / self.output.rate
        options = RenderOptions(rate=self.output.rate, seconds=seconds)
        return np.concatenate(list(render(self.model, log, options)))

    def close(self) -> None:
        self.live.close()
        self.output.close()
        self.decoder.close()


class ChangingOutput(NullOutput):
    """A device whose block changes, as one that comes back can have another one."""

    def change(self, block: int) -> None:
        self._blocks = (block,)
        self._block = block
        self._target = 2 * block


class WatchedOutput(NullOutput):
    """Notes how much was missing before each write, and how much was written."""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)
        self.writes: list[tuple[int, int]] = []

    def write(self, frames: np.ndarray) -> None:
        self.writes.append((self.writable(), len(frames)))
        super().write(frames)
