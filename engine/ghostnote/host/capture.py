"""A sound that was heard becomes a slot's, or a part's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ghostnote.core.tasks import Task, Tasks
from ghostnote.errors import MessageError
from ghostnote.state.table import PARTS, ROOT, SLOTS, Value


def newest(folder: Path) -> Path:
    """The file of the sound that was heard last. Raises MessageError when there is none."""
    found = sorted(folder.glob("*.wav"))
    if not found:
        raise MessageError(
            "not_found", "no sound was heard yet: play --listen INPUT hears one, and ends it with silence"
        )
    return found[-1]


def numbered(folder: Path, number: int) -> Path:
    """The file of sound `number`; 0: of the last one. Raises MessageError when it is not there."""
    if not number:
        return newest(folder)
    for path in folder.glob(f"{number:08d}-*.wav"):
        return path
    raise MessageError("not_found", f"sound {number} is not among the last that were heard; 0 is the last")


def origin_of(path: Path) -> str:
    """Class and number of a sound's file, as in `kick 7`."""
    number, _, label = path.stem.partition("-")
    return f"{label} {int(number)}"


def capture(tasks: Tasks, task: Task, folder: Path) -> str:
    """Carry out `slot/capture`: the sound that was heard last into a slot, as a file would go there.

    Its class and number are its origin. Thread: tasks. Raises MessageError, and what `slot/file` raises.
    """
    path = newest(folder)
    tasks.place_file(task, path, origin_of(path), str(task.target.slot))
    return origin_of(path)


def capture_part(tasks: Tasks, task: Task, folder: Path, values: Mapping[str, Value]) -> str:
    """Carry out `part/capture`: a sound into the slot of the part's number, as beatbox's `values` say.

    In the same moment a part that plays nothing of that slot is put on it, and one without variance gets
    `beatbox/spread`. Thread, errors: as `capture`.
    """
    path, part = numbered(folder, int(task.args[1])), int(task.target.part or PARTS[0])
    index, prefix = PARTS.index(part), f"{ROOT}/part{part}"
    slot, spread = SLOTS[index], float(values[f"{ROOT}/beatbox/spread"])
    more: list[tuple[str, tuple[Value, ...]]] = []
    if not values[f"{prefix}/weight/{slot}"]:
        more.append((f"{prefix}/program", (index,)))
    if spread and not values[f"{prefix}/variance"]:
        more.append((f"{prefix}/variance", (spread,)))
    detail = bool(values[f"{ROOT}/beatbox/detail"])
    tasks.place_file(task, path, origin_of(path), slot, more, detail=detail)
    return origin_of(path)
