"""What an ONNX file asks for, read from its bytes by a bounded protobuf reader, without running it.

Only the fields that decide whether a graph may be loaded are read: operators, domains, subgraphs, functions,
external data. Whatever a well-made exporter does not write (groups, a singular name given twice, over-long
numbers) is refused rather than interpreted, so that this reader and onnxruntime's cannot disagree.
Field numbers: onnx.proto3 of ONNX 1.17 to 1.23; wire format: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ghostnote.errors import BundleError

MAX_DEPTH = 8
MAX_FIELDS = 200_000
"""Fields visited in one file; an exported graph of a few hundred nodes has some thousands."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass
class GraphFacts:
    """What was found in a file: sets of operators and domains, and whether it holds what is not allowed."""

    operators: set[tuple[str, str]] = field(default_factory=set)
    """(domain, operator type) of every node, subgraphs and functions included; domain "" is ONNX itself."""
    imports: dict[str, int] = field(default_factory=dict)
    """Operator set version by domain."""
    ir_version: int = 0
    graphs: int = 0
    nodes: int = 0
    subgraphs: int = 0
    functions: int = 0
    external_data: bool = False
    sparse: bool = False
    training: bool = False


def read_graph(data: bytes) -> GraphFacts:
    """The facts of a serialised ONNX model.

    Raises BundleError when the bytes are not a protobuf message of the expected kind, nest deeper than
    `MAX_DEPTH` or hold more than `MAX_FIELDS` fields. Takes time linear in the length.
    """
    reader = _Reader(data)
    reader.model(memoryview(data))
    if reader.facts.graphs != 1 or not reader.facts.imports or not reader.facts.nodes:
        raise BundleError("not an ONNX model: it has no graph, no nodes or no operator set")
    return reader.facts


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.facts = GraphFacts()
        self._left = MAX_FIELDS

    def fields(self, data: memoryview) -> Iterator[tuple[int, int, int, memoryview]]:
        """(field number, wire type, number, bytes) of every field of one message."""
        at, end = 0, len(data)
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise BundleError(f"not a usable ONNX model: more than {MAX_FIELDS} fields")
            key, at = _varint(data, at)
            number, wire, value, body = key >> 3, key & 7, 0, data[0:0]
            if not 0 < number < 2**29:
                raise BundleError("not an ONNX model: a field number is out of range")
            if wire == _VARINT:
                value, at = _varint(data, at)
            elif wire == _BYTES:
                size, at = _varint(data, at)
                if size > end - at:
                    raise BundleError("not an ONNX model: a field is longer than the file; it may be cut off")
                body = data[at : at + size]
                at += size
            elif wire in (_FIXED32, _FIXED64):
                at += 4 if wire == _FIXED32 else 8
                if at > end:
                    raise BundleError("not an ONNX model: a number is cut off")
            else:
                raise BundleError(f"not an ONNX model: wire type {wire} does not occur in one")
            yield number, wire, value, body

    def model(self, data: memoryview) -> None:
        facts = self.facts
        for number, wire, value, body in self.fields(data):
            if number == 1 and wire == _VARINT:
                facts.ir_version = value
            elif number == 7 and wire == _BYTES:
                facts.graphs += 1
                self.graph(body, 0)
            elif number == 8 and wire == _BYTES:
                domain, version = self.opset(body)
                facts.imports[domain] = max(version, facts.imports.get(domain, 0))
            elif number == 20:
                facts.training = True
            elif number == 25 and wire == _BYTES:
                facts.functions += 1
                self.function(body)

    def opset(self, data: memoryview) -> tuple[str, int]:
        domain, version = "", 0
        for number, wire, value, body in self.fields(data):
            if number == 1 and wire == _BYTES:
                domain = _text(body)
            elif number == 2 and wire == _VARINT:
                version = value
        return domain, version

    def function(self, data: memoryview) -> None:
        for number, wire, _, body in self.fields(data):
            if number == 7 and wire == _BYTES:
                self.node(body, 1)

    def graph(self, data: memoryview, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise BundleError(f"not a usable ONNX model: graphs nested deeper than {MAX_DEPTH}")
        for number, wire, _, body in self.fields(data):
            if wire != _BYTES:
                continue
            if number == 1:
                self.node(body, depth)
            elif number == 5:
                self.tensor(body)
            elif number == 15:
                self.facts.sparse = True

    def node(self, data: memoryview, depth: int) -> None:
        names: list[str] = []
        domains: list[str] = []
        for number, wire, _, body in self.fields(data):
            if wire != _BYTES:
                continue
            if number == 4:
                names.append(_text(body))
            elif number == 7:
                domains.append(_text(body))
            elif number == 5:
                self.attribute(body, depth)
        if len(names) != 1 or len(domains) > 1:
            raise BundleError("not an ONNX model: a node has no operator, or more than one")
        self.facts.nodes += 1
        self.facts.operators.add((domains[0] if domains else "", names[0]))

    def attribute(self, data: memoryview, depth: int) -> None:
        for number, wire, _, body in self.fields(data):
            if wire != _BYTES:
                continue
            if number in (6, 11):
                self.facts.subgraphs += 1
                self.graph(body, depth + 1)
            elif number in (5, 10):
                self.tensor(body)
            elif number in (22, 23):
                self.facts.sparse = True

    def tensor(self, data: memoryview) -> None:
        for number, wire, value, _ in self.fields(data):
            if number == 13 or (number == 14 and wire == _VARINT and value):
                self.facts.external_data = True


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, at
        shift += 7
    raise BundleError("not an ONNX model: a number is cut off or too long")


def _text(data: memoryview) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise BundleError("not an ONNX model: a name is not UTF-8") from None
