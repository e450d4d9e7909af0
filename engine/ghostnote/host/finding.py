"""The core's line to the finder: questions out, answers back, and what a question is about."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghostnote.core.models import Loaded
from ghostnote.core.tasks import is_local
from ghostnote.errors import MessageError
from ghostnote.features.detail import Blend
from ghostnote.host.capture import newest
from ghostnote.host.pipe import Message
from ghostnote.state.table import PARTS, SLOTS

if TYPE_CHECKING:
    from ghostnote.core.engine import Engine

HEARD = "heard"
LIMIT_S = 20.0
"""So long a command waits for neighbours; slow commands after it wait as well."""
MAX_WAITING = 256
NAMES = f"a slot ({SLOTS[0]}…{SLOTS[-1]}), a part (part{PARTS[0]}…part{PARTS[-1]}), {HEARD}"
"""What can be asked for beside files."""

_PARTS = {f"part{number}": number for number in PARTS}
Found = Callable[[Message], None]


class FinderLine:
    """Questions that wait for their answers. Thread: any, unless a method says otherwise.

    `send`: takes what is for the supervisor, which answers every question.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Found] = {}

    def ask(self, question: Message, then: Found) -> None:
        """Send a question; `then` is called with its answer, on the thread that hears it.

        Raises MessageError when too many wait.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise MessageError("busy", "too much is being searched for at once; ask again")
        number = f"{os.getpid()}-{next(self._numbers)}"
        self._waiting[number] = then
        self._send({**question, "type": "find", "id": number})

    def neighbours(self, question: Message, limit_s: float = LIMIT_S) -> list[list[Any]]:
        """Send a question and wait for its neighbours. Thread: tasks.

        Raises MessageError with the finder's error, or when no answer comes.
        """
        heard = threading.Event()
        answers: list[Message] = []

        def take(answer: Message) -> None:
            answers.append(answer)
            heard.set()

        self.ask(question, take)
        if not heard.wait(limit_s):
            raise MessageError("busy", f"no neighbours were found within {limit_s:.0f} s; ask again")
        return neighbours_in(answers[0])

    def told(self, answer: Message) -> None:
        """An answer came; one that nobody waits for is ignored."""
        then = self._waiting.pop(answer["id"], None)
        if then is not None:
            then(answer)


def neighbours_in(answer: Message) -> list[list[Any]]:
    """The neighbours of an answer: file, onset (s), distance, class, length (s; 0: it is
    the whole file). Raises MessageError."""
    if "code" in answer:
        raise MessageError(answer["code"], answer["text"])
    return list(answer["neighbours"])


def question_about(engine: Engine, name: str, source: str, heard: Path) -> Message:
    """What a name stands for now: a slot's or a part's point, what was heard last, or a file.

    `source`: who asks; files are only for senders on this computer. `heard`: the folder of what ears heard.
    Thread: any. Raises MessageError.
    """
    if name in SLOTS:
        slot = engine.slots.get(name)
        if slot is None:
            raise MessageError("not_found", f"slot {name} is empty; fill it first")
        return about_point(engine, engine.models.main, slot.z, slot.detail)
    if name in _PARTS:
        part = engine.parts[_PARTS[name]]
        loaded = engine.model_of(part)
        return about_point(engine, loaded, part.point, part.captured(loaded.slots))
    if name == HEARD:
        path = newest(heard)
    else:
        if not is_local(source):
            raise MessageError("io", f"files are looked for by senders on this computer only; name {NAMES}")
        path = Path(os.path.abspath(name))
        if not name or not os.path.exists(path):
            raise MessageError("not_found", f"{name[:200]}: there is no such file; name {NAMES}, or a file")
    return {**_by(engine.models.main), "file": str(path)}


def about_point(engine: Engine, loaded: Loaded, point: Any, detail: Blend | None) -> Message:
    """A question about a point, shape (D,), of a model, with what is heard beside it."""
    text = "" if detail is None else detail.resolved(engine.spec).text
    return {**_by(loaded), "point": [float(x) for x in point], "detail": text}


def _by(loaded: Loaded) -> Message:
    return {"model": str(loaded.model.folder), "digest": loaded.manifest.digest}
