"""The reader of ONNX bytes: it sees what the onnx package sees, and survives any bytes."""

from __future__ import annotations

import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper

from ghostnote.decode.onnx_graph import MAX_DEPTH, GraphFacts, read_graph
from ghostnote.errors import BundleError
from graphs import FORBIDDEN, if_node, mutate, nest


def facts_by_onnx(model: onnx.ModelProto) -> GraphFacts:
    """The same facts, from the onnx package's own parser."""
    facts = GraphFacts(
        imports={entry.domain: entry.version for entry in model.opset_import},
        ir_version=model.ir_version,
        graphs=int(model.HasField("graph")),
        functions=len(model.functions),
        training=bool(model.training_info),
    )

    def tensors(many):
        facts.external_data |= any(t.data_location == TensorProto.EXTERNAL or t.external_data for t in many)

    def nodes(many):
        for node in many:
            facts.nodes += 1
            facts.operators.add((node.domain, node.op_type))
            for attribute in node.attribute:
                inner = ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs)
                facts.subgraphs += len(inner)
                for graph in inner:
                    graph_facts(graph)
                tensors(([attribute.t] if attribute.HasField("t") else []) + list(attribute.tensors))
                facts.sparse |= attribute.HasField("sparse_tensor") or bool(attribute.sparse_tensors)

    def graph_facts(graph):
        nodes(graph.node)
        tensors(graph.initializer)
        facts.sparse |= bool(graph.sparse_initializer)

    graph_facts(model.graph)
    for function in model.functions:
        nodes(function.node)
    return facts


@pytest.mark.parametrize("graph", ["encoder", "decoder", "classifier"])
def test_agrees_with_onnx_on_a_bundle(tiny, graph):
    data = (tiny / f"{graph}.onnx").read_bytes()
    assert read_graph(data) == facts_by_onnx(onnx.load_from_string(data))


@pytest.mark.parametrize("case", FORBIDDEN, ids=lambda case: case.replace(" ", "-"))
def test_agrees_with_onnx_on_forbidden_graphs(tiny, case):
    model = onnx.load(tiny / "decoder.onnx")
    FORBIDDEN[case][0](model)
    found = read_graph(model.SerializeToString())
    assert found == facts_by_onnx(model)
    assert found != read_graph((tiny / "decoder.onnx").read_bytes())


def test_operators_of_nested_graphs_are_seen(tiny):
    model = onnx.load(tiny / "decoder.onnx")
    model.graph.node.append(nest(3, helper.make_node("RandomNormal", [], ["r"], shape=[1])))
    found = read_graph(model.SerializeToString())
    assert ("", "RandomNormal") in found.operators
    assert found.subgraphs == 6


def test_depth_is_bounded(tiny):
    model = onnx.load(tiny / "decoder.onnx")
    model.graph.node.append(nest(MAX_DEPTH + 1, if_node(helper.make_node("Relu", ["z"], ["r"]))))
    with pytest.raises(BundleError, match="nested deeper than"):
        read_graph(model.SerializeToString())


def field(number: int, wire: int, payload: bytes) -> bytes:
    return bytes([number << 3 | wire]) + payload


def block(number: int, payload: bytes) -> bytes:
    size, out = len(payload), b""
    while size >= 0x80:
        out += bytes([size & 0x7F | 0x80])
        size >>= 7
    return field(number, 2, out + bytes([size]) + payload)


RELU = block(1, block(4, b"Relu"))
OPSET = block(8, field(2, 0, b"\x11"))
MODEL = field(1, 0, b"\x08") + block(7, RELU) + OPSET

HOSTILE = {
    "empty": (b"", "no graph"),
    "text": (b"hello world, this is not a model", "not an ONNX model"),
    "cut tag": (MODEL + b"\x80", "cut off or too long"),
    "cut length": (MODEL + b"\x3a", "cut off or too long"),
    "length past the end": (MODEL + b"\x3a\x7f", "longer than the file"),
    "length of 2^63": (MODEL + b"\x3a" + b"\xff" * 8 + b"\x7f", "longer than the file"),
    "length of more than 64 bits": (MODEL + b"\x3a" + b"\xff" * 9 + b"\x7f", "cut off or too long"),
    "endless number": (MODEL + b"\x08" + b"\xff" * 1000, "cut off or too long"),
    "field 0": (MODEL + b"\x00\x01", "field number is out of range"),
    "tag beyond 32 bits": (MODEL + b"\x82\x80\x80\x80\x80\x01\x00", "field number is out of range"),
    "group": (MODEL + b"\x3b\x3c", "wire type 3"),
    "wire type 7": (MODEL + b"\x0f", "wire type 7"),
    "cut fixed64": (MODEL + b"\x09\x00", "cut off"),
    "cut fixed32": (MODEL + b"\x0d\x00", "cut off"),
    "two graphs": (MODEL + block(7, RELU), "no graph"),
    "no operator set": (block(7, RELU), "no graph, no nodes or no operator set"),
    "no nodes": (block(7, b"") + OPSET, "no graph, no nodes"),
    "node without operator": (block(7, block(1, b"")) + OPSET, "no operator, or more than one"),
    "two operators in a node": (
        block(7, block(1, block(4, b"Relu") + block(4, b"Loop"))) + OPSET,
        "no operator, or more than one",
    ),
    "two domains in a node": (
        block(7, block(1, block(4, b"Relu") + block(7, b"") + block(7, b"evil"))) + OPSET,
        "no operator, or more than one",
    ),
    "operator not UTF-8": (block(7, block(1, block(4, b"\xff"))) + OPSET, "not UTF-8"),
    "many fields": (block(7, RELU + field(2, 2, b"\x00") * 300_000) + OPSET, "more than 200000 fields"),
}


def test_hand_made_model_is_good():
    assert read_graph(MODEL).operators == {("", "Relu")}


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.replace(" ", "-"))
def test_refuses_hostile_bytes(case):
    data, match = HOSTILE[case]
    with pytest.raises(BundleError, match=match):
        read_graph(data)


def test_external_marker_of_more_than_32_bits_is_seen():
    """An enum is cut to 32 bits by some parsers, so 2^32 + 1 is EXTERNAL for them."""
    tensor = field(14, 0, b"\x81\x80\x80\x80\x10")
    assert read_graph(block(7, RELU + block(5, tensor)) + OPSET).external_data


@pytest.mark.parametrize("seed", range(4))
def test_any_mutation_is_read_or_refused(tiny, seed):
    """Byte flips, cuts, boundary numbers in the length fields: nothing but BundleError comes out."""
    data = (tiny / "decoder.onnx").read_bytes()
    refused = 0
    for broken in mutate(data, seed, 150):
        try:
            read_graph(broken)
        except BundleError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("seed", range(2))
def test_what_onnx_reads_is_seen_alike(tiny, seed):
    """Where a mutated file is read by both, both see the same operators: no way around the allow-list."""
    data = (tiny / "classifier.onnx").read_bytes()
    agreed = 0
    for broken in mutate(data, seed, 200):
        try:
            theirs = facts_by_onnx(onnx.load_from_string(broken))
        except (ValueError, DecodeError):
            continue
        try:
            ours = read_graph(broken)
        except BundleError:
            continue
        assert ours.operators == theirs.operators
        assert ours.subgraphs == theirs.subgraphs
        assert ours.external_data >= theirs.external_data
        agreed += 1
    assert agreed > 20
