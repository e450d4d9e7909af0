"""Trained Keras models → ONNX files, proven equal on real inputs and timed on one thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands, nets, texture
from ghostnote_training.graph import KerasBuilder
from ghostnote_training.onnx_graph import HALF, OnnxBuilder

Float32 = NDArray[np.float32]

TOLERANCE = 2e-3
"""Largest difference allowed between Keras and ONNX, relative to the output's largest value."""


@dataclass(frozen=True)
class Parity:
    """Largest absolute difference between Keras and ONNX over the inputs tried, and the largest output."""

    difference: float
    largest: float


def session(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph as the engine does: CPU, one thread, no spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(opened: onnxruntime.InferenceSession, *inputs: Float32) -> Float32:
    """First output of a graph for inputs in order."""
    names = [value.name for value in opened.get_inputs()]
    return np.asarray(opened.run(None, dict(zip(names, inputs, strict=True)))[0])


def _halve(model: Any) -> None:
    """Round the kernels that are stored in half precision, so that the model is what is stored."""
    for layer in model.layers:
        if layer.name in HALF:
            kernel = np.asarray(layer.get_weights()[0])
            layer.kernel.assign(kernel.astype(np.float16).astype(np.float32))


def write_encoder(model: Any, path: Path, spec: FeatureSpec, options: nets.NetOptions) -> None:
    """`log_magnitude` [1, frames, bins] → `z` [1, latent], the posterior mean."""
    _halve(model)
    b = OnnxBuilder([model])
    hidden = nets.encoder(b, "log_magnitude", spec, options)
    z = nets.posterior_mean(b, hidden, "log_magnitude", spec, options)
    b.save(
        path,
        {"log_magnitude": (1, spec.frames, spec.bins)},
        {"z": (z, (1, options.latent))},
        "Log magnitudes (0 at the floor, 1 at full scale) to the latent mean.",
    )


def write_decoder(model: Any, path: Path, spec: FeatureSpec, options: nets.NetOptions) -> None:
    """`z` [1, latent], `texture` [1, frames, bins] → `magnitude` [1, frames, bins], linear."""
    _halve(model)
    b = OnnxBuilder([model])
    median, noisiness = nets.decoder(b, "z", spec, options)
    out = nets.magnitude(b, median, noisiness, "texture", spec, options)
    shape = (1, spec.frames, spec.bins)
    b.save(
        path,
        {"z": (1, options.latent), "texture": shape},
        {"magnitude": (out, shape)},
        "Latent and texture (log magnitudes of noise, median 0) to linear magnitudes.",
    )


def write_classifier(
    model: Any, path: Path, classes: int, spec: FeatureSpec, options: nets.NetOptions
) -> None:
    """`log_magnitude` [1, frames, bins] → `probabilities` [1, classes]."""
    b = OnnxBuilder([model])
    view = nets.classifier_view(b, "log_magnitude", spec, options)
    out = nets.classifier(b, view, classes, spec, options)
    b.save(
        path,
        {"log_magnitude": (1, spec.frames, spec.bins)},
        {"probabilities": (out, (1, classes))},
        "Log magnitudes to class probabilities.",
    )


def keras_decode(
    model: Any, z: Float32, field: Float32, spec: FeatureSpec, options: nets.NetOptions
) -> Float32:
    """What the decoder graph computes, by the Keras model: the reference for parity. Shape (n, frames,
    bins).
    """
    median, noisiness = model(z)
    return np.asarray(nets.magnitude(KerasBuilder(), median, noisiness, field, spec, options))


def prove(reference: Float32, got: Float32, what: str) -> Parity:
    """Compare; raises ValueError when the export does not do what the trained model does."""
    parity = Parity(float(np.abs(reference - got).max()), float(np.abs(reference).max()))
    if not np.isfinite(got).all() or parity.difference > TOLERANCE * max(parity.largest, 1e-6):
        raise ValueError(
            f"{what}: ONNX differs from Keras by {parity.difference:.2e} of {parity.largest:.2e}"
        )
    return parity


def prove_all(
    folder: Path,
    encoder: Any,
    decoder: Any,
    log_magnitudes: Float32,
    spec: FeatureSpec,
    options: nets.NetOptions,
) -> dict[str, Parity]:
    """Parity of encoder and decoder on real inputs (n, frames, bins), with and without texture."""
    encode, decode = session(folder / "encoder.onnx"), session(folder / "decoder.onnx")
    z = np.concatenate([run(encode, x[None]) for x in log_magnitudes])
    found = {"encoder": prove(np.asarray(encoder(log_magnitudes)[0]), z, "encoder.onnx")}
    field = texture.field(spec, 3)[None]
    worst = Parity(0.0, 0.0)
    for noise in (np.zeros_like(field), field):
        for one in z:
            reference = keras_decode(decoder, one[None], noise, spec, options)
            parity = prove(reference, run(decode, one[None], noise), "decoder.onnx")
            worst = max(worst, parity, key=lambda p: p.difference)
    found["decoder"] = worst
    return found


def prove_classifier(
    path: Path, heard: Any, log_magnitudes: Float32, spec: FeatureSpec, options: nets.NetOptions
) -> Parity:
    """Parity of a classifier on real inputs (n, frames, bins). `heard`: the Keras model on views."""
    windows, matrix = nets.classifier_windows(spec), bands.averages(options.view_bands, spec)
    views = (windows @ log_magnitudes @ matrix).astype(np.float32)
    opened = session(path)
    got = np.concatenate([run(opened, x[None]) for x in log_magnitudes])
    return prove(np.asarray(heard(views)), got, path.name)


def write_all(
    folder: Path,
    encoder: Any,
    decoder: Any,
    heard: Any | None,
    classes: int,
    log_magnitudes: Float32,
    spec: FeatureSpec,
    options: nets.NetOptions,
) -> dict[str, float]:
    """Write all graphs into a folder and prove each on real inputs (n, frames, bins). `heard`: the
    classifier on views, None where there are no classes. Returns the largest difference by graph,
    relative to the largest output.

    Raises ValueError when a graph does not do what its model does.
    """
    write_encoder(encoder, folder / "encoder.onnx", spec, options)
    write_decoder(decoder, folder / "decoder.onnx", spec, options)
    found = prove_all(folder, encoder, decoder, log_magnitudes, spec, options)
    path = folder / "classifier.onnx"
    path.unlink(missing_ok=True)
    if heard is not None:
        write_classifier(heard, path, classes, spec, options)
        found["classifier"] = prove_classifier(path, heard, log_magnitudes, spec, options)
    return {name: proof.difference / max(proof.largest, 1e-6) for name, proof in found.items()}


def timing(path: Path, rounds: int = 60, runs: int = 7, pause_s: float = 0.03) -> tuple[float, float]:
    """(median, 95th percentile) seconds of one inference on one thread, in the quietest of several rounds.

    Other programs on a shared machine only ever add time, so the quietest round says most about the graph;
    rounds are `pause_s` apart to find one.
    """
    opened = session(path)
    rng = np.random.default_rng(0)
    feeds = {i.name: rng.standard_normal(i.shape).astype(np.float32) * 0.3 for i in opened.get_inputs()}
    found = []
    for _ in range(rounds):
        spent = []
        for _ in range(runs):
            began = time.perf_counter()
            opened.run(None, feeds)
            spent.append(time.perf_counter() - began)
        found.append((float(np.median(spent)), float(np.percentile(spent, 95))))
        time.sleep(pause_s)
    return min(found)
