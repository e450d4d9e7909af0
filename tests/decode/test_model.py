"""A loaded model: shapes, ownership, determinism, deadlines, and parts that are opened late."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from bundles import NINE, build_bundle, constant
from ghostnote.decode import model as model_module
from ghostnote.decode import verify
from ghostnote.decode.model import MAX_MAGNITUDE, load
from ghostnote.decode.session import DeadlineError, OutputError
from ghostnote.errors import BundleError, GhostnoteError
from graphs import FORBIDDEN, through


@pytest.fixture(scope="module")
def texture(model):
    rng = np.random.default_rng(5)
    return rng.standard_normal((model.spec.frames, model.spec.bins)).astype(np.float32)


def latent(model, seed=1):
    return np.random.default_rng(seed).standard_normal(model.manifest.latent_size).astype(np.float32)


def test_shapes_and_kinds(model, texture):
    spec = model.spec
    sound = model.decode(latent(model), texture)
    assert sound.shape == (spec.frames, spec.bins)
    assert sound.dtype == np.float32
    assert sound.flags.c_contiguous
    assert sound.min() >= 0.0
    assert model.encode(sound).shape == (64,)
    assert model.classify(sound).shape == (len(NINE),)
    assert model.classify(sound).sum() == pytest.approx(1.0, abs=1e-4)


def test_result_belongs_to_the_caller(model, texture):
    first = model.decode(latent(model), texture)
    kept = first.copy()
    first_again = model.decode(latent(model), texture)
    first[:] = 0.0
    assert np.array_equal(first_again, kept)
    model.decode(latent(model, 2), texture)
    assert np.array_equal(first_again, kept)


def test_inputs_are_left_alone(model, texture):
    z, before = latent(model), texture.copy()
    kept = z.copy()
    model.decode(z, texture)
    model.encode(before)
    assert np.array_equal(z, kept)
    assert np.array_equal(before, texture)


def test_same_in_every_thread_and_every_load(model, tiny, texture):
    here = model.decode(latent(model), texture)
    other = load(tiny)
    results = []

    def work():
        for _ in range(5):
            results.extend([model.decode(latent(model), texture), other.decode(latent(model), texture)])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 30
    assert all(np.array_equal(result, here) for result in results)


def test_any_layout_of_input(model, texture):
    expected = model.decode(latent(model), texture)
    assert np.array_equal(
        model.decode(latent(model).astype(np.float64), np.asfortranarray(texture)), expected
    )
    wide = np.repeat(texture, 2, axis=1)[:, ::2]
    assert np.array_equal(model.decode(latent(model), wide), expected)


@pytest.mark.parametrize(("z", "frames"), [((63,), 344), ((1, 64), 344), ((64,), 343)])
def test_wrong_shape(model, z, frames):
    with pytest.raises(ValueError, match="has shape"):
        model.decode(np.zeros(z, np.float32), np.zeros((frames, 513), np.float32))


def test_nan_latent_is_an_error_and_not_a_sound(model, texture):
    with pytest.raises(OutputError, match="NaN or infinity"):
        model.decode(np.full(64, np.nan, np.float32), texture)


def test_overflow_is_an_error(model, texture):
    with pytest.raises(OutputError, match="NaN or infinity"):
        model.decode(latent(model), texture + 1e6)


def test_extreme_but_finite_output_is_clipped(model, texture):
    sound = model.decode(latent(model), texture + 60.0)
    assert sound.max() == MAX_MAGNITUDE


def test_negative_output_while_playing_is_clipped(tmp_path, texture, monkeypatch):
    def minus(graph):
        through("Sub")(graph)
        graph.graph.initializer.append(constant("fault", 0.01))
        graph.graph.node[-1].input.append("fault")

    monkeypatch.setattr(verify, "_check_output", lambda *args: None)
    assert load(build_bundle(tmp_path / "m", edit_decoder=minus)).decode(np.zeros(64), texture).min() == 0.0


def test_deadline_ends_an_endless_run(tmp_path, monkeypatch, texture, capfd):
    monkeypatch.setattr(verify, "check_operators", lambda facts: None)
    folder = build_bundle(tmp_path / "loop", edit_decoder=FORBIDDEN["endless loop"][0])
    endless = load(folder, warm_up=False)
    for _ in range(3):
        with pytest.raises(DeadlineError, match="deadline of 50 ms"):
            endless.decode(np.zeros(64, np.float32), texture, deadline_s=0.05)
    assert capfd.readouterr() == ("", "")


def test_a_missed_deadline_does_not_spoil_the_next_run(model, texture):
    expected = model.decode(latent(model), texture)
    for _ in range(20):
        with pytest.raises(DeadlineError):
            model.decode(latent(model), texture, deadline_s=-1.0)
    assert np.array_equal(model.decode(latent(model), texture), expected)


def test_live_deadline_is_four_times_the_declared_maximum(tmp_path):
    model = load(build_bundle(tmp_path / "m", max_inference_s=0.5), lazy=("encoder", "decoder", "classifier"))
    assert model.live_deadline_s() == pytest.approx(2.0)
    assert model.live_deadline_s("encoder") == pytest.approx(2.0)


def test_without_classifier(tmp_path):
    model = load(build_bundle(tmp_path / "m", classes=()))
    assert not model.has_classifier
    with pytest.raises(BundleError, match="has no classifier"):
        model.classify(np.zeros((344, 513), np.float32))


def test_lazy_part_is_verified_at_first_use(copy, monkeypatch, texture):
    opened = []
    real = verify.open_graph
    monkeypatch.setattr(
        model_module.verify,
        "open_graph",
        lambda folder, manifest, graph, **kw: opened.append(graph) or real(folder, manifest, graph, **kw),
    )
    model = load(copy, lazy=("encoder", "classifier"))
    assert opened == ["decoder"]
    model.decode(np.zeros(64, np.float32), texture)
    model.encode(np.zeros((344, 513), np.float32))
    model.encode(np.zeros((344, 513), np.float32))
    assert opened == ["decoder", "encoder"]
    model.prepare()
    assert opened == ["decoder", "encoder", "classifier"]


def test_damaged_lazy_part_fails_when_used_and_spares_the_rest(copy, texture):
    with open(copy / "encoder.onnx", "ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match=r"encoder\.onnx"):
        load(copy)
    model = load(copy, lazy=("encoder",))
    for _ in range(2):
        with pytest.raises(BundleError, match=r"encoder\.onnx: its SHA-256"):
            model.encode(np.zeros((344, 513), np.float32))
    assert model.decode(np.zeros(64, np.float32), texture).max() > 0.1
    with pytest.raises(BundleError, match=r"encoder\.onnx"):
        model.prepare()


def test_a_file_replaced_after_loading_changes_nothing(copy, texture):
    model = load(copy)
    before = model.decode(np.zeros(64, np.float32), texture)
    (copy / "decoder.onnx").write_bytes(b"")
    assert np.array_equal(model.decode(np.zeros(64, np.float32), texture), before)


def test_without_warm_up_nothing_is_run(tiny, monkeypatch):
    monkeypatch.setattr(verify, "check_runs", lambda *args: pytest.fail("ran"))
    load(tiny, warm_up=False)


def test_inference_errors_are_told_like_all_others():
    assert issubclass(DeadlineError, GhostnoteError)
    assert issubclass(OutputError, GhostnoteError)


def test_decoding_needs_neither_onnx_nor_training_libraries(tiny):
    code = (
        "import sys; from ghostnote.decode.model import load; import ghostnote.decode.worker;"
        f"load({str(tiny)!r});"
        "print(sorted({'onnx', 'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, env=paths
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_bundles_of_the_tests_sound(model):
    """Other tests rely on it: peaks that decay, and axes that do what they say."""
    calm = np.zeros((344, 513), np.float32)
    higher, longer, noisier = (axis.direction for axis in model.manifest.axes)
    plain = model.decode(0 * higher, calm)
    assert plain[0].max() > 0.1
    assert plain[300].max() < 0.2 * plain[0].max()
    assert model.decode(3 * higher, calm)[0].argmax() > plain[0].argmax()
    assert model.decode(3 * longer, calm)[200].max() > 2 * plain[200].max()
    rough = np.random.default_rng(0).standard_normal(calm.shape).astype(np.float32)
    spread = [
        np.log(model.decode(k * noisier, rough) / model.decode(k * noisier, calm)).std() for k in (0, 2)
    ]
    assert spread[1] > 1.5 * spread[0]
