"""The event: one checked thing to do, as it travels from a receive thread or a log to the engine."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ghostnote.state.registry import Target
from ghostnote.state.table import PARTS, Command, Value

_batches = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Event:
    """A message that passed the registry's check, so that the engine only has to apply it.

    `received` is the monotonic time at which the message came in; `due` the monotonic time at which it
    must sound (from a time tag), or None for the fixed deadline after `received`. Events with the same
    `batch` came in one bundle and take effect in the same quantum. `source` names the author, such as
    `osc:127.0.0.1:50312` or `midi:nanoKONTROL2`. `request` is the number by which the author wants to be told
    of its end (0: none).
    """

    addr: str
    args: tuple[Value, ...]
    source: str
    received: float
    due: float | None
    batch: int
    request: int = 0


def starts_note(target: Target, args: tuple[Value, ...]) -> bool:
    """Whether a checked message begins a note."""
    if target.name == "play":
        return dict(zip(args[::2], args[1::2], strict=True)).get("velocity") != 0
    return target.name == "hit" or (target.name == "note" and args[1] != 0)


def part_of(target: Target, args: tuple[Value, ...]) -> int | None:
    """The part that a checked message is for, as far as it says; None: none or all."""
    if target.name != "play":
        return target.part
    return int(dict(zip(args[::2], args[1::2], strict=True)).get("part", PARTS[0]))


def next_batch() -> int:
    """A batch id that no other call returns (any thread)."""
    return next(_batches)


def is_button_release(target: Target, args: tuple[Value, ...]) -> bool:
    """Whether a message is a button let go: a trigger whose first argument is 0 or less does nothing."""
    row = target.row
    if not isinstance(row, Command) or not row.trigger or not args:
        return False
    first = args[0]
    return not isinstance(first, str) and first <= 0
