"""An engine with a folder of scenes and an inbox between them, as the core has them, without threads."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from core.enginekit import RATE, Bench
from ghostnote.control.inbox import Inbox
from ghostnote.control.osc_nodes import NODES
from ghostnote.core.readout import Readout
from ghostnote.core.scene_keeper import LIST, UNDO, SceneKeeper
from ghostnote.core.tasks import Task
from ghostnote.decode.model import Model
from ghostnote.scenes.library import Library
from ghostnote.scenes.scene import KEPT
from ghostnote.state.registry import TARGETS, check
from ghostnote.state.table import SLOTS, Command, Parameter, Value


class SceneBench(Bench):
    """A bench on which slow commands on scenes can be sent too; they are carried out at once."""

    def __init__(self, model: Model, folder: Path) -> None:
        super().__init__(model)
        self.inbox = Inbox(self.telemetry)
        self.library = Library(folder)
        self.keeper = SceneKeeper(self.library, self.engine, self.inbox, self.telemetry)
        self.engine.errand = lambda target, args: self._work(target.addr, args, UNDO)
        self.readout = Readout(self.engine)
        self.readout.add({LIST: self.keeper.names})

    def do(self, addr: str, *args: Value) -> None:
        """Send a message that takes effect in the next quantum, or, if it is a slow one, by then."""
        target = TARGETS[f"/gn/{addr}"]
        fitted = check(target, args)[0]
        if isinstance(target.row, Command) and target.row.slow:
            self._work(target.addr, fitted, "test")
        else:
            self.now(addr, *args)
        self.quanta(1)

    def ask(self, addr: str, *args: Value) -> str:
        """Carry out a slow command; what its author is told."""
        target = TARGETS[f"/gn/{addr}"]
        answer: str = self._work(target.addr, check(target, args)[0], "test")
        self.quanta(1)
        return answer

    def _work(self, addr: str, args: tuple[Value, ...], source: str) -> str:
        target = TARGETS[addr]
        answer = self.keeper.work[target.name](Task(target, args, source, time.monotonic()))
        for event in self.inbox.drain():
            self.engine.schedule(self.engine.now, TARGETS[event.addr], event.args, event.source)
        return answer

    def read(self, addr: str) -> tuple[Value, ...]:
        """What an OSC peer would be told."""
        return NODES[f"/gn/{addr}"].present(self.readout)

    def performance(self) -> tuple[dict[str, Value], list[object]]:
        """All that a scene holds, as it is now."""
        slots = [self.engine.slots.get(slot) for slot in SLOTS]
        held = [None if s is None else (s.origin, [float(x) for x in s.z]) for s in slots]
        return {a: self.engine.values[a] for a in sorted(KEPT)}, held

    def log(self) -> list[tuple[float, str, tuple[Value, ...]]]:
        """What the log would hold."""
        return [(a.at / RATE, a.addr, a.args) for a in self.applied]


def any_value(addr: str, x: float) -> float | int | str:
    row = TARGETS[addr].row
    assert isinstance(row, Parameter)
    return row.from_unit(x) if row.kind != "s" or row.choices else ""


def scramble(bench: Bench, rng: np.random.Generator) -> None:
    """Set everything that scenes keep, and the slots, to something."""
    for addr in sorted(KEPT):
        if not addr.endswith("/glide"):
            bench.engine.set_value(addr, any_value(addr, float(rng.random())))
    for slot in "abcdefgh":
        bench.engine.fill_slot(slot, rng.standard_normal(64).astype(np.float32), f"some {slot}")
    bench.engine.fill_slot(str(rng.choice(list("abcdefgh"))), None, "")
