"""The event: one checked thing to do, as it travels from a receive thread or a log to the engine."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ghostnote.state.registry import Target
from ghostnote.state.table import Command, Value

_batches = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Event:
    """A message that passed the registry's check, so that the engine only has to apply it.

    `received` is the monotonic time at which the message came in; `due` the monotonic time at which it
    must sound (from a time tag), or None for the fixed deadline after `received`. Events with the same
    `batch` came in one bundle and take effect in the same quantum. `source` names the author, such as
    `osc:127.0.0.1:50312` or `midi:nanoKONTROL2`.
    """

    addr: str
    args: tuple[Value, ...]
    source: str
    received: float
    due: float | None
    batch: int


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
