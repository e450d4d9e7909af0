"""Ways to make an ONNX graph one that must not be loaded, and to damage bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper

Edit = Callable[[onnx.ModelProto], None]


def through(op_type: str, **attributes) -> Edit:
    """An edit that passes the graph's output through one more operator."""

    def edit(model: onnx.ModelProto) -> None:
        name = model.graph.output[0].name
        model.graph.node[-1].output[0] = "before"
        model.graph.node.append(helper.make_node(op_type, ["before"], [name], **attributes))

    return edit


def if_node(inner: onnx.NodeProto) -> onnx.NodeProto:
    """An If whose branches hold `inner`."""
    out = helper.make_tensor_value_info(inner.output[0], TensorProto.FLOAT, None)
    graph = helper.make_graph([inner], "branch", [], [out])
    return helper.make_node("If", ["flag"], [inner.output[0]], then_branch=graph, else_branch=graph)


def nest(depth: int, inner: onnx.NodeProto) -> onnx.NodeProto:
    """`inner` inside `depth` graphs, one in the other; each If holds a deep branch and a flat one."""
    out = [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)]
    flat = helper.make_graph([helper.make_node("Relu", ["z"], ["r"])], "flat", [], out)
    for _ in range(depth):
        deep = helper.make_graph([inner], "deep", [], out)
        inner = helper.make_node("If", ["flag"], ["r"], then_branch=deep, else_branch=flat)
    return inner


def _loop(model: onnx.ModelProto) -> None:
    """An endless loop, 2^62 trips, before the output."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Abs", ["x"], ["x_next"])],
        "body",
        [
            helper.make_tensor_value_info("trip", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_next", TensorProto.FLOAT, None),
        ],
    )
    name = model.graph.output[0].name
    model.graph.node[-1].output[0] = "before"
    model.graph.initializer.append(helper.make_tensor("trips", TensorProto.INT64, [], [2**62]))
    model.graph.initializer.append(helper.make_tensor("true", TensorProto.BOOL, [], [True]))
    model.graph.node.append(helper.make_node("Loop", ["trips", "true", "before"], [name], body=body))


def external(location: str) -> Edit:
    """An edit that moves the first initializer's data into the file at `location`."""

    def edit(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", location

    return edit


def _unmarked(model: onnx.ModelProto) -> None:
    """An external location on a tensor that is not marked as external."""
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "weights.bin"


def _external_constant(model: onnx.ModelProto) -> None:
    """External data in the tensor of a Constant node, not in an initializer."""
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret.bin"
    model.graph.node.append(helper.make_node("Constant", [], ["unused"], value=tensor))


def _custom(model: onnx.ModelProto) -> None:
    through("Gelu", domain="com.microsoft")(model)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Abs", ["x"], ["y"])
    opset = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "Twice", ["x"], ["y"], [node], opset))


def _sparse(model: onnx.ModelProto) -> None:
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))


def _training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.name = "sgd"


def _nested(model: onnx.ModelProto) -> None:
    model.graph.node.append(nest(2, helper.make_node("RandomNormal", [], ["r"], shape=[1])))


def _graph_in_allowed_operator(model: onnx.ModelProto) -> None:
    inner = nest(1, helper.make_node("Relu", ["z"], ["r"])).attribute[0].g
    model.graph.node[-1].attribute.append(helper.make_attribute("body", inner))


def _import(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


FORBIDDEN: dict[str, tuple[Edit, str]] = {
    "random operator": (through("RandomNormalLike"), "operator not allowed: 'RandomNormalLike'"),
    "bernoulli": (through("Bernoulli"), "operator not allowed: 'Bernoulli'"),
    "endless loop": (_loop, "operator not allowed: 'Loop'"),
    "nested ifs": (_nested, "operator not allowed: 'If', 'RandomNormal'"),
    "graph in an allowed operator": (_graph_in_allowed_operator, "a graph inside an operator"),
    "custom domain": (_custom, r"operator domain not allowed: 'com\.microsoft'"),
    "imported domain": (_import, r"operator domain not allowed: 'com\.example'"),
    "unknown operator": (through("Explode"), "operator not allowed: 'Explode'"),
    "external data above": (external("../secret.bin"), "external data"),
    "external data absolute": (external("/etc/hostname"), "external data"),
    "external data beside": (external("weights.bin"), "external data"),
    "external data unmarked": (_unmarked, "external data"),
    "external data in a constant": (_external_constant, "external data"),
    "function": (_function, "the graph uses functions"),
    "sparse tensor": (_sparse, "sparse tensors"),
    "training information": (_training, "training information"),
}
"""Edits of a decoder that verification must refuse without running it, and what it must say."""

BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF)


def mutate(data: bytes, seed: int, count: int) -> Iterator[bytes]:
    """`count` damaged copies: cut, flipped, overwritten with boundary bytes, with pieces moved or repeated.

    Half of the damage falls into the first 4 KB, where structure is dense and weights are few.
    """
    rng = np.random.default_rng(seed)
    for index in range(count):
        broken = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(min(len(broken), 4096) if rng.random() < 0.5 else len(broken)))
            kind = index % 5
            if kind == 0:
                broken[at] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                broken[at] = BOUNDARIES[int(rng.integers(len(BOUNDARIES)))]
            elif kind == 2:
                broken[at : at + 10] = b"\xff" * 9 + b"\x01"
            elif kind == 3:
                del broken[at : at + int(rng.integers(1, 64))]
            else:
                broken[at:at] = broken[at : at + int(rng.integers(1, 64))]
        if bytes(broken) != data:
            yield bytes(broken)
