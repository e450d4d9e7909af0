"""The core process: control in, latent, decode, synth, ring. Nothing in it waits for disks or people."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from typing import Any

from ghostnote.audio.output import Output, await_output, open_output
from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_commands import MidiCommands
from ghostnote.control.midi_library import MapLibrary
from ghostnote.control.midi_player import Touch
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.control.midi_system import asks_for_jack
from ghostnote.control.osc_dirt import DirtServer
from ghostnote.control.osc_server import OscServer
from ghostnote.core import decode_timing, model_change, snapshot
from ghostnote.core.control_log import format_line
from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.engine import QUANTUM, Applied, Engine
from ghostnote.core.instrument import Instrument
from ghostnote.core.live import Live
from ghostnote.core.readout import Readout
from ghostnote.core.scene_keeper import LIST, UNDO, SceneKeeper
from ghostnote.core.status import status_of
from ghostnote.core.tasks import Task, Tasks
from ghostnote.decode.model import Model, load
from ghostnote.decode.worker import DecodeWorker
from ghostnote.errors import GhostnoteError, StateError
from ghostnote.host import log_lines
from ghostnote.host.midi_process import RemoteMidi
from ghostnote.host.options import LAST, PlayOptions
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, read_messages
from ghostnote.host.priority import raise_priorities
from ghostnote.host.stage import Stage
from ghostnote.scenes.library import Library
from ghostnote.state.store import home
from ghostnote.state.table import ROOT
from ghostnote.telemetry import Telemetry

STATE_S = 1.0
FADE_OUT_S = 0.08
RETIRED_S = 2.0
"""After which nothing asks any more for a model that was let go of."""
LAZY = ("encoder", "classifier")

_SWITCH_INTERVAL_S = 0.0005
_SWEEP_S = 20.0


class Core:
    """Everything that plays, wired together. Raises what opening models, ports and devices raises."""

    def __init__(
        self,
        options: PlayOptions,
        state: dict[str, Any] | None,
        out: PipeWriter,
        began: float | None = None,
        ring: str | None = None,
        watched: bool = False,
        ears: str | None = None,
    ) -> None:
        """`ring`, `ears`: shared memory for recordings and ears. `watched`: a screen shows what goes on."""
        self.telemetry = Telemetry()
        self._out = out
        self._log: deque[Applied] = deque(maxlen=1 << 16)
        self._log_lock = threading.Lock()
        maps = MapLibrary(options.maps, self.telemetry, strict=began is None)
        if state is not None:
            maps.take_back(state.get("midi"))
        self._log_from = 0
        model = self._load(options.model, state)
        self.inbox = Inbox(self.telemetry)
        self.tasks = Tasks(model, self.inbox, self.telemetry)
        self.output = _open(options, out, self.telemetry, again=began is not None)
        self.timing = self._timing(model)
        self.engine = Engine(
            model,
            DecodeWorker(None, self.telemetry),
            decode_delay=self.timing.delay,
            decode_spacing=self.timing.spacing,
            telemetry=self.telemetry,
            applied=self._log.append,
            load_model=self.tasks.take_model,
        )
        self.tasks.engine, self.tasks.timing = self.engine, self._timing
        self.scenes = SceneKeeper(Library(home() / "scenes"), self.engine, self.inbox, self.telemetry)
        for name, carry_out in self.scenes.work.items():
            self.tasks.handle(name, carry_out, local=False)
        self.engine.errand = lambda target, args: self.tasks.put(Task(target, args, UNDO, time.monotonic()))
        self.engine.set_value(f"{ROOT}/seed", options.seed)
        self.engine.set_value(f"{ROOT}/synth/mode", options.mode)
        if state is not None:
            self._add_models(state)
            self._restore(state)
        elif options.restore not in (None, LAST):
            self.scenes.apply(str(options.restore))
        self._initial = snapshot.take(self.engine)
        self.engine.prime(model.decode)
        self.instrument = Instrument(self.engine, self.output.rate)
        self.live = Live(self.instrument, self.output, self.inbox, self.tasks, self.telemetry)
        status = status_of(self.live, self.output, self.engine, self.telemetry)
        self.readout = Readout(self.engine, status)
        self.stage = Stage(
            self.live, self.instrument, self.inbox, self.tasks, out.send, ring, watched, self.scenes.names
        )
        self.stage.before_end = self.send_log
        self.stage.tell_ears(ears, options, fresh=began is None)
        self.readout.add(self.stage.readings)
        self.readout.add({LIST: self.scenes.names})
        self.osc = OscServer(
            self.inbox,
            self.telemetry,
            values=self.readout,
            bind=options.bind,
            port=options.port,
            session=f"{os.getpid()}",
            settled=lambda before: self.tasks.settled(before) and before < self.live.settled_until,
            changes=self.engine.changes.reader(),
        )
        self.dirt = None
        if options.dirt is not None:
            self.dirt = DirtServer(
                self.inbox, self.telemetry, values=self.readout, bind=options.bind, port=options.dirt
            )
        self.tasks.notify, self.stage.neighbours.answer = self.osc.notify, self.osc.answer
        self.engine.refused = self.osc.refuse
        self.midi = MidiInputs(
            self.inbox,
            self.telemetry,
            pattern=options.midi,
            library=maps,
            values=self.engine.values,
            changes=self.engine.changes.reader(),
            virtual=options.midi_virtual,
            system=RemoteMidi(asks_for_jack(options.midi), self.telemetry),
        )
        for name, work in MidiCommands(self.midi, self.osc.notify).handlers.items():
            self.tasks.handle(name, work)

    def start(
        self, began: float | None = None, record: str | None = None, from_frame: int | None = None
    ) -> None:
        """Let everything run: the first block is silence, and sound follows what comes in.

        `began`: monotonic time at which a core that this one replaces was ready; the log goes on from there.
        `record`: a file to record into from the first frame on; `from_frame`: where a recording that goes on
        began.
        """
        if began is not None:
            quanta = (time.monotonic() - began) * self.engine.spec.sample_rate / QUANTUM
            self._log_from = round(quanta) * QUANTUM
        before = round(self._log_from * self.output.rate / self.engine.spec.sample_rate)
        self.stage.start(before, from_frame, record if began is None else None)
        gc.collect()
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self.tasks.start()
        self.live.start()
        self.osc.start()
        if self.dirt is not None:
            self.dirt.start()
        self.midi.start()
        self.telemetry.gauge("realtime_threads", raise_priorities())

    def close(self) -> None:
        """Fade out, then stop; the device is released within its own limit."""
        self.osc.close()
        if self.dirt is not None:
            self.dirt.close()
        self.midi.close()
        self.stage.close()  # a render knows nothing of the fade
        self.send_log()
        self.instrument.safety.set_gain(0.0)
        self.engine.master_gain = 0.0
        time.sleep(FADE_OUT_S)
        self.live.close()
        self.output.close()
        self.tasks.close()

    def ready(self) -> Message:
        """What the supervisor tells the performer at the start."""
        return {
            "type": "ready",
            "model": self.engine.model.manifest.name,
            "rate": self.output.rate,
            "block": self.output.block,
            "latency_ms": 1000.0 * self.output.latency_frames / self.output.rate,
            "device": self.output.name,
            "osc": [self.osc.bind, self.osc.port],
            "dirt": None if self.dirt is None else self.dirt.port,
            "midi": list(self.midi.ports),
        }

    def beat(self) -> Message:
        """What the supervisor needs to know several times a second."""
        return {
            **self.stage.beat(),
            "type": "beat",
            "alive": self.live.alive,
            "seconds": self.engine.now / self.engine.spec.sample_rate,
            "voices": len(self.engine.pool.voices),
            "load": self.live.load,
            "peak_load": self.live.peak_load,
            "state": self.output.state.value,
            "device": self.output.name,
            "midi": list(self.midi.ports),
            "counters": {**self.telemetry.snapshot(), **self.output.counters()},
            "touched": touched_message(self.midi.last_touched),
            "reports": [[r.text, r.count] for r in self.telemetry.take_reports()],
        }

    def send_log(self) -> None:
        """Send the log lines of what took effect since the last call."""
        rate = self.engine.spec.sample_rate
        with self._log_lock:
            lines = []
            while self._log:
                applied = self._log.popleft()
                self.stage.touched(applied)
                lines.append(format_line((self._log_from + applied.at) / rate, applied.addr, applied.args))
            if lines:
                self._out.send({"type": "log", "lines": lines})

    def log_head(self) -> list[str]:
        """First lines of a log: what the engine was like before anything took effect."""
        return log_lines.head(self.engine, self._initial)

    def log_bridge(self) -> list[str]:
        """Log lines of a core that replaces another: all notes ended, and everything as it is now."""
        t = self._log_from / self.engine.spec.sample_rate
        return log_lines.bridge(self.engine, self._initial, t)

    def state(self) -> dict[str, Any]:
        """What another core needs to go on from here."""
        kept = self.midi.library.kept()
        return {**snapshot.take(self.engine), **({"midi": kept} if kept else {})}

    def let_go(self) -> None:
        """Forget models that were let go of a while ago: the last one to know them frees their memory."""
        retired = self.engine.retired
        while retired and self.engine.now - retired[0][0] > RETIRED_S * self.engine.spec.sample_rate:
            retired.popleft()

    def _timing(self, model: Model) -> DecodeTiming:
        """How far ahead a model's sounds are decoded beside the present device. Not realtime-safe."""
        took_s = decode_timing.measure(model)
        return decode_timing.timing(took_s, self.output.block, self.output.rate, model.spec.sample_rate)

    def _add_models(self, state: dict[str, Any]) -> None:
        """Load the models that played beside the main one; without one of them, the rest plays."""
        models = state.get("models")
        for entry in models.values() if isinstance(models, dict) else ():
            try:
                model = load(str(entry["folder"]), lazy=LAZY)
                model_change.add(self.engine, model, self._timing(model))
            except (GhostnoteError, TypeError, KeyError) as error:
                self.telemetry.trouble("model_refused", f"a model of the last state is missing: {error}")

    def _load(self, name: str, state: dict[str, Any] | None) -> Model:
        """The model that a core before this one played last, else the one that was asked for."""
        if state is not None:
            try:
                return load(str(state.get("folder")), lazy=LAZY)
            except GhostnoteError as error:
                self.telemetry.trouble("model_refused", f"the last model could not be loaded: {error}")
        return load(name, lazy=LAZY)

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            snapshot.restore(self.engine, state)
        except StateError as error:
            self.telemetry.trouble("state_refused", f"the last state could not be restored: {error}")


def touched_message(touch: Touch | None) -> Message | None:
    """The MIDI control that was moved last: `port`, `control`, `addr`, and `value` if it had an effect."""
    return asdict(touch) if touch is not None else None


def _open(options: PlayOptions, out: PipeWriter, telemetry: Telemetry, again: bool) -> Output:
    """The device, or silence until there is one. `again`: another core played on the named device before."""
    try:
        return open_output(options.device, rate=options.rate, block=options.block, telemetry=telemetry)
    except GhostnoteError as error:
        if options.device is not None and not again:
            raise
        out.send({"type": "no_device", "text": str(error)})
        return await_output(options.device, rate=options.rate, block=options.block, telemetry=telemetry)


def main() -> int:
    """Run as a child of the supervisor: options and state on standard input, then beats both ways."""
    ignore_signals()
    faulthandler.enable()
    out = PipeWriter(sys.stdout.buffer)
    first: list[Message] = []
    done = threading.Event()

    def handle(message: Message) -> None:
        if message.get("type") == "start":
            first.append(message)
            started.set()
        elif message.get("type") == "quit":
            done.set()
        elif message.get("type") == "page" and playing:
            playing[0].osc.info.http_port = message["port"]
        elif message.get("type") in ("rec", "event", "kept", "found") and playing:
            playing[0].stage.told(message)

    playing: list[Core] = []
    started = threading.Event()

    def listen() -> None:
        with contextlib.suppress(OSError, ValueError):
            read_messages(sys.stdin.buffer, handle)
        started.set()
        done.set()

    threading.Thread(target=listen, name="ghostnote-supervised", daemon=True).start()
    started.wait()
    if not first:
        return 1
    try:
        asked = first[0]
        began = asked.get("began")
        core = Core(
            PlayOptions(**asked["options"]),
            asked.get("state"),
            out,
            began,
            asked.get("ring"),
            bool(asked.get("watched")),
            asked.get("ears"),
        )
    except Exception as error:  # whatever it is, a person gets one line
        text = str(error) if isinstance(error, GhostnoteError) else f"unexpected, at the start: {error!r}"
        out.send({"type": "failed", "text": text})
        out.close()
        return 2
    if began is None:
        out.send({"type": "log", "lines": core.log_head()})
    core.start(began, asked["options"].get("record"), asked.get("from_frame"))
    playing.append(core)
    out.send(core.ready())
    if began is not None:
        out.send({"type": "log", "lines": core.log_bridge()})
    _serve(core, out, done)
    core.close()
    out.send(core.beat())  # what it came to, up to the last block
    core.send_log()
    out.send({"type": "state", "state": core.state()})
    out.close()
    return 0


def _end(status: int) -> None:
    """Leave at once: a thread may still wait for standard input, and nothing is left to save."""
    sys.stdout.flush()
    os._exit(status)


def _serve(core: Core, out: PipeWriter, done: threading.Event) -> None:
    last_state: dict[str, Any] = {}
    next_sweep = time.monotonic() + _SWEEP_S
    next_state = time.monotonic() + STATE_S
    while not done.wait(core.stage.beat_s):
        core.send_log()
        out.send(core.beat())
        core.let_go()
        if time.monotonic() >= next_state:
            next_state += STATE_S
            state = core.state()
            if state != last_state:
                out.send({"type": "state", "state": state})
                last_state = state
        if time.monotonic() > next_sweep and not core.engine.pool.voices:
            gc.collect()
            next_sweep = time.monotonic() + _SWEEP_S


if __name__ == "__main__":
    _end(main())
