"""What sounds like what plays: neighbours told to whoever asks, put into slots, stepped through by parts.

Commands come back as what they change, so that logs, undo and subscribers need no library.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ghostnote.core.engine import Engine
from ghostnote.core.models import Loaded
from ghostnote.core.part import Part
from ghostnote.core.tasks import Change, Task, Tasks, in_letters
from ghostnote.errors import AudioFileError, MessageError
from ghostnote.features import audio_file
from ghostnote.host.finding import FinderLine, about_point, neighbours_in, question_about
from ghostnote.host.pipe import Message
from ghostnote.state.table import AXES, NAMED_AXES, ROOT, SLOTS, Value

SPARE = 8
"""So many neighbours whose files cannot be read are passed over in a step."""
REMEMBERED = 64
"""Points of which it is known which sound of the library they are."""
EFFECT_S = 1.0
"""As long at most it is waited for what came before to be in effect."""

Answer = Callable[[str, Sequence[Change]], int]


@dataclass
class Trail:
    """Where a part stands among the neighbours of what it played: `rank` 0 is that, 1 the nearest.

    `question`: what it played, as the finder takes it; `back`: what makes the part play that again; `slot`:
    where neighbours are put; `placed`: the point that was put there last, (D,).
    """

    question: Message
    back: list[Change]
    slot: str
    asked: tuple[str, str]
    rank: int = 0
    placed: Any = None


class Neighbours:
    """Carries out the commands about likeness. Thread: tasks, except where it says so.

    `answer`: sends messages to an author and says how many went out; `settled`: whether what came before a
    monotonic time is in effect; `heard`: the folder of what ears heard.
    """

    def __init__(
        self,
        engine: Engine,
        tasks: Tasks,
        line: FinderLine,
        heard: Path,
        settled: Callable[[float], bool] = lambda before: True,
    ) -> None:
        self._engine, self._tasks, self._line, self._heard = engine, tasks, line, heard
        self._settled = settled
        self.answer: Answer = lambda source, messages: 0
        self._trails: dict[int, Trail] = {}
        self._came_from: OrderedDict[bytes, list[Any]] = OrderedDict()
        tasks.handle("library/similar", self._tell, local=False, later=True)
        tasks.handle("slot/similar", self._fill, local=False)
        tasks.handle("similar", self._step, local=False)

    def _tell(self, task: Task) -> None:
        self._line.ask(self._asked(task), lambda answer: self._told(task, answer))

    def _asked(self, task: Task) -> Message:
        """A question as a command has it: what about, how many, among which, by which weights."""
        name, count, within, weights = task.args
        self._wait_for_effects(task)
        question = question_about(self._engine, str(name), task.source, self._heard)
        return {**self._but_itself(question), "n": int(count), "within": str(within), "weights": str(weights)}

    def _but_itself(self, question: Message) -> Message:
        """A question with the sound that its point was put there from, which is no neighbour of it.

        The point of a sound that was cut out of a recording is not to the bit that of the library.
        """
        came_from = self._came_from.get(np.array(question.get("point", ()), dtype=np.float32).tobytes())
        return question if came_from is None else {**question, "but": came_from}

    def _place(
        self, slot: str, row: Sequence[Any], sound: Any, origin: str, source: str, more: Sequence[Change] = ()
    ) -> dict[str, Any]:
        """Put a neighbour into a slot, and remember which one it was."""
        points = self._tasks.place(slot, sound, origin, source, more)
        for point in points.values():
            self._came_from[point.tobytes()] = list(row[:2])
        while len(self._came_from) > REMEMBERED:
            self._came_from.popitem(last=False)
        return points

    def _told(self, task: Task, answer: Message) -> None:
        """Neighbours were found, or not. Thread: that of the line."""
        try:
            found = neighbours_in(answer)
        except MessageError as error:
            self._tasks.end(task, error.code, str(error))
            return
        messages: list[Change] = [
            (f"{ROOT}/library/neighbour", (rank, file, float(onset_s), float(distance), kind, task.request))
            for rank, (file, onset_s, distance, kind, _) in enumerate(found, 1)
        ]
        sent = self.answer(task.source, messages)
        self.answer(task.source, [(f"{ROOT}/library/found", (sent, task.request))])
        left_out = len(found) - sent
        more = f"; {left_out} have too long a path for a message" if sent and left_out else ""
        self._tasks.end(task, "", f"{sent} like {task.args[0]}{more}")

    def _fill(self, task: Task) -> str:
        asked = self._asked(task)
        found = self._line.neighbours(asked)
        if len(found) < asked["n"]:
            raise _too_few(len(found))
        sound, origin = self._sound(found[-1])
        self._place(str(task.target.slot), found[-1], sound, origin, task.source)
        return f"{origin} ({found[-1][3] or 'no class'})"

    def _step(self, task: Task) -> str:
        steps, asked = int(task.args[0]), (str(task.args[1]), str(task.args[2]))
        if not steps:
            return ""
        self._wait_for_effects(task)
        part = self._engine.parts[int(task.target.part or 0)]
        trail = self._trails.get(part.number)
        if trail is None or not self._stands(part, trail):
            trail = self._trails[part.number] = self._begin(part)
        if trail.asked != asked:
            trail.asked, trail.rank = asked, 0 if steps > 0 else trail.rank
        if steps < 0 and trail.rank == 0:
            raise MessageError("range", f"part {part.number} plays what it began with: step forward first")
        if trail.rank + steps <= 0:
            self._tasks.answer(task.source, *trail.back)
            del self._trails[part.number]
            return "what it began with"
        return self._go(task, part, trail, steps)

    def _go(self, task: Task, part: Part, trail: Trail, steps: int) -> str:
        """Put a part on a neighbour, or on the next one in that direction whose file can be read."""
        wanted, by = trail.rank + steps, 1 if steps > 0 else -1
        asked = dict(zip(("within", "weights"), trail.asked, strict=True))
        found = self._line.neighbours({**trail.question, **asked, "n": wanted + SPARE})
        if wanted > len(found):
            raise _too_few(len(found))
        trouble: AudioFileError | None = None
        for rank in range(wanted, min(max(wanted + by * SPARE, 0), len(found) + 1), by):
            try:
                sound, origin = self._sound(found[rank - 1])
            except AudioFileError as error:
                trouble = trouble or error
                continue
            changes = alone(self._engine, part, trail.slot)
            points = self._place(trail.slot, found[rank - 1], sound, origin, task.source, changes)
            trail.rank, trail.placed = rank, points[self._engine.model_of(part).name]
            return f"{rank}: {origin} ({found[rank - 1][3] or 'no class'})"
        assert trouble is not None
        raise trouble

    def _begin(self, part: Part) -> Trail:
        """A trail that begins with what a part plays now."""
        engine = self._engine
        loaded = engine.model_of(part)
        slot = main_slot(engine, part)
        question = self._but_itself(about_point(engine, loaded, part.point, part.captured(loaded.slots)))
        values = _values(engine)
        back = [*contents(engine, slot), *((addr, (values[addr],)) for addr, _ in alone(engine, part, slot))]
        return Trail(question, back, slot, ("", ""))

    def _stands(self, part: Part, trail: Trail) -> bool:
        """Whether a part still plays what the last step put it on."""
        loaded = self._engine.model_of(part)
        held = loaded.slots.get(trail.slot)
        same_model = loaded.manifest.digest == trail.question["digest"]
        same = held is not None and trail.placed is not None and np.array_equal(held.z, trail.placed)
        return same_model and same and not alone(self._engine, part, trail.slot)

    def _sound(self, row: Sequence[Any]) -> tuple[Any, str]:
        """Samples of a neighbour, and what a slot that holds it says of it. Raises AudioFileError."""
        file, onset_s, _, _, length_s = row
        spec, name = self._engine.spec, in_letters(Path(file).name)
        if not length_s:
            return audio_file.load(file, spec), name
        return audio_file.sound_at(file, spec, onset_s, length_s), f"{name} {onset_s:.2f} s"

    def _wait_for_effects(self, task: Task) -> None:
        """Let what was asked for before take effect, since what plays is looked at."""
        until = time.monotonic() + EFFECT_S
        while not (self._settled(task.received) and self._tasks.in_effect(self._settled)):
            if time.monotonic() > until:
                return
            time.sleep(0.001)


def main_slot(engine: Engine, part: Part) -> str:
    """The filled slot that a part plays most of; without any, the slot of its own number."""
    values, slots = _values(engine), engine.model_of(part).slots
    weights = {s: abs(float(values[f"{ROOT}/part{part.number}/weight/{s}"])) for s in SLOTS if slots.get(s)}
    most = max(weights, key=lambda s: weights[s], default="")
    return most if most and weights[most] > 0.0 else SLOTS[part.number - 1]


def alone(engine: Engine, part: Part, slot: str) -> list[Change]:
    """What has to change so that a part plays a slot alone, as it is: weights and axes."""
    values, root = _values(engine), f"{ROOT}/part{part.number}"
    wanted: dict[str, float] = {f"{root}/weight/{s}": float(s == slot) for s in SLOTS}
    wanted |= {f"{root}/axis/{axis}": 0.0 for axis in (*AXES, *NAMED_AXES)}
    if values[f"{root}/normalize"] and float(values[f"{root}/weight/{slot}"]):
        del wanted[f"{root}/weight/{slot}"]
    return [(addr, (value,)) for addr, value in wanted.items() if float(values[addr]) != value]


def contents(engine: Engine, slot: str) -> list[Change]:
    """What puts into a slot what it holds now, in every model."""
    found: list[Change] = []
    for loaded in engine.models:
        found += _content(engine, slot, loaded)
    return found


def _content(engine: Engine, slot: str, loaded: Loaded) -> list[Change]:
    held = loaded.slots.get(slot)
    if held is None:
        return [(f"{ROOT}/slot/{slot}/point", (loaded.name, ""))]
    detail = "" if held.detail is None else held.detail.resolved(engine.spec).text
    return [
        (f"{ROOT}/slot/{slot}/point", (loaded.name, held.origin, *(float(x) for x in held.z))),
        (f"{ROOT}/slot/{slot}/detail", (loaded.name, detail)),
    ]


def _values(engine: Engine) -> dict[str, Value]:
    """Parameters where they are, or where they go."""
    return {**engine.values, **engine.ramps.goals()}


def _too_few(count: int) -> MessageError:
    if not count:
        return MessageError("not_found", "no other sound of the library meets that")
    return MessageError("not_found", f"there are only {count} such sounds in the library")
