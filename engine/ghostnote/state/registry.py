"""Addresses: from the parameter table to what a message means, and whether its arguments will do."""

from __future__ import annotations

import difflib
import itertools
import math
from dataclasses import dataclass

from ghostnote.errors import MessageError
from ghostnote.state.table import (
    COMMANDS,
    PARAMETERS,
    PARTS,
    ROOT,
    SLOTS,
    Argument,
    Command,
    Parameter,
    Value,
)


@dataclass(frozen=True)
class Target:
    """What an address stands for; `part` (1…8) and `slot` (a…h) are None where the row has none."""

    addr: str
    row: Parameter | Command
    part: int | None
    slot: str | None

    @property
    def name(self) -> str:
        """The row's path without part or slot, such as `hit`, `weight/a`, `slot/z` or `master/gain`."""
        return self.row.path.replace("part{part}/", "").replace("slot/{slot}/", "slot/")


def _expand() -> dict[str, Target]:
    table: dict[str, Target] = {}
    rows: tuple[Parameter | Command, ...] = (*PARAMETERS, *COMMANDS)
    for row in rows:
        parts: tuple[int | None, ...] = PARTS if "{part}" in row.path else (None,)
        slots: tuple[str | None, ...] = SLOTS if "{slot}" in row.path else (None,)
        for part, slot in itertools.product(parts, slots):
            addr = f"{ROOT}/{row.path.format(part=part, slot=slot)}"
            table[addr] = Target(addr, row, part, slot)
    return table


TARGETS: dict[str, Target] = _expand()
"""Every address that can be set, asked for or triggered."""

DEFAULTS: dict[str, Value] = {a: t.row.default for a, t in TARGETS.items() if isinstance(t.row, Parameter)}
"""Every parameter's value at the start; a part starts on the slot of its own number."""
DEFAULTS.update({f"{ROOT}/part{part}/weight/{SLOTS[part - 1]}": 1.0 for part in PARTS})


def resolve(addr: str) -> Target | None:
    """The target of a literal address, or None."""
    return TARGETS.get(addr)


def nearest(addr: str) -> str:
    """The known address most like `addr` (bounded work: only the first 64 characters count)."""
    found = difflib.get_close_matches(addr[:64], TARGETS, n=1, cutoff=0.0)
    return found[0]


def check(target: Target, args: tuple[Value, ...]) -> tuple[tuple[Value, ...], bool]:
    """Arguments made fit for a target: numbers to the row's kind, defaults filled in, ranges clipped.

    Returns the arguments and whether any was clipped. Raises MessageError with code `args` (count), `type`,
    or `range` (a word that is not one of the choices, a number that is not finite).
    """
    row = target.row
    if isinstance(row, Parameter):
        if len(args) != 1:
            raise MessageError("args", f"{target.addr} takes 1 argument, got {len(args)}")
        value, clipped = _fit(target.addr, row.kind, args[0], row.low, row.high)
        if row.choices and value not in row.choices:
            raise MessageError("range", f"{target.addr}: {value!r} is not one of {', '.join(row.choices)}")
        return (value,), clipped
    return _check_command(target.addr, row, args)


def _check_command(addr: str, row: Command, args: tuple[Value, ...]) -> tuple[tuple[Value, ...], bool]:
    wanted = row.arguments
    if row.variadic:
        wanted = wanted[:-1] + (wanted[-1],) * max(0, len(args) - len(wanted) + 1)
    required = sum(not a.optional for a in wanted)
    if not required <= len(args) <= len(wanted):
        usage = " ".join(
            f"[{a.kind}:{a.name}]" if a.optional else f"{a.kind}:{a.name}" for a in row.arguments
        )
        raise MessageError("args", f"{addr} takes {usage or 'no arguments'}, got {len(args)} arguments")
    fitted: list[Value] = []
    clipped = False
    for argument, given in zip(wanted, args, strict=False):
        value, moved = _fit(addr, argument.kind, given, argument.low, argument.high)
        fitted.append(value)
        clipped |= moved
    fitted += [_default(a) for a in wanted[len(args) :]]
    return tuple(fitted), clipped


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float, as JSON can write it
        return False


def _default(argument: Argument) -> Value:
    assert argument.default is not None
    return argument.default


def _fit(addr: str, kind: str, value: Value, low: float, high: float) -> tuple[Value, bool]:
    if kind == "s":
        if not isinstance(value, str):
            raise MessageError("type", f"{addr} takes a word, got the number {value}")
        return value, False
    if isinstance(value, str):
        raise MessageError("type", f"{addr} takes a number, got the word {value[:32]!r}")
    if not _is_finite(value):
        raise MessageError("range", f"{addr}: {str(value)[:32]} is not a finite number")
    moved = min(max(value, low), high)
    return (round(moved) if kind == "i" else float(moved)), moved != value
