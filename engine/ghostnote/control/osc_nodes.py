"""Every OSC address: parameters and commands, their mirror in 0…1 under `/gn/n`, and mere readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ghostnote.control.osc_pattern import AddressTree, is_pattern
from ghostnote.errors import MessageError
from ghostnote.state.registry import DEFAULTS, READABLE, TARGETS, Target
from ghostnote.state.table import ROOT, Parameter, Reading, Value

Values = Mapping[str, Value | Sequence[Value]]
"""Present values by address: one number or word for a parameter, all numbers of a slot, all models."""

MIRROR = f"{ROOT}/n/"
OUT = f"{ROOT}/out/"
STATUS = f"{ROOT}/status/"
MAX_PATTERN = 128

_COMMANDS_WITH_VALUE = ("slot/z", "model/load")


@dataclass(frozen=True, eq=False)
class Node:
    """One address, of which there is one node. `of`: the address whose value it shows, which for a mirrored
    one is another.
    """

    addr: str
    of: str
    target: Target | None

    @property
    def mirrored(self) -> bool:
        """Whether its value is a position in 0…1."""
        return self.addr is not self.of

    def present(self, values: Values) -> tuple[Value, ...]:
        """Its value as OSC arguments; none if it has none now."""
        value = values.get(self.of, DEFAULTS.get(self.of))
        if value is None:
            return ()
        row = None if self.target is None else self.target.row
        if self.mirrored and isinstance(row, Parameter) and isinstance(value, (str, int, float)):
            return (row.to_unit(value),)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (int, float)):
            kind = row.kind if isinstance(row, Parameter) else READABLE.get(self.of, _FLOAT).kinds
            return (int(value) if kind == "i" else float(value),)
        return tuple(value)


_FLOAT = Reading("", "f")


def _nodes() -> Iterable[Node]:
    for addr, target in TARGETS.items():
        yield Node(addr, addr, target)
    for addr in READABLE:
        yield Node(addr, addr, None)
    for addr, target in TARGETS.items():
        row = target.row
        if isinstance(row, Parameter) and (row.kind != "s" or row.choices):
            yield Node(MIRROR + addr.removeprefix(f"{ROOT}/"), addr, target)


NODES: dict[str, Node] = {node.addr: node for node in _nodes()}

_TREE = AddressTree(NODES)


def find(addr: str) -> tuple[Node, ...]:
    """The nodes that an address or a pattern names; none if there are none.

    Raises MessageError (`range`) for a pattern with too many wildcards.
    """
    node = NODES.get(addr)
    if node is not None:
        return (node,)
    return tuple(NODES[a] for a in _TREE.match(addr)) if is_pattern(addr) else ()


def selection(pattern: str) -> tuple[Node, ...]:
    """What can be subscribed to by a pattern, or by the beginning of addresses, such as `/gn/part1` or `/gn`.

    Commands that have no value are left out; the mirror is in it only where the pattern begins with `/gn/n`.
    Raises MessageError (`args`, `range`, `unknown_address`) for a pattern that is too long, has too many
    wildcards, or fits nothing.
    """
    if len(pattern) > MAX_PATTERN:
        raise MessageError("range", f"pattern of {len(pattern)} characters; the limit is {MAX_PATTERN}")
    nodes = find(pattern)
    if not nodes:
        within = _TREE.below(pattern.rstrip("/"))
        nodes = tuple(NODES[a] for a in within if pattern.startswith(MIRROR[:-1]) or not a.startswith(MIRROR))
    chosen = tuple(node for node in nodes if has_value(node))
    if not chosen:
        raise MessageError("unknown_address", f"{pattern}: no such value; everything is {ROOT}")
    return chosen


def has_value(node: Node) -> bool:
    """Whether a node has a value to be told, be it a command that sets one."""
    target = node.target
    return target is None or isinstance(target.row, Parameter) or target.name in _COMMANDS_WITH_VALUE
