"""Steps that can be undone: gestures on parameters and slots, recalls, what happened to scenes on disk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ghostnote.scenes.scene import Point
from ghostnote.state.table import Value

STEPS = 50
GESTURE_S = 1.0
"""A value that is changed again within this time is still the same gesture."""


@dataclass(frozen=True)
class Errand:
    """Something to be done on disk: a command's address and its words."""

    addr: str
    words: tuple[str, ...]


@dataclass
class Side:
    """How it was on one side of a step: values by address, slots (`a/drums`), the scene, or an errand."""

    values: dict[str, Value] = field(default_factory=dict)
    slots: dict[str, Point | None] = field(default_factory=dict)
    scene: str | None = None
    errand: Errand | None = None


@dataclass
class Step:
    """A change of the performance: how it was `before` and `after`; `at` is its latest sample."""

    before: Side
    after: Side
    at: int = -1


class History:
    """The last `STEPS` steps and those undone. Thread: render; `leave` may be called by any."""

    def __init__(self, sample_rate: int) -> None:
        self._gesture = round(GESTURE_S * sample_rate)
        self._done: deque[Step] = deque(maxlen=STEPS)
        self._undone: list[Step] = []
        self._open: dict[str, tuple[Step, int]] = {}
        self._left: deque[Step] = deque()
        self.paused = False
        """Whether what is changed now is an undo or redo itself, and no step."""

    def note_value(self, at: int, addr: str, before: Value, after: Value) -> None:
        """A parameter was set at sample `at`; to the value that it had is no step."""
        if self.paused or (before == after and addr not in self._open):
            return
        step = self._step(at, addr)
        step.before.values.setdefault(addr, before)
        step.after.values[addr] = after

    def note_slot(self, at: int, slot: str, before: Point | None, after: Point | None) -> None:
        """A slot was filled or emptied."""
        if self.paused:
            return
        step = self._step(at, slot)
        step.before.slots.setdefault(slot, before)
        step.after.slots[slot] = after

    def note_recall(self, at: int, before: Side, after: Side) -> None:
        """A scene was recalled; what one recall does in several pieces at one sample is one step."""
        if self.paused:
            return
        self._settle()
        last = self._done[-1] if self._done else None
        if (
            last is not None
            and last.at == at
            and last.after.scene == after.scene
            and last.after.errand is None
        ):
            for addr, value in before.values.items():
                last.before.values.setdefault(addr, value)
            for slot, point in before.slots.items():
                last.before.slots.setdefault(slot, point)
            last.after.values.update(after.values)
            last.after.slots.update(after.slots)
            return
        self._add(Step(before, after, at))
        self._open.clear()

    def leave(self, undo: Errand, redo: Errand) -> None:
        """Something was done on disk that `undo` undoes and `redo` does again. Thread: any."""
        self._left.append(Step(Side(errand=undo), Side(errand=redo)))

    def undo(self) -> Side | None:
        """How it was before the last step that is not undone; None if there is none."""
        self._settle()
        self._open.clear()
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(step)
        return step.before

    def redo(self) -> Side | None:
        """How it was after the step that was undone last; None if there is none."""
        self._settle()
        self._open.clear()
        if not self._undone:
            return None
        step = self._undone.pop()
        step.at = -1
        self._done.append(step)
        return step.after

    def _step(self, at: int, what: str) -> Step:
        """The step that a change of `what` belongs to: its gesture, what came with it, or a new one."""
        self._settle()
        step, last_at = self._open.get(what, (None, 0))
        if step is None or at - last_at > self._gesture:
            step = self._done[-1] if self._done and self._done[-1].at == at and self._open else None
            if step is None:
                self._open = {w: s for w, s in self._open.items() if at - s[1] <= self._gesture}
                step = Step(Side(), Side(), at)
                self._add(step)
        if self._undone:
            self._undone.clear()
        self._open[what] = (step, at)
        return step

    def _add(self, step: Step) -> None:
        self._done.append(step)
        self._undone.clear()

    def _settle(self) -> None:
        while self._left:
            self._add(self._left.popleft())
            self._open.clear()
