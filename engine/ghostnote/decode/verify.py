"""From a bundle's file to a session that can be trusted, cheapest check first.

Size → SHA-256 → operators and domains (without running anything) → session → names and shapes → warm-up
runs, whose outputs must be finite, sane, repeatable and in time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.files import inside, read_bounded
from ghostnote.decode.manifest import Manifest
from ghostnote.decode.onnx_graph import GraphFacts, read_graph
from ghostnote.decode.operators import ALLOWED, ONNX_DOMAINS, UNUSED_DOMAINS
from ghostnote.decode.session import OFFLINE_DEADLINE_S, GraphRunner, InferenceError, Port
from ghostnote.errors import BundleError

Float32 = NDArray[np.float32]

MAX_GRAPH_BYTES = 20_000_000
WARM_UP_RUNS = 10
TIMING_ROUNDS = 4
"""Rounds of warm-up runs before a graph counts as too slow: another program may have had the processor."""
SANE_MAGNITUDE = 100.0
"""Largest magnitude (1 = full-scale sine) that a decoder may give for ordinary latent points."""


def open_graph(
    folder: Path, manifest: Manifest, graph: str, *, warm_up: bool = True, max_bytes: int = MAX_GRAPH_BYTES
) -> GraphRunner:
    """A verified session for `graph` ("encoder", "decoder" or "classifier") of the bundle in `folder`.

    `warm_up=False` leaves out the runs. Raises BundleError naming the file and what is wrong with it.
    """
    data = read_verified(folder, manifest, graph, max_bytes)
    try:
        check_operators(read_graph(data))
        runner = GraphRunner(data)
        check_ports(runner, manifest, graph)
        if warm_up:
            check_runs(runner, manifest, graph)
    except (BundleError, InferenceError) as error:
        raise BundleError(f"{folder / graph}.onnx: {error}") from None
    return runner


def read_verified(folder: Path, manifest: Manifest, graph: str, max_bytes: int = MAX_GRAPH_BYTES) -> bytes:
    """The bytes of a graph file; BundleError unless length and digest are those that the manifest states."""
    entry = manifest.files[graph]
    path = inside(folder, f"{graph}.onnx")
    if entry.bytes > max_bytes:
        raise BundleError(f"{path}: model.json states {entry.bytes} bytes; at most {max_bytes} are loaded")
    data = read_bounded(path, max_bytes)
    if len(data) != entry.bytes or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BundleError(
            f"{path}: its SHA-256 or length is not what model.json states: the file is damaged or of another"
            " version; copy the whole bundle folder again"
        )
    return data


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise BundleError unless every graph file is the one that the manifest states; nothing is opened."""
    for graph in manifest.files:
        read_verified(folder, manifest, graph)


def check_operators(facts: GraphFacts) -> None:
    """Raise BundleError when a graph holds anything but plain feed-forward ONNX operators."""
    for found, what in (
        (facts.external_data, "external data"),
        (facts.functions, "functions"),
        (facts.training, "training information"),
        (facts.sparse, "sparse tensors"),
    ):
        if found:
            raise BundleError(f"the graph uses {what}, which is not allowed in a bundle; export it without")
    foreign = {domain for domain, _ in facts.operators} - ONNX_DOMAINS
    foreign |= set(facts.imports) - ONNX_DOMAINS - UNUSED_DOMAINS
    if foreign:
        raise BundleError(f"operator domain not allowed: {_names(foreign)}; use plain ONNX operators only")
    forbidden = {operator for _, operator in facts.operators} - ALLOWED
    if forbidden:
        raise BundleError(
            f"operator not allowed: {_names(forbidden)}; a graph may only hold feed-forward operators,"
            " no control flow and no random numbers"
        )
    if facts.subgraphs:
        raise BundleError("the graph holds a graph inside an operator, which is not allowed in a bundle")


def check_ports(runner: GraphRunner, manifest: Manifest, graph: str) -> None:
    """Raise BundleError unless inputs and outputs are those of the contract in docs/architecture.md."""
    inputs, output = ports(manifest, graph)
    if {*runner.inputs} != {*inputs} or runner.outputs != (output,):
        raise BundleError(
            f"inputs and outputs are {_ports(runner.inputs)} → {_ports(runner.outputs)}, but must be"
            f" {_ports(inputs)} → {output}; export with these names and fixed shapes"
        )


def ports(manifest: Manifest, graph: str) -> tuple[tuple[Port, ...], Port]:
    """Inputs and output that `graph` must have."""
    sound = (1, manifest.features.frames, manifest.features.bins)
    latent = Port("z", (1, manifest.latent_size))
    if graph == "decoder":
        return (latent, Port("texture", sound)), Port("magnitude", sound)
    if graph == "encoder":
        return (Port("log_magnitude", sound),), latent
    return (Port("log_magnitude", sound),), Port("probabilities", (1, len(manifest.classes)))


def check_runs(runner: GraphRunner, manifest: Manifest, graph: str) -> None:
    """Warm the session up; raise BundleError for an output or a running time that the manifest rules out."""
    feeds = list(_trial_inputs(manifest, graph))
    first = runner.run(feeds[0], OFFLINE_DEADLINE_S)
    if first.tobytes() != runner.run(feeds[0], OFFLINE_DEADLINE_S).tobytes():
        raise BundleError("the same input gives different outputs; export without random operators")
    for feed in feeds:
        _check_output(runner.run(feed, OFFLINE_DEADLINE_S), manifest, graph)
    limit_s = manifest.max_inference_s[graph]
    best_s = min(_until(limit_s, (_run_s(runner, feeds) for _ in range(TIMING_ROUNDS))))
    if best_s > limit_s:
        raise BundleError(
            f"too slow on this machine: a run takes {best_s * 1e3:.2f} ms of a processor, model.json declares"
            f" at most {limit_s * 1e3:.2f} ms; use a smaller model"
        )


def _until(limit_s: float, rounds: Iterator[float]) -> Iterator[float]:
    for seconds in rounds:
        yield seconds
        if seconds <= limit_s:
            return


def _run_s(runner: GraphRunner, feeds: list[dict[str, Float32]]) -> float:
    """Seconds of a run: what it computed, since a busy machine makes no model slow.

    The median of the clock on the wall counts where it is less, and where the system measures processor time
    so coarsely that there was none.
    """
    times = []
    began = time.thread_time()
    for index in range(WARM_UP_RUNS):
        begin = time.perf_counter()
        runner.run(feeds[index % len(feeds)], OFFLINE_DEADLINE_S)
        times.append(time.perf_counter() - begin)
    computed = (time.thread_time() - began) / WARM_UP_RUNS
    median = float(np.median(times))
    return min(median, computed) if computed > 0.0 else median


def _trial_inputs(manifest: Manifest, graph: str) -> Iterator[dict[str, Float32]]:
    """The centre of the input space, then seeded ordinary points of it."""
    rng = np.random.default_rng(0)
    shape = (1, manifest.features.frames, manifest.features.bins)
    if graph != "decoder":
        yield {"log_magnitude": np.zeros(shape, np.float32)}
        yield {"log_magnitude": rng.random(shape, np.float32)}
        return
    yield {"z": manifest.latent_mean[None], "texture": np.zeros(shape, np.float32)}
    # Log-magnitude of complex Gaussian noise, whose median is log(√log 4).
    texture = np.log(np.maximum(rng.rayleigh(np.sqrt(0.5), shape), 1e-4) / np.sqrt(np.log(2.0)))
    for _ in range(2):
        z = manifest.latent_mean + sum(
            (rng.standard_normal() * axis.spread * axis.direction for axis in manifest.axes),
            start=np.zeros(manifest.latent_size),
        )
        yield {"z": z[None].astype(np.float32), "texture": texture.astype(np.float32)}
    for kind in manifest.kinds:
        yield {"z": kind.mean[None], "texture": texture.astype(np.float32)}


def _check_output(output: Float32, manifest: Manifest, graph: str) -> None:
    low, high = float(output.min()), float(output.max())
    expected = ports(manifest, graph)[1].shape
    if output.shape != expected or output.dtype != np.float32:
        raise BundleError(f"the output is {output.dtype} {output.shape}, but must be float32 {expected}")
    if graph == "decoder" and (low < 0.0 or high > SANE_MAGNITUDE):
        raise BundleError(
            f"magnitudes from {low:.3g} to {high:.3g}, but must be from 0 to {SANE_MAGNITUDE:g}"
        )
    if graph == "classifier" and (low < 0.0 or abs(float(output.sum()) - 1.0) > 1e-3):
        raise BundleError(f"probabilities sum to {float(output.sum()):.4g} (least {low:.3g}), not to 1")


def _names(names: set[str]) -> str:
    return ", ".join(repr(name[:40]) for name in sorted(names)[:8])


def _ports(many: tuple[Port, ...]) -> str:
    return ", ".join(str(port) for port in many) or "none"
