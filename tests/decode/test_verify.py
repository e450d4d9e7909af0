"""Bad bundles: each is refused before it can do harm, with words that say what and where."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from bundles import build_bundle, constant, reseal
from ghostnote.decode import model, verify
from ghostnote.decode.session import GraphRunner
from ghostnote.errors import BundleError
from graphs import FORBIDDEN, mutate, through

ONLY_DECODER = {"lazy": ("encoder", "classifier")}


def never(*args, **kwargs):
    pytest.fail("this should have been refused before")


@pytest.mark.parametrize("case", FORBIDDEN, ids=lambda case: case.replace(" ", "-"))
def test_forbidden_graph(tmp_path, monkeypatch, case):
    edit, match = FORBIDDEN[case]
    folder = build_bundle(tmp_path / "bad", edit_decoder=edit)
    (folder / "weights.bin").write_bytes(b"\0" * 100_000)
    monkeypatch.setattr(verify, "GraphRunner", never)
    with pytest.raises(BundleError, match=match) as caught:
        model.load(folder, **ONLY_DECODER)
    assert "decoder.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_digest(copy, monkeypatch):
    path = copy / "decoder.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(verify, "read_graph", never)
    with pytest.raises(BundleError, match=r"decoder\.onnx: its SHA-256 or length is not what"):
        model.load(copy, **ONLY_DECODER)


@pytest.mark.parametrize("extra", [b"", b"\0", b"\x0a\x00"])
def test_wrong_length(copy, extra):
    path = copy / "encoder.onnx"
    path.write_bytes(path.read_bytes()[:-1] + extra)
    with pytest.raises(BundleError, match=r"encoder\.onnx: its SHA-256 or length is not what"):
        model.load(copy)


def test_stated_length_counts_beside_the_digest(copy):
    values = json.loads((copy / "model.json").read_text())
    values["files"]["decoder.onnx"]["bytes"] += 1
    (copy / "model.json").write_text(json.dumps(values))
    with pytest.raises(BundleError, match=r"decoder\.onnx: its SHA-256 or length is not what"):
        model.load(copy)


@pytest.mark.parametrize("graph", ["encoder", "decoder", "classifier"])
def test_missing_file(copy, graph):
    (copy / f"{graph}.onnx").unlink()
    with pytest.raises(BundleError, match=rf"{graph}\.onnx: file is missing"):
        model.load(copy)


def test_stated_length_beyond_the_cap_is_not_read(copy, monkeypatch):
    values = json.loads((copy / "model.json").read_text())
    values["files"]["decoder.onnx"]["bytes"] = verify.MAX_GRAPH_BYTES + 1
    (copy / "model.json").write_text(json.dumps(values))
    monkeypatch.setattr(verify, "read_bounded", never)
    with pytest.raises(BundleError, match="states 20000001 bytes; at most 20000000 are loaded"):
        model.load(copy, **ONLY_DECODER)


def test_file_beyond_the_cap(copy):
    with open(copy / "decoder.onnx", "ab") as file:
        file.truncate(verify.MAX_GRAPH_BYTES + 1)
    with pytest.raises(BundleError, match="longer than the 20000000 bytes"):
        model.load(copy)


def can_link(tmp_path):
    try:
        (tmp_path / "link").symlink_to(tmp_path)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("name", ["decoder.onnx", "model.json"])
def test_link_out_of_the_folder(copy, tmp_path, name):
    if not can_link(tmp_path):
        pytest.skip("this system makes no symbolic links")
    (copy / name).rename(tmp_path / "outside")
    (copy / name).symlink_to(tmp_path / "outside")
    with pytest.raises(BundleError, match="a link leads out of the bundle's folder"):
        model.load(copy)


def test_link_inside_the_folder_and_to_the_folder(copy, tmp_path):
    if not can_link(tmp_path):
        pytest.skip("this system makes no symbolic links")
    (copy / "decoder.onnx").rename(copy / "v2.onnx")
    (copy / "decoder.onnx").symlink_to("v2.onnx")
    (tmp_path / "current").symlink_to(copy, target_is_directory=True)
    assert model.load(tmp_path / "current").manifest.name == "tiny"


def test_link_in_a_circle(copy, tmp_path):
    if not can_link(tmp_path):
        pytest.skip("this system makes no symbolic links")
    (copy / "decoder.onnx").unlink()
    (copy / "decoder.onnx").symlink_to("decoder.onnx")
    with pytest.raises(BundleError, match=r"decoder\.onnx: "):
        model.load(copy)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_as_graph_does_not_hang(copy):
    (copy / "decoder.onnx").unlink()
    os.mkfifo(copy / "decoder.onnx")
    with pytest.raises(BundleError, match="not a regular file"):
        model.load(copy)


def scaled(factor):
    def edit(graph):
        through("Mul")(graph)
        graph.graph.initializer.append(constant("fault", factor))
        graph.graph.node[-1].input.append("fault")

    return edit


def rename_input(graph):
    graph.graph.input[0].name = "latent"
    for node in graph.graph.node:
        node.input[:] = ["latent" if name == "z" else name for name in node.input]


def rename_output(graph):
    graph.graph.output[0].name = graph.graph.node[-1].output[0] = "sound"


def extra_output(graph):
    graph.graph.output.append(helper.make_tensor_value_info("peaks", TensorProto.FLOAT, None))


def extra_input(graph):
    graph.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


def free_batch(graph):
    for port in (*graph.graph.input, *graph.graph.output):
        port.type.tensor_type.shape.dim[0].dim_param = "batch"


def double_output(graph):
    through("Cast", to=TensorProto.DOUBLE)(graph)
    graph.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def no_softmax(graph):
    graph.graph.node[-1].op_type = "Sigmoid"
    del graph.graph.node[-1].attribute[:]


def unknown_input(graph):
    graph.graph.node[0].input[0] = "nowhere"


FAULTS = {
    "input renamed": ("decoder", rename_input, r"but must be z .*texture .*→ magnitude"),
    "output renamed": ("decoder", rename_output, r"→ sound .*but must be"),
    "output too many": ("decoder", extra_output, r"peaks .*but must be"),
    "input too many": ("decoder", extra_input, r"more .*but must be"),
    "batch not fixed": ("decoder", free_batch, r"fixed shapes"),
    "double output": ("decoder", double_output, r"tensor\(double\)"),
    "nan": ("decoder", scaled(np.nan), "NaN or infinity"),
    "infinity": ("decoder", scaled(np.inf), "NaN or infinity"),
    "negative magnitudes": ("decoder", scaled(-1.0), "magnitudes from -.* but must be from 0 to 100"),
    "far too loud": ("decoder", scaled(1e4), "but must be from 0 to 100"),
    "nan latent": ("encoder", scaled(np.nan), "NaN or infinity"),
    "no probabilities": ("classifier", no_softmax, "probabilities sum to"),
    "negative probabilities": ("classifier", scaled(-1.0), "probabilities sum to -1"),
    "unconnected": ("decoder", unknown_input, "onnxruntime refuses the graph"),
}


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.replace(" ", "-"))
def test_faulty_graph(tmp_path, case, capfd):
    graph, edit, match = FAULTS[case]
    folder = build_bundle(tmp_path / "bad", **{f"edit_{graph}": edit})
    with pytest.raises(BundleError, match=match) as caught:
        model.load(folder)
    assert f"{graph}.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "onnxruntime printed something"


@pytest.mark.parametrize(("key", "value"), [("latent_size", 32), ("frames", 128), ("n_fft", 2048)])
def test_manifest_and_graph_of_different_shape(tmp_path, key, value):
    folder = build_bundle(tmp_path / "bad", manifest={"axes": [], "prototypes": {}})
    values = json.loads((folder / "model.json").read_text())
    (values if key in values else values["features"])[key] = value
    values["latent_mean"] = [0.0] * values["latent_size"]
    (folder / "model.json").write_text(json.dumps(values))
    with pytest.raises(BundleError, match="but must be"):
        model.load(folder)


def test_class_count_differs_from_the_classifier(copy):
    values = json.loads((copy / "model.json").read_text())
    values["classes"].append("gong")
    (copy / "model.json").write_text(json.dumps(values))
    with pytest.raises(BundleError, match=r"probabilities tensor\(float\) \[1, 10\]"):
        model.load(copy)


def test_too_slow(tmp_path):
    folder = build_bundle(tmp_path / "slow", max_inference_s=1e-6)
    with pytest.raises(BundleError, match=r"a run takes .* ms of a processor, model\.json declares at most"):
        model.load(folder)


def test_a_short_disturbance_is_not_slowness(tiny, monkeypatch):
    """Timing is tried again: one round that something else disturbed does not condemn a model."""
    rounds = iter([9.0, 9.0, 0.001])
    monkeypatch.setattr(verify, "_run_s", lambda runner, feeds: next(rounds))
    model.load(tiny, **ONLY_DECODER)
    assert next(rounds, None) is None


def test_a_busy_machine_makes_no_model_slow(tmp_path, monkeypatch):
    """What counts is what a run computes, not how long it waits for a processor."""
    folder = build_bundle(tmp_path / "waits", max_inference_s=0.05)
    real = GraphRunner.run

    waited = []

    def run(self, *given):
        waited.append(time.sleep(0.06))
        return real(self, *given)

    monkeypatch.setattr(GraphRunner, "run", run)
    model.load(folder, **ONLY_DECODER)
    assert len(waited) >= verify.WARM_UP_RUNS, "each run took longer than the manifest allows"


def test_output_that_changes_between_runs_is_refused(tiny, monkeypatch):
    rng = np.random.default_rng(0)
    real = GraphRunner.run
    monkeypatch.setattr(GraphRunner, "run", lambda self, *a: real(self, *a) * rng.uniform(0.9, 1.0))
    with pytest.raises(BundleError, match="the same input gives different outputs"):
        model.load(tiny)


def test_loop_that_slips_through_the_list_is_ended(tmp_path, monkeypatch):
    """Were an endless loop ever allowed, the deadline still ends its run."""
    monkeypatch.setattr(verify, "check_operators", lambda facts: None)
    monkeypatch.setattr(verify, "OFFLINE_DEADLINE_S", 0.2)
    folder = build_bundle(tmp_path / "loop", edit_decoder=FORBIDDEN["endless loop"][0])
    begin = time.monotonic()
    with pytest.raises(BundleError, match="ended after its deadline of 200 ms"):
        model.load(folder)
    assert time.monotonic() - begin < 60


def test_ort_format_is_not_taken_for_onnx(tiny, tmp_path):
    """onnxruntime reads a second format, whose operators the check could not see."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "model.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(tiny / "classifier.onnx", options, providers=["CPUExecutionProvider"])
    data = (tmp_path / "model.ort").read_bytes()
    onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    with pytest.raises(BundleError, match="onnxruntime refuses"):
        GraphRunner(data)


@pytest.mark.parametrize("graph", ["encoder", "decoder", "classifier"])
def test_mutated_bundles_are_refused(copy, graph):
    path = copy / f"{graph}.onnx"
    others = {"encoder", "decoder", "classifier"} - {graph}
    for broken in mutate(path.read_bytes(), 7, 100):
        path.write_bytes(broken)
        with pytest.raises(BundleError, match="its SHA-256 or length"):
            model.load(copy, lazy=others)


def test_mutated_graphs_with_the_right_digest_are_refused_or_sane(copy):
    """Damage made before sealing, which the digest cannot see: refused, or still within the bounds."""
    path = copy / "decoder.onnx"
    good = path.read_bytes()
    texture = np.zeros((344, 513), np.float32)
    loaded = 0
    for broken in mutate(good, 3, 60):
        path.write_bytes(broken)
        reseal(copy)
        try:
            survivor = model.load(copy, **ONLY_DECODER)
        except BundleError:
            continue
        loaded += 1
        assert np.isfinite(survivor.decode(survivor.manifest.latent_mean, texture)).all()
    assert loaded < 60


def test_the_arithmetic_of_the_process_is_left_alone(tiny):
    """No flush-to-zero on the calling thread: a result must not depend on the thread that loaded a model."""
    model.load(tiny)
    assert np.full(4, 1e-40, np.float32).sum() > 0.0


def test_good_graph_is_read_alike_by_onnx(tiny):
    """The corpus starts from graphs that are themselves valid."""
    for path in tiny.glob("*.onnx"):
        onnx.checker.check_model(onnx.load(path), full_check=True)
