"""Slow work beside the sound, one task at a time: embedding files into slots and loading models."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.control.events import Event, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.core import decode_timing, model_change
from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.engine import QUANTUM, Engine
from ghostnote.decode import verify
from ghostnote.decode.model import Model, load
from ghostnote.errors import BundleError, GhostnoteError, MessageError
from ghostnote.features import audio_file
from ghostnote.features.stft import magnitudes
from ghostnote.state.registry import Target
from ghostnote.state.table import ROOT, Value
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

Change = tuple[str, tuple[Value, ...]]
"""A message that comes back through the inbox: an address and its checked arguments."""

_MAX_WAITING = 64


@dataclass(frozen=True)
class Task:
    """A slow command and who asked for it, by which number (0: none)."""

    target: Target
    args: tuple[Value, ...]
    source: str
    received: float
    request: int = 0


class Tasks:
    """Carries out slow commands; their effect comes back through the inbox as a quick one.

    `slot/file` becomes one `slot/point` and one `slot/detail` for each model that is loaded, so that a log
    holds these and not the path of a file that may move; models that are loaded later get theirs then.
    `model/load` and `model/add` become `model/use`, with the model's timing, once it is loaded and warm
    (`take_model`).
    """

    def __init__(self, model: Model, inbox: Inbox, telemetry: Telemetry) -> None:
        self._model = model
        self._inbox = inbox
        self._telemetry = telemetry
        self.notify: Callable[[str, str, str, str, int], None] = lambda *notice: None
        """Called with a task's source, its address, an error code (empty: done), a text and the request."""
        self._waiting: queue.Queue[Task | None] = queue.Queue(_MAX_WAITING)
        self._open: deque[float] = deque()
        self.engine: Engine | None = None
        """Whose models are there already and whose slots still hold a file; only read here."""
        self.timing: Callable[[Model], DecodeTiming] = _timing
        self._loaded: dict[str, Model] = {}
        self._names: dict[str, str] = {}
        self._files: dict[str, tuple[str, Float32, bool]] = {}
        self._thread = threading.Thread(target=self._run, name="ghostnote-tasks", daemon=True)
        self._for_all: set[str] = set()
        self._later: set[str] = set()
        self._ticket, self._answered = 0, float("-inf")
        self._work: dict[str, Callable[[Task], str | None]] = {
            "slot/file": self._embed,
            "model/load": self._load,
            "model/add": self._load,
        }

    def handle(
        self, name: str, work: Callable[[Task], str | None], *, local: bool = True, later: bool = False
    ) -> None:
        """Let `work` carry out the slow command of that `Target.name`.

        `local`: for senders on this computer only. `later`: what it began is ended by `end`, unless it
        raises. It may raise a GhostnoteError, and return what its author is told (else the first argument).
        """
        self._work[name] = work
        if not local:
            self._for_all.add(name)
        if later:
            self._later.add(name)

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

    def in_effect(self, settled: Callable[[float], bool]) -> bool:
        """Whether all that tasks changed is in effect. Thread: tasks.

        `settled`: whether what was taken from the inbox, and came into it before a monotonic time, is.
        """
        return self._inbox.applied >= self._ticket and settled(self._answered)

    def take_model(self, name: str) -> Model:
        """The model that was loaded under `name`. Thread: render. Raises BundleError if there is none."""
        model = self._loaded.pop(name, None)
        if model is None and self.engine is not None:  # asked for twice, and taken over the first time
            known = self.engine.models.get(self._names.get(name, name))
            model = None if known is None else known.model
        if model is None:
            raise BundleError(f"model {name}: not loaded; load it with {ROOT}/model/load")
        return model

    def _run(self) -> None:
        while (task := self._waiting.get()) is not None:
            code, text = "", str(task.args[0]) if task.args else ""
            try:
                if task.target.name not in self._for_all and not is_local(task.source):
                    raise MessageError("io", "files and models are loaded for senders on this computer only")
                work = self._work.get(task.target.name)
                if work is None:
                    raise MessageError("not_found", "nothing here can do that")
                text = work(task) or text
            except GhostnoteError as error:
                code, text = error.code if isinstance(error, MessageError) else "io", str(error)
            except Exception as error:  # the thread must outlive whatever a file does to a library
                code, text = "internal", repr(error)
            if code or task.target.name not in self._later:
                self.end(task, code, text)
            self._open.popleft()

    def end(self, task: Task, code: str, text: str) -> None:
        """Tell the author of a task, and of an error the performer, how it ended (`code` empty: done).

        Thread: any.
        """
        text = in_letters(text)
        if code:
            self._telemetry.trouble(f"task:{task.target.addr}", f"{task.target.addr}: {text}")
        self.notify(task.source, task.target.addr, code, text, task.request)

    def _embed(self, task: Task) -> None:
        path = Path(str(task.args[0]))
        self.place_file(task, path, path.name, str(task.target.slot))

    def place_file(
        self,
        task: Task,
        path: Path,
        origin: str,
        slot: str,
        more: Sequence[Change] = (),
        *,
        detail: bool = True,
    ) -> None:
        """Put the sound in a file into a slot, for every model. Thread: tasks.

        `more`: what takes effect with it. `detail`: whether it keeps one. Raises AudioFileError and what a
        model raises.
        """
        self.place(slot, audio_file.load(path, self._model.spec), origin, task.source, more, detail=detail)

    def place(
        self,
        slot: str,
        sound: Float32,
        origin: str,
        source: str,
        more: Sequence[Change] = (),
        *,
        detail: bool = True,
    ) -> dict[str, Float32]:
        """Put a sound (spec.samples,) into a slot for every model. Thread: tasks.

        `more`: what takes effect with it. `detail`: whether it keeps one. The points (D,) by the models'
        names. Raises what a model raises; then nothing changes.
        """
        points: dict[str, Float32] = {}
        changes: list[Change] = []
        for model in self._models().values():
            points[model.manifest.name], made = _captured(slot, origin, sound, model, detail)
            changes += made
        self.answer(source, *changes, *more)
        self._files[slot] = (origin, sound, detail)
        return points

    def _load(self, task: Task) -> None:
        name, present = str(task.args[0]), self._models()
        model = load(name, lazy=("encoder", "classifier"))
        verify.check_files(model.folder, model.manifest)
        model_change.check(model, self._model.spec, present.values())
        known = present.get(model.manifest.name)
        if known is not None and known.manifest.digest == model.manifest.digest:
            model = known
        timing = self.timing(model)
        self._loaded[name], self._names[name] = model, model.manifest.name
        main = int(task.target.name == "model/load")
        self.answer(task.source, (f"{ROOT}/model/use", (name, main, timing.delay, timing.spacing)))
        for slot, (origin, sound, detail) in self._files.items() if model is not known else ():
            if self._holds(slot, origin):
                try:
                    self.answer(task.source, *_captured(slot, origin, sound, model, detail)[1])
                except GhostnoteError as error:
                    self._telemetry.trouble("slot_file", f"slot {slot}, {origin}: {error}")

    def _models(self) -> dict[str, Model]:
        """The models that are loaded, by their names, also those that the engine has not taken over yet."""
        engine = self.engine
        there = [self._model] if engine is None else [loaded.model for loaded in engine.models]
        return {model.manifest.name: model for model in (*there, *list(self._loaded.values()))}

    def _holds(self, slot: str, origin: str) -> bool:
        """Whether what a slot holds still came from there."""
        content = None if self.engine is None else self.engine.slots.get(slot)
        return content is not None and content.origin == origin

    def answer(self, source: str, *changes: Change) -> None:
        """Let changes of an author take effect in one piece. Thread: tasks."""
        now, batch = time.monotonic(), next_batch()
        self._ticket = self._inbox.put(
            [Event(addr, args, source, now, None, batch) for addr, args in changes]
        )
        self._answered = now


def in_letters(text: str) -> str:
    """A text as logs and peers take it: bytes of a file's name that are no text as `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_local(source: str) -> bool:
    """Whether an author is on this computer."""
    return not source.startswith("osc:") or source.startswith("osc:127.")


def _captured(
    slot: str, origin: str, sound: Float32, model: Model, detail: bool
) -> tuple[Float32, list[Change]]:
    """The point of a sound in a model, and what puts it into a slot."""
    heard, name = magnitudes(sound, model.spec), model.manifest.name
    z, kept = model.capture(heard) if detail else (model.encode(heard), None)
    changes: list[Change] = [(f"{ROOT}/slot/{slot}/point", (name, origin, *(float(x) for x in z)))]
    if kept is not None:
        changes.append((f"{ROOT}/slot/{slot}/detail", (name, kept.text)))
    return z, changes


def _timing(model: Model) -> DecodeTiming:
    """Timing without a device."""
    rate = model.spec.sample_rate
    return decode_timing.timing(decode_timing.measure(model), QUANTUM, rate, rate)
