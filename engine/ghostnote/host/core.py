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
from typing import Any

from ghostnote import __version__
from ghostnote.audio.output import Output, await_output, open_output
from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.control.osc_server import OscServer
from ghostnote.core import decode_timing, snapshot
from ghostnote.core.control_log import START, format_line
from ghostnote.core.engine import QUANTUM, Applied, Engine
from ghostnote.core.instrument import Instrument
from ghostnote.core.live import Live
from ghostnote.core.readout import Readout
from ghostnote.core.tasks import Tasks
from ghostnote.decode.model import Model, load
from ghostnote.decode.worker import DecodeWorker
from ghostnote.errors import GhostnoteError, StateError
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message, PipeWriter, ignore_signals, read_messages
from ghostnote.host.priority import raise_priorities
from ghostnote.state.table import ROOT
from ghostnote.telemetry import Telemetry

BEAT_S = 0.25
FADE_OUT_S = 0.08

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
    ) -> None:
        self.telemetry = Telemetry()
        self._out = out
        self._log: deque[Applied] = deque(maxlen=1 << 16)
        self._keep_log = options.log is not None
        self._log_from = 0
        model = self._load(options.model, state if began is not None else None)
        self.inbox = Inbox(self.telemetry)
        self.tasks = Tasks(model, self.inbox, self.telemetry)
        self.output = _open(options, out, self.telemetry, again=began is not None)
        self.timing = decode_timing.timing(
            decode_timing.measure(model), self.output.block, self.output.rate, model.spec.sample_rate
        )
        self.engine = Engine(
            model,
            DecodeWorker(model, self.telemetry),
            decode_delay=self.timing.delay,
            decode_spacing=self.timing.spacing,
            telemetry=self.telemetry,
            applied=self._log.append if self._keep_log else None,
            load_model=self.tasks.take_model,
        )
        self.engine.set_value(f"{ROOT}/seed", options.seed)
        self.engine.set_value(f"{ROOT}/synth/mode", options.mode)
        if state is not None:
            self._restore(state)
        self._initial = snapshot.take(self.engine)
        self.engine.prime(model.decode)
        self.instrument = Instrument(self.engine, self.output.rate)
        self.live = Live(self.instrument, self.output, self.inbox, self.tasks, self.telemetry)
        self.osc = OscServer(
            self.inbox,
            self.telemetry,
            values=Readout(self.engine),
            bind=options.bind,
            port=options.port,
            session=f"{os.getpid()}",
            settled=self.tasks.settled,
        )
        self.tasks.notify = self.osc.notify
        self.midi = MidiInputs(self.inbox, self.telemetry, pattern=options.midi)

    def start(self, began: float | None = None) -> None:
        """Let everything run: the first block is silence, and sound follows what comes in.

        `began`: monotonic time at which a core that this one replaces was ready; the log goes on from there.
        """
        if began is not None:
            quanta = (time.monotonic() - began) * self.engine.spec.sample_rate / QUANTUM
            self._log_from = round(quanta) * QUANTUM
        gc.collect()
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self.tasks.start()
        self.live.start()
        self.osc.start()
        self.midi.start()
        self.telemetry.gauge("realtime_threads", raise_priorities())

    def close(self) -> None:
        """Fade out, then stop; the device is released within its own limit."""
        self.osc.close()
        self.midi.close()
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
            "midi": list(self.midi.ports),
        }

    def beat(self) -> Message:
        """What the supervisor needs to know several times a second."""
        return {
            "type": "beat",
            "alive": self.live.alive,
            "seconds": self.engine.now / self.engine.spec.sample_rate,
            "voices": len(self.engine.pool.voices),
            "load": self.live.load,
            "peak_load": self.live.peak_load,
            "state": self.output.state.value,
            "counters": {**self.telemetry.snapshot(), **self.output.counters()},
            "reports": [[r.text, r.count] for r in self.telemetry.take_reports()],
        }

    def log_lines(self) -> list[str]:
        """Log lines of what took effect since the last call."""
        rate = self.engine.spec.sample_rate
        lines = []
        while self._log:
            applied = self._log.popleft()
            lines.append(format_line((self._log_from + applied.at) / rate, applied.addr, applied.args))
        return lines

    def log_head(self) -> list[str]:
        """First lines of a log: what the engine was like before anything took effect."""
        start = ["version", __version__, "model", self._initial["model"]]
        start += ["decode_delay", self.timing.delay, "decode_spacing", self.timing.spacing]
        lines = [format_line(0.0, START, start)]
        lines += [format_line(0.0, addr, [value]) for addr, value in self._initial["values"].items()]
        for name, slot in self._initial["slots"].items():
            origin = self.engine.model.manifest.prototypes
            if slot is not None and slot["origin"] not in origin:
                lines.append(format_line(0.0, f"{ROOT}/slot/{name}/z", slot["z"]))
        return lines

    def log_bridge(self) -> list[str]:
        """Log lines of a core that replaces another: all notes ended, and everything as it is now."""
        t = self._log_from / self.engine.spec.sample_rate
        lines = [format_line(t, f"{ROOT}/panic", [])]
        lines += [format_line(t, addr, [value]) for addr, value in self.engine.values.items()]
        for name, slot in self._initial["slots"].items():
            command = "clear" if slot is None else "z"
            lines.append(format_line(t, f"{ROOT}/slot/{name}/{command}", [] if slot is None else slot["z"]))
        return lines

    def let_go(self) -> None:
        """Close the decoders of models that were replaced, beside everything else."""
        retired = self.engine.retired
        while retired:
            threading.Thread(target=retired.popleft().close, name="ghostnote-retire", daemon=True).start()
            raise_priorities()

    def _load(self, name: str, state: dict[str, Any] | None) -> Model:
        """The model that a core before this one played last, else the one that was asked for."""
        lazy = ("encoder", "classifier")
        if state is not None:
            try:
                return load(str(state.get("folder")), lazy=lazy)
            except GhostnoteError as error:
                self.telemetry.trouble("model_refused", f"the last model could not be loaded: {error}")
        return load(name, lazy=lazy)

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            snapshot.restore(self.engine, state)
        except StateError as error:
            self.telemetry.trouble("state_refused", f"the last state could not be restored: {error}")


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
        core = Core(PlayOptions(**first[0]["options"]), first[0].get("state"), out, first[0].get("began"))
    except Exception as error:  # whatever it is, a person gets one line
        text = str(error) if isinstance(error, GhostnoteError) else f"unexpected, at the start: {error!r}"
        out.send({"type": "failed", "text": text})
        out.close()
        return 2
    began = first[0].get("began")
    core.start(began)
    out.send(core.ready())
    out.send({"type": "log", "lines": core.log_head() if began is None else core.log_bridge()})
    _serve(core, out, done)
    core.close()
    out.send({"type": "log", "lines": core.log_lines()})
    out.send({"type": "state", "state": snapshot.take(core.engine)})
    out.close()
    return 0


def _end(status: int) -> None:
    """Leave at once: a thread may still wait for standard input, and nothing is left to save."""
    sys.stdout.flush()
    os._exit(status)


def _serve(core: Core, out: PipeWriter, done: threading.Event) -> None:
    last_state: dict[str, Any] = {}
    next_sweep = time.monotonic() + _SWEEP_S
    beats = 0
    while not done.wait(BEAT_S):
        beats += 1
        out.send(core.beat())
        core.let_go()
        if lines := core.log_lines():
            out.send({"type": "log", "lines": lines})
        if beats % 4 == 0:
            state = snapshot.take(core.engine)
            if state != last_state:
                out.send({"type": "state", "state": state})
                last_state = state
        if time.monotonic() > next_sweep and not core.engine.pool.voices:
            gc.collect()
            next_sweep = time.monotonic() + _SWEEP_S


if __name__ == "__main__":
    _end(main())
