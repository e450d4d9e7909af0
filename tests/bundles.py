"""Small model bundles for tests: correctly shaped seeded graphs that sound, and ways to break them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ghostnote.features.spec import FeatureSpec

NINE = ("kick", "snare", "hihat_closed", "hihat_open", "tom", "clap", "rim", "crash", "ride")
PEAKS = 6
OPSET = 17

Edit = Callable[[onnx.ModelProto], Any]


def build_bundle(
    folder: Path,
    *,
    seed: int = 0,
    latent_size: int = 64,
    classes: Sequence[str] = NINE,
    name: str = "tiny",
    spec: FeatureSpec | None = None,
    noisiness: float = 0.3,
    max_inference_s: float = 2.0,
    edit_encoder: Edit | None = None,
    edit_decoder: Edit | None = None,
    edit_classifier: Edit | None = None,
    manifest: dict[str, Any] | None = None,
) -> Path:
    """Write a bundle into `folder` (made if missing) and return `folder`.

    The decoder sounds: `PEAKS` harmonics whose pitch, levels and decay times move with z, in time-decaying
    frames; axis "higher" raises the pitch, "longer" the decay, "noisier" the noisiness of all bins.
    Equal arguments give equal bytes.
    The `edit_*` functions change a graph in place before it is hashed; `manifest` replaces keys of the
    manifest (None removes one).
    """
    spec = spec or FeatureSpec()
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    axes = np.linalg.qr(rng.standard_normal((latent_size, 3)))[0].T.astype(np.float32)
    graphs = {
        "encoder": (_encoder(rng, spec, latent_size), edit_encoder),
        "decoder": (_decoder(rng, spec, axes, noisiness), edit_decoder),
    }
    if classes:
        graphs["classifier"] = (_classifier(rng, spec, len(classes)), edit_classifier)
    for graph, (model, edit) in graphs.items():
        if edit:
            edit(model)
        (folder / f"{graph}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    values: dict[str, Any] = {
        "schema": "ghostnote-model",
        "version": 1,
        "name": name,
        "features": spec.as_dict(),
        "latent_size": latent_size,
        "classes": list(classes),
        "latent_mean": [0.0] * latent_size,
        "kinds": [],
        "axes": [
            {"name": title, "direction": [float(v) for v in axis], "spread": 1.0}
            for title, axis in zip(("higher", "longer", "noisier"), axes, strict=True)
        ],
        "files": {},
        "max_inference_s": dict.fromkeys(graphs, max_inference_s),
        "provenance": [{"source": "made by the tests", "licence": "MIT", "credit": "", "files": 0}],
        "quality": {},
        "prototypes": {c: [float(v) for v in rng.standard_normal(latent_size)] for c in classes},
        "training": {"seed": seed},
    }
    for key, value in (manifest or {}).items():
        if value is None:
            del values[key]
        else:
            values[key] = value
    (folder / "model.json").write_text(json.dumps(values))
    reseal(folder)
    return folder


def reseal(folder: Path) -> None:
    """Write the digests and lengths of the graphs as they are now into the manifest."""
    path = folder / "model.json"
    values = json.loads(path.read_text())
    values["files"] = {}
    for graph in sorted(folder.glob("*.onnx")):
        data = graph.read_bytes()
        values["files"][graph.name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    path.write_text(json.dumps(values))


def constant(name: str, value: Any) -> onnx.TensorProto:
    """A named float32 initializer (int64 for integers)."""
    array = np.asarray(value)
    return numpy_helper.from_array(array if array.dtype == np.int64 else array.astype(np.float32), name)


def _model(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
) -> onnx.ModelProto:
    def values(shapes: dict[str, list[int]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()]

    graph = helper.make_graph(nodes, "g", values(inputs), values(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _decoder(
    rng: np.random.Generator, spec: FeatureSpec, axes: np.ndarray, noisiness: float
) -> onnx.ModelProto:
    """(Σₖ levelₖ(z) · exp(−f · rateₖ(z)) · exp(−(b − centreₖ(z))² / 2) + floor) · exp(noise(z) · texture)."""
    size = axes.shape[1]
    node, spread = helper.make_node, 0.5 / np.sqrt(size)
    harmonics = np.arange(1.0, PEAKS + 1.0)
    fundamental = 4.0 * 1024 / spec.n_fft
    # exp(z · w) scales pitch for all harmonics alike, decay and level for each on its own.
    pitch = np.repeat(axes[0][:, None] * 0.35 + rng.standard_normal((size, 1)) * spread * 0.2, PEAKS, axis=1)
    decay = -0.5 * axes[1][:, None] + rng.standard_normal((size, PEAKS)) * spread * 0.5
    level = rng.standard_normal((size, PEAKS)) * spread
    frames = np.arange(spec.frames, dtype=np.float32)[None, :, None]
    bins = np.arange(spec.bins, dtype=np.float32)[None, None, :]
    constants = [
        constant("w_pitch", pitch),
        constant("w_decay", decay),
        constant("w_level", level),
        constant("w_noise", axes[2][:, None] * 0.5),
        constant("pitch0", fundamental * harmonics),
        constant("decay0", (0.01 + 0.004 * harmonics) * spec.hop / 256),
        constant("level0", 0.4 / harmonics),
        constant("noise0", noisiness),
        constant("frames", frames),
        constant("bins", bins),
        constant("half", -0.5),
        constant("floor", spec.floor),
        constant("low", -4.0),
        constant("high", 4.0),
        constant("last", np.array([2], np.int64)),
        constant("middle", np.array([1], np.int64)),
    ]
    nodes = []
    for part in ("pitch", "decay", "level", "noise"):
        nodes += [
            node("MatMul", ["z", f"w_{part}"], [f"{part}_raw"]),
            node("Clip", [f"{part}_raw", "low", "high"], [f"{part}_in"]),
            node("Exp", [f"{part}_in"], [f"{part}_factor"]),
            node("Mul", [f"{part}_factor", f"{part}0"], [part]),
        ]
    nodes += [
        node("Neg", ["decay"], ["rate"]),
        node("Unsqueeze", ["rate", "middle"], ["rate_row"]),
        node("Mul", ["frames", "rate_row"], ["fall"]),
        node("Exp", ["fall"], ["envelope"]),
        node("Unsqueeze", ["level", "middle"], ["level_row"]),
        node("Mul", ["envelope", "level_row"], ["levels"]),
        node("Unsqueeze", ["pitch", "last"], ["centre"]),
        node("Sub", ["bins", "centre"], ["distance"]),
        node("Mul", ["distance", "distance"], ["square"]),
        node("Mul", ["square", "half"], ["exponent"]),
        node("Exp", ["exponent"], ["shape"]),
        node("MatMul", ["levels", "shape"], ["peaks"]),
        node("Add", ["peaks", "floor"], ["median"]),
        node("Unsqueeze", ["noise", "middle"], ["noisiness"]),
        node("Mul", ["texture", "noisiness"], ["ripple"]),
        node("Exp", ["ripple"], ["factor"]),
        node("Mul", ["median", "factor"], ["magnitude"]),
    ]
    shape = [1, spec.frames, spec.bins]
    return _model(nodes, constants, {"z": [1, size], "texture": shape}, {"magnitude": shape})


def _encoder(rng: np.random.Generator, spec: FeatureSpec, size: int) -> onnx.ModelProto:
    weights = rng.standard_normal((spec.bins, size)) * 4.0 / np.sqrt(spec.bins)
    nodes = [
        helper.make_node("ReduceMean", ["log_magnitude"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["raw"]),
        helper.make_node("Add", ["raw", "b"], ["z"]),
    ]
    constants = [constant("w", weights), constant("b", rng.standard_normal(size) * 0.1)]
    return _model(nodes, constants, {"log_magnitude": [1, spec.frames, spec.bins]}, {"z": [1, size]})


def _classifier(rng: np.random.Generator, spec: FeatureSpec, count: int) -> onnx.ModelProto:
    weights = rng.standard_normal((spec.bins, count)) * 8.0 / np.sqrt(spec.bins)
    nodes = [
        helper.make_node("ReduceMean", ["log_magnitude"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    shape = [1, spec.frames, spec.bins]
    return _model(nodes, [constant("w", weights)], {"log_magnitude": shape}, {"probabilities": [1, count]})
