"""Addresses: from the parameter table to what a message means, and whether its arguments will do."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ghostnote.errors import MessageError
from ghostnote.state.commands import COMMANDS
from ghostnote.state.parameters import PARAMETERS
from ghostnote.state.readings import READINGS
from ghostnote.state.table import (
    PARTS,
    ROOT,
    SLOTS,
    Argument,
    Command,
    Parameter,
    Reading,
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


def _expand(path: str) -> Iterator[tuple[str, int | None, str | None]]:
    """Addresses that a row's path stands for, each with its part and slot."""
    parts: tuple[int | None, ...] = PARTS if "{part}" in path else (None,)
    slots: tuple[str | None, ...] = SLOTS if "{slot}" in path else (None,)
    for part, slot in itertools.product(parts, slots):
        yield f"{ROOT}/{path.format(part=part, slot=slot)}", part, slot


_ROWS: tuple[Parameter | Command, ...] = (*PARAMETERS, *COMMANDS)

TARGETS: dict[str, Target] = {
    addr: Target(addr, row, part, slot) for row in _ROWS for addr, part, slot in _expand(row.path)
}
"""Every address that can be set or triggered."""

READABLE: dict[str, Reading] = {addr: row for row in READINGS for addr, _, _ in _expand(row.path)}
"""Every address that can only be asked for."""

DEFAULTS: dict[str, Value] = {a: t.row.default for a, t in TARGETS.items() if isinstance(t.row, Parameter)}
"""Every parameter's value at the start; a part starts on the slot of its own number."""
DEFAULTS.update({f"{ROOT}/part{part}/weight/{SLOTS[part - 1]}": 1.0 for part in PARTS})


def resolve(addr: str) -> Target | None:
    """The target of a literal address, or None."""
    return TARGETS.get(addr)


def nearest(addr: str, also: Iterable[str] = ()) -> str:
    """The known address, or one of `also`, most like `addr`.

    Bounded work: only the first 64 characters count, and of parts and slots only the one that is named.
    """
    part = next((p for p in PARTS if f"/part{p}/" in addr), PARTS[0])
    slot = next((s for s in SLOTS if f"/slot/{s}/" in addr), SLOTS[0])
    known = [a for a, t in TARGETS.items() if t.part in (None, part) and t.slot in (None, slot)]
    known += [a for a in READABLE if "/slot/" not in a or f"/slot/{slot}/" in a]
    return difflib.get_close_matches(addr[:64], [*known, *also], n=1, cutoff=0.0)[0]


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
    if row.pairs:
        return _check_pairs(addr, row, args)
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
    if row.parameters:
        first = len(row.arguments) - 1
        fitted[first:], moved = _check_parameters(addr, fitted[first:])
        clipped |= moved
    return tuple(fitted), clipped


def _check_parameters(addr: str, given: list[Value]) -> tuple[list[Value], bool]:
    """Addresses of parameters and values in a row, each value made fit for its parameter."""
    if len(given) % 2:
        raise MessageError("args", f"{addr} takes addresses and values, and one has no value")
    fitted: list[Value] = []
    clipped = False
    for name, value in zip(given[::2], given[1::2], strict=True):
        target = TARGETS.get(str(name))
        if target is None or not isinstance(target.row, Parameter):
            raise MessageError("range", f"{addr}: {str(name)[:64]!r} is not a parameter")
        (fit,), moved = check(target, (value,))
        fitted += [target.addr, fit]
        clipped |= moved
    return fitted, clipped


def _check_pairs(addr: str, row: Command, args: tuple[Value, ...]) -> tuple[tuple[Value, ...], bool]:
    """Names and values in a row; of a name that comes twice the last value counts."""
    if len(args) % 2:
        raise MessageError(
            "args", f"{addr} takes names and values, got {len(args)} arguments: one has no value"
        )
    known = {argument.name: argument for argument in row.arguments}
    fitted: dict[str, Value] = {}
    clipped = False
    for name, given in zip(args[::2], args[1::2], strict=True):
        argument = known.get(str(name))
        if argument is None or not isinstance(name, str):
            raise MessageError("args", f"{addr}: no {str(name)[:32]!r}; there are {', '.join(known)}")
        where = f"{addr}: {name}"
        fitted[name], moved = _fit(where, argument.kind, given, argument.low, argument.high)
        clipped |= moved
    return tuple(item for pair in fitted.items() for item in pair), clipped


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float, as JSON can write it
        return False


def _default(argument: Argument) -> Value:
    assert argument.default is not None
    return argument.default


def _fit(addr: str, kind: str, value: Value, low: float, high: float) -> tuple[Value, bool]:
    if kind == "v" and (isinstance(value, str) or _is_finite(value)):
        return value, False
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
