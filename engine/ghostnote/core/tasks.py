"""Slow work beside the sound, one task at a time: embedding files into slots and loading models."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ghostnote.control.events import Event, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.core.engine import OTHER_GEOMETRY
from ghostnote.decode.model import Model, load
from ghostnote.decode.worker import DecodeWorker
from ghostnote.errors import BundleError, GhostnoteError, MessageError
from ghostnote.features import audio_file
from ghostnote.features.stft import magnitudes
from ghostnote.state.registry import Target
from ghostnote.state.table import ROOT, Value
from ghostnote.telemetry import Telemetry

_MAX_WAITING = 64


@dataclass(frozen=True)
class Task:
    """A slow command and who asked for it."""

    target: Target
    args: tuple[Value, ...]
    source: str
    received: float


class Tasks:
    """Carries out slow commands; their effect comes back through the inbox as a quick one.

    `slot/file` becomes `slot/z`, so that a log holds the point and not the path of a file that may move.
    `model/load` comes back as itself once the model is loaded and warm (`take_model`).
    """

    def __init__(self, model: Model, inbox: Inbox, telemetry: Telemetry) -> None:
        self._model = model
        self._inbox = inbox
        self._telemetry = telemetry
        self.notify: Callable[[str, str, str, str], None] = lambda source, addr, code, text: None
        """Called with a task's source, its address, an error code (empty: done) and a text."""
        self._waiting: queue.Queue[Task | None] = queue.Queue(_MAX_WAITING)
        self._open: deque[float] = deque()
        self._loaded: dict[str, tuple[Model, DecodeWorker]] = {}
        self._thread = threading.Thread(target=self._run, name="ghostnote-tasks", daemon=True)
        self._work: dict[str, Callable[[Task], None]] = {"slot/file": self._embed, "model/load": self._load}

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the present task; what waits is dropped."""
        while True:
            try:
                self._waiting.put_nowait(None)
                break
            except queue.Full:
                self._waiting.get_nowait()
        self._thread.join(timeout=2.0)

    def put(self, task: Task) -> None:
        """Queue a command. Thread: any; never waits."""
        try:
            self._open.append(task.received)
            self._waiting.put_nowait(task)
        except queue.Full:
            self._open.pop()
            self._telemetry.trouble(
                "tasks_full", f"{task.target.addr}: too many files or models are waiting; try again"
            )

    def settled(self, before: float) -> bool:
        """Whether everything that was asked for before monotonic time `before` is done."""
        try:
            return self._open[0] >= before
        except IndexError:
            return True

    def is_loaded(self, name: str) -> bool:
        """Whether `take_model(name)` will find a model."""
        return name in self._loaded

    def take_model(self, name: str) -> tuple[Model, DecodeWorker]:
        """The model that was loaded under `name`, with its worker. Thread: render."""
        try:
            self._model, worker = self._loaded.pop(name)
        except KeyError:
            raise BundleError(f"model {name}: not loaded yet") from None
        return self._model, worker

    def _run(self) -> None:
        while (task := self._waiting.get()) is not None:
            code, text = "", str(task.args[0])
            try:
                if not _is_local(task.source):
                    raise MessageError("io", "files and models are loaded for senders on this computer only")
                self._work[task.target.name](task)
            except GhostnoteError as error:
                code, text = "io", str(error)
            except Exception as error:  # the thread must outlive whatever a file does to a library
                code, text = "internal", repr(error)
            if code:
                self._telemetry.trouble(f"task:{task.target.addr}", f"{task.target.addr}: {text}")
            self.notify(task.source, task.target.addr, code, text)
            self._open.popleft()

    def _embed(self, task: Task) -> None:
        model = self._model
        sound = audio_file.load(str(task.args[0]), model.spec)
        z = model.encode(magnitudes(sound, model.spec))
        self._answer(f"{ROOT}/slot/{task.target.slot}/z", tuple(float(x) for x in z), task.source)

    def _load(self, task: Task) -> None:
        name = str(task.args[0])
        model = load(name)
        if model.spec != self._model.spec:
            raise BundleError(f"model {name}: {OTHER_GEOMETRY}")
        self._loaded[name] = (model, DecodeWorker(model, self._telemetry))
        self._answer(task.target.addr, (name,), task.source)

    def _answer(self, addr: str, args: tuple[Value, ...], source: str) -> None:
        self._inbox.put([Event(addr, args, source, time.monotonic(), None, next_batch())])


def _is_local(source: str) -> bool:
    return not source.startswith("osc:") or source.startswith("osc:127.")
