"""A sound that was heard becomes a slot's."""

from __future__ import annotations

from pathlib import Path

from ghostnote.core.tasks import Task, Tasks
from ghostnote.errors import MessageError


def newest(folder: Path) -> Path:
    """The file of the sound that was heard last. Raises MessageError when there is none."""
    found = sorted(folder.glob("*.wav"))
    if not found:
        raise MessageError(
            "not_found", "no sound was heard yet: play --listen INPUT hears one, and ends it with silence"
        )
    return found[-1]


def capture(tasks: Tasks, task: Task, folder: Path) -> str:
    """Carry out `slot/capture`: the sound that was heard last into a slot, as a file would go there.

    Its class and number are its origin. Thread: tasks. Raises MessageError, and what `slot/file` raises.
    """
    path = newest(folder)
    number, _, label = path.stem.partition("-")
    origin = f"{label} {int(number)}"
    tasks.place_file(task, path, origin)
    return origin
