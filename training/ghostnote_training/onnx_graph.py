"""The builder that emits ONNX nodes, with weights taken by name from trained Keras models."""

# ruff: noqa: D102 (the operators are described in `graph.Builder`)

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]

OPSET = 17
HALF = ("z_linear", "dec_linear")
"""Layers whose kernels, the largest there are, are stored in half precision; a session turns them into
single precision once, when it is opened.
"""
IR_VERSION = 8


class OnnxBuilder:
    """Emits one float32 graph with batch size 1; implements `graph.Builder` with tensor names as tensors.

    `models`: Keras models that hold the named layers.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        self._layers = {layer.name: layer for model in models for layer in model.layers}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._count = 0

    def _weights(self, name: str) -> list[Array]:
        return [np.asarray(value, dtype=np.float32) for value in self._layers[name].get_weights()]

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def _node(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        self._count += 1
        out = f"t{self._count}"
        self._nodes.append(
            helper.make_node(op, list(inputs), [out], name=f"{op}_{self._count}", **attributes)
        )
        return out

    def _number(self, value: float) -> str:
        return self._constant(f"c_{value!r}", np.array(value, dtype=np.float32))

    def dense(self, name: str, x: str, units: int) -> str:
        kernel, bias = self._weights(name)
        if kernel.shape[1] != units:
            raise ValueError(f"layer {name} has {kernel.shape[1]} units, the definition says {units}")
        if name in HALF:
            stored = self._constant(f"{name}.kernel", kernel.astype(np.float16))
            weights = self._node("Cast", [stored], to=TensorProto.FLOAT)
        else:
            weights = self._constant(f"{name}.kernel", kernel)
        y = self._node("MatMul", [x, weights])
        return self._node("Add", [y, self._constant(f"{name}.bias", bias)])

    def depthwise(self, name: str, x: str, kernel: int) -> str:
        weights, bias = self._weights(name)
        channels = weights.shape[1]
        w = self._constant(f"{name}.kernel", weights.transpose(1, 2, 0))
        y = self._node("Transpose", [x], perm=[0, 2, 1])
        before = (kernel - 1) // 2
        y = self._node(
            "Conv",
            [y, w, self._constant(f"{name}.bias", bias)],
            group=channels,
            kernel_shape=[kernel],
            pads=[before, kernel - 1 - before],
        )
        return self._node("Transpose", [y], perm=[0, 2, 1])

    def norm(self, name: str, x: str) -> str:
        gamma, beta = self._weights(name)
        inputs = [x, self._constant(f"{name}.gamma", gamma), self._constant(f"{name}.beta", beta)]
        return self._node("LayerNormalization", inputs, axis=-1, epsilon=1e-6)

    def matrix(self, x: str, values: Array) -> str:
        return self._node("MatMul", [x, self._constant(f"matrix{self._count}", values)])

    def matrix_left(self, values: Array, x: str) -> str:
        return self._node("MatMul", [self._constant(f"matrix{self._count}", values), x])

    def dropout(self, x: str, share: float) -> str:
        return x

    def scale(self, x: str, factor: float, offset: float) -> str:
        if factor != 1.0:
            x = self._node("Mul", [x, self._number(factor)])
        return self._node("Add", [x, self._number(offset)]) if offset != 0.0 else x

    def relu(self, x: str) -> str:
        return self._node("Relu", [x])

    def clip(self, x: str, low: float, high: float) -> str:
        return self._node("Clip", [x, self._number(low), self._number(high)])

    def below_peak(self, x: str, reach: float) -> str:
        peak = self._node("ReduceMax", [x], axes=[1, 2], keepdims=1)
        return self._node("Max", [self._node("Sub", [x, peak]), self._number(-reach)])

    def exp(self, x: str) -> str:
        return self._node("Exp", [x])

    def sigmoid(self, x: str) -> str:
        return self._node("Sigmoid", [x])

    def softmax(self, x: str) -> str:
        return self._node("Softmax", [x], axis=-1)

    def add(self, x: str, y: str) -> str:
        return self._node("Add", [x, y])

    def multiply(self, x: str, y: str) -> str:
        return self._node("Mul", [x, y])

    def reshape(self, x: str, shape: tuple[int, ...]) -> str:
        full = np.array([1, *shape], dtype=np.int64)
        return self._node("Reshape", [x, self._constant(f"shape{self._count}", full)])

    def pad_frames(self, x: str, missing: int) -> str:
        pads = np.array([0, 0, 0, 0, missing, 0], dtype=np.int64)
        return self._node("Pad", [x, self._constant(f"pads{self._count}", pads)], mode="constant")

    def mean_and_max(self, x: str) -> str:
        mean = self._node("ReduceMean", [x], axes=[1], keepdims=0)
        return self._node("Concat", [mean, self._node("ReduceMax", [x], axes=[1], keepdims=0)], axis=-1)

    def save(
        self,
        path: Path,
        inputs: dict[str, tuple[int, ...]],
        outputs: dict[str, tuple[str, tuple[int, ...]]],
        doc: str,
    ) -> None:
        """Check and write the graph. `outputs`: name → (tensor, shape). Raises
        onnx.checker.ValidationError.
        """
        for name, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name], name=f"out_{name}"))
        graph = helper.make_graph(
            self._nodes,
            path.stem,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, (_, shape) in outputs.items()],
            list(self._constants.values()),
            doc_string=doc,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="ghostnote"
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())
