"""One definition of a network, two builders: Keras layers to train, ONNX nodes to ship.

A network is a function of a builder, so the exported graph cannot drift from the trained one, holds only the
operators named here, and does not depend on which Keras backend trained it.
"""

# ruff: noqa: D102 (the operators are described in `graph.Builder`)

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Tensor = Any
Array = NDArray[np.float32]


class Builder(Protocol):
    """Operators on tensors of shape (batch, time, channels) or (batch, channels)."""

    def dense(self, name: str, x: Tensor, units: int) -> Tensor:
        """Affine map of the last axis."""

    def depthwise(self, name: str, x: Tensor, kernel: int) -> Tensor:
        """Convolution over time, each channel by itself, same length."""

    def norm(self, name: str, x: Tensor) -> Tensor:
        """Layer normalisation over the last axis."""

    def matrix(self, x: Tensor, values: Array) -> Tensor:
        """Product with a fixed matrix over the last axis."""

    def matrix_left(self, values: Array, x: Tensor) -> Tensor:
        """Product with a fixed matrix over the time axis."""

    def dropout(self, x: Tensor, share: float) -> Tensor:
        """Zero a share of the values while training; nothing otherwise."""

    def scale(self, x: Tensor, factor: float, offset: float) -> Tensor:
        """x · factor + offset."""

    def relu(self, x: Tensor) -> Tensor:
        """max(x, 0)."""

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        """Values held between two bounds."""

    def below_peak(self, x: Tensor, reach: float) -> Tensor:
        """How far each value of (batch, time, channels) is from the largest: −reach to 0."""

    def exp(self, x: Tensor) -> Tensor:
        """Natural exponential."""

    def sigmoid(self, x: Tensor) -> Tensor:
        """Logistic function."""

    def softmax(self, x: Tensor) -> Tensor:
        """Softmax over the last axis."""

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of two tensors of one shape."""

    def multiply(self, x: Tensor, y: Tensor) -> Tensor:
        """Product of two tensors of one shape."""

    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """New shape of all but the batch axis."""

    def pad_frames(self, x: Tensor, missing: int) -> Tensor:
        """Zeros after the last frame of (batch, time, channels)."""

    def mean_and_max(self, x: Tensor) -> Tensor:
        """Mean and maximum over time, (batch, 2 · channels)."""


class KerasBuilder:
    """Builds Keras 3 layers; layers get the names that the ONNX builder looks up."""

    def __init__(self) -> None:
        import keras

        self._keras = keras

    def dense(self, name: str, x: Tensor, units: int) -> Tensor:
        return self._keras.layers.Dense(units, name=name)(x)

    def depthwise(self, name: str, x: Tensor, kernel: int) -> Tensor:
        return self._keras.layers.DepthwiseConv1D(kernel, padding="same", name=name)(x)

    def norm(self, name: str, x: Tensor) -> Tensor:
        return self._keras.layers.LayerNormalization(epsilon=1e-6, name=name)(x)

    def matrix(self, x: Tensor, values: Array) -> Tensor:
        return self._keras.ops.matmul(x, self._keras.ops.convert_to_tensor(values))

    def matrix_left(self, values: Array, x: Tensor) -> Tensor:
        return self._keras.ops.matmul(self._keras.ops.convert_to_tensor(values), x)

    def dropout(self, x: Tensor, share: float) -> Tensor:
        return self._keras.layers.Dropout(share)(x)

    def scale(self, x: Tensor, factor: float, offset: float) -> Tensor:
        return x * factor + offset

    def relu(self, x: Tensor) -> Tensor:
        return self._keras.ops.relu(x)

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        return self._keras.ops.clip(x, low, high)

    def below_peak(self, x: Tensor, reach: float) -> Tensor:
        ops = self._keras.ops
        return ops.maximum(x - ops.max(x, axis=(1, 2), keepdims=True), -reach)

    def exp(self, x: Tensor) -> Tensor:
        return self._keras.ops.exp(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return self._keras.ops.sigmoid(x)

    def softmax(self, x: Tensor) -> Tensor:
        return self._keras.ops.softmax(x)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def multiply(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y

    def reshape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self._keras.layers.Reshape(shape)(x)

    def pad_frames(self, x: Tensor, missing: int) -> Tensor:
        return self._keras.ops.pad(x, [[0, 0], [0, missing], [0, 0]])

    def mean_and_max(self, x: Tensor) -> Tensor:
        ops = self._keras.ops
        return ops.concatenate([ops.mean(x, axis=1), ops.max(x, axis=1)], axis=-1)
