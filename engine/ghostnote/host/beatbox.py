"""Beatbox in the core: what an input hears plays the parts of its classes, is learnt by them, or both.

What it does is ordinary control, so that a log has it and a render needs no input: hits, slots, weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from ghostnote.control.events import Event, next_batch
from ghostnote.core.engine import Engine
from ghostnote.core.models import START_SLOTS
from ghostnote.core.tasks import Task, Tasks
from ghostnote.decode.bundle import find
from ghostnote.decode.manifest import MANIFEST_NAME, Manifest
from ghostnote.ears.beatbox import Judge, Rules, Sighting, likeliest, usual_parts, velocity
from ghostnote.errors import BundleError
from ghostnote.host.ears_memory import EarsMemory
from ghostnote.host.pipe import Message
from ghostnote.state.beatbox import CLASSES
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import ROOT, Value

SOURCE = "beatbox"
"""Author of what it does."""
STEADY_S = 0.005
"""Hits count as asked for so long after the sound that they needed was in, if they are not later: how long
ears take differs from hit to hit, and a steady wait is easier to play with than a shorter one that is not."""

_ROOT = f"{ROOT}/{SOURCE}"
_MODE = f"{_ROOT}/mode"
_PLAYS, _LEARNS = ("play", "both"), ("learn", "both")
_CLASSES = tuple(f"{_ROOT}/class{n}" for n in range(1, CLASSES + 1))
_HITS, _LEARNT, _IGNORED, _MAP = (f"{_ROOT}/{name}" for name in ("hits", "learnt", "ignored", "map"))


def classes_of(model: str) -> tuple[str, ...]:
    """The classes of a model, by its name or folder; none if it cannot be read."""
    try:
        return Manifest.from_file(find(model) / MANIFEST_NAME).classes
    except BundleError:
        return ()  # the ears say so themselves


class Beatbox:
    """The core's end of it. `memory`: shared with ears that hear an input, None without such ears.

    `classes`: those that the ears tell apart. Thread: render, but for `over`.
    """

    def __init__(
        self, engine: Engine, tasks: Tasks, memory: EarsMemory | None, classes: Sequence[str]
    ) -> None:
        self._engine, self._tasks, self._memory = engine, tasks, memory
        self._classes = tuple(classes)
        self._usual = usual_parts(classes, START_SLOTS)
        self._judge = Judge()
        self._counts = dict.fromkeys((_HITS, _LEARNT, _IGNORED), 0)
        self._told = False
        if memory is not None:
            memory.skip_sightings()

    @property
    def readings(self) -> Mapping[str, Callable[[], Value | tuple[Value, ...]]]:
        """What can be asked for, by address."""
        counts = {addr: partial(self._counts.__getitem__, addr) for addr in self._counts}
        return {**counts, _MAP: self._map}

    def parts(self) -> tuple[int, ...]:
        """The part of each class, 0 = none: as it was set, else as usual. Thread: any."""
        values = self._engine.values
        chosen = [int(values[addr]) for addr in _CLASSES[: len(self._usual)]]
        given = [usual if part < 0 else part for part, usual in zip(chosen, self._usual, strict=False)]
        return (*given, *self._usual[len(given) :])

    def own_hit(self, heard: float) -> None:
        """A hit of the engine is heard at monotonic time `heard`. Realtime-safe: yes."""
        self._judge.own_hit(heard)

    def events(self) -> Sequence[Event]:
        """Hits that what was heard since the last call comes to. Realtime-safe: bounded work."""
        mode = str(self._engine.values[_MODE])
        if self._memory is None:
            self._tell_deaf(mode)
            return ()
        seen = self._memory.new_sightings()
        if not seen or mode not in _PLAYS:
            return ()
        rules, parts = self._rules(), self.parts()
        return [event for one in seen if (event := self._hit(one, rules, parts)) is not None]

    def over(self, message: Message) -> None:
        """A sound is over and can be had. Thread: any but render."""
        values = self._engine.values
        if values[_MODE] not in _LEARNS:
            return
        rules = self._rules()
        probabilities = np.array(message["probabilities"], dtype=np.float32)
        part, sure = likeliest(probabilities, self.parts())
        if not part or sure < rules.confidence or self._judge.is_own(float(message["at"]), rules.guard_s):
            if values[_MODE] not in _PLAYS:
                self._count(_IGNORED)
            return
        target = TARGETS[f"{ROOT}/part{part}/capture"]
        self._tasks.put(Task(target, (1.0, int(message["number"])), SOURCE, time.monotonic()))
        self._count(_LEARNT)

    def _hit(self, seen: Sighting, rules: Rules, parts: Sequence[int]) -> Event | None:
        part, sure = likeliest(seen.probabilities, parts)
        verdict = self._judge.judge(seen, sure if part else -1.0, rules)
        if verdict != "play":
            if verdict in ("own", "held") or (verdict == "wait" and seen.final):
                self._count(_IGNORED)
            return None
        self._count(_HITS)
        values = self._engine.values
        full_db, dynamics = float(values[f"{_ROOT}/level"]), float(values[f"{_ROOT}/dynamics"])
        hit = (velocity(seen.peak, full_db, dynamics),)
        received = min(max(seen.said, seen.at + seen.age_s + STEADY_S), seen.said + STEADY_S)
        return Event(f"{ROOT}/part{part}/hit", hit, SOURCE, received, None, next_batch())

    def _rules(self) -> Rules:
        values = self._engine.values
        return Rules(*(float(values[f"{_ROOT}/{name}"]) for name in ("confidence", "hold", "guard")))

    def _count(self, addr: str) -> None:
        self._counts[addr] += 1
        self._engine.changes.note(addr)

    def _tell_deaf(self, mode: str) -> None:
        if mode == "off":
            self._told = False
        elif not self._told:
            self._told = True
            self._engine.telemetry.trouble(
                "beatbox_deaf", f"{_MODE} {mode}: no input is listened to; start with play --listen INPUT"
            )

    def _map(self) -> tuple[Value, ...]:
        return tuple(f"{name}:{part}" for name, part in zip(self._classes, self.parts(), strict=True))
