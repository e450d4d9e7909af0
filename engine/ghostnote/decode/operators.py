"""The ONNX operators that a bundle's graphs may use: feed-forward, deterministic, of bounded running time."""

from __future__ import annotations

ONNX_DOMAINS = frozenset({"", "ai.onnx"})
"""Domains whose operators may occur; both name ONNX itself."""

UNUSED_DOMAINS = frozenset({"ai.onnx.ml"})
"""Domains that a graph may import without using them, as tf2onnx does."""

_PLAIN = """
    Abs Add AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant
    ConstantOfShape Conv ConvTranspose Cos DepthToSpace Div Einsum Elu Equal Erf Exp Expand Flatten
    Floor Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization
    HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log
    LogSoftmax MatMul Max MaxPool Mean Min Mish Mul Neg Not And Or Pad Pow PRelu RMSNormalization
    Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
    Resize Round Selu Shape Sigmoid Sign Sin Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze
    Sub Sum Swish Tan Tanh ThresholdedRelu Tile Transpose Unsqueeze Upsample Where
"""

ALLOWED = frozenset(_PLAIN.split())
"""Operator types. Absent on purpose: Loop, If, Scan, SequenceMap (control flow), Random*, Bernoulli and
Multinomial (not repeatable), recurrent and string operators, and all that is not needed for decoding."""
