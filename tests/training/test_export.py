"""Export: ONNX does what Keras does, silence stays silent, and a wrong export is refused."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest

from ghostnote.features import scale
from ghostnote_training import bundle, classifier, export, texture
from ghostnote_training.vae import build_decoder, build_encoder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, spec, net):
    """(folder with graphs, Keras encoder, Keras decoder) with random weights."""
    import keras

    keras.utils.set_random_seed(4)
    folder = tmp_path_factory.mktemp("bundle")
    encoder, decoder = build_encoder(spec, net), build_decoder(spec, net)
    export.write_encoder(encoder, folder / "encoder.onnx", spec, net)
    export.write_decoder(decoder, folder / "decoder.onnx", spec, net)
    return folder, encoder, decoder


def real_inputs(spec):
    rng = np.random.default_rng(1)
    decay = np.exp(-np.arange(spec.frames) / 6.0)[None, :, None]
    return scale.compress((rng.random((3, spec.frames, spec.bins)) * decay).astype(np.float32), spec)


def test_graphs_do_what_the_models_do(tiny, spec, net):
    folder, encoder, decoder = tiny
    found = export.prove_all(folder, encoder, decoder, real_inputs(spec), spec, net)
    assert all(p.difference < 1e-4 * max(p.largest, 1.0) for p in found.values())


def test_classifier_on_bins_is_the_classifier_on_views(tmp_path, spec, net):
    model = classifier.build(5, spec, net)
    export.write_classifier(model, tmp_path / "classifier.onnx", 5, spec, net)
    x = real_inputs(spec)
    views = classifier.to_views(lambda index: x[index], 3, spec, net)
    got = np.concatenate([export.run(export.session(tmp_path / "classifier.onnx"), one[None]) for one in x])
    np.testing.assert_allclose(got, np.asarray(model(views)), atol=1e-5)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-5)


def test_a_difference_is_refused():
    with pytest.raises(ValueError, match=r"decoder\.onnx: ONNX differs from Keras"):
        export.prove(np.ones(3, np.float32), np.float32([1, 1, 1.1]), "decoder.onnx")
    with pytest.raises(ValueError, match="differs"):
        export.prove(np.ones(2, np.float32), np.float32([1, np.nan]), "x")


def test_silence_is_exact_and_loudness_bounded(tiny, spec, net):
    _, _, decoder = tiny
    z = np.random.default_rng(0).standard_normal((4, net.latent)).astype(np.float32)
    field = texture.field(spec, 1)[None]
    median = np.asarray(decoder(z)[0])
    out = export.keras_decode(decoder, z, field, spec, net)
    assert (median <= 0).any()
    assert not out[median <= 0].any()
    assert export.keras_decode(decoder, z * 1e4, field, spec, net).max() < 100.0


def test_clean_decoding_is_the_expanded_median(tiny, spec, net):
    _, _, decoder = tiny
    z = np.random.default_rng(2).standard_normal((2, net.latent)).astype(np.float32)
    median = np.asarray(decoder(z)[0])
    out = export.keras_decode(decoder, z, np.zeros((1, spec.frames, spec.bins), np.float32), spec, net)
    loud = (median > 0.1) & (median < 1.0)
    np.testing.assert_allclose(out[loud] + spec.floor, scale.expand(median[loud], spec), rtol=1e-3)


def test_graphs_hold_plain_operators_only(tiny):
    folder, _, _ = tiny
    for path in folder.glob("*.onnx"):
        graph = onnx.load(path)
        assert {entry.domain for entry in graph.opset_import} == {""}
        banned = {"Loop", "If", "Scan", "RandomNormal", "RandomUniform", "Multinomial"}
        assert not banned & {node.op_type for node in graph.graph.node}


def test_principal_axes_find_the_spread():
    rng = np.random.default_rng(3)
    directions = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    latents = (rng.standard_normal((4000, 6)) * [3, 2, 1, 0.5, 0.2, 0.1]) @ directions.T + 5.0
    space = bundle.principal_axes(latents.astype(np.float32), count=3)
    np.testing.assert_allclose(space.spreads, [3, 2, 1], rtol=0.05)
    np.testing.assert_allclose(np.abs(space.axes @ directions[:, :3]), np.eye(3), atol=0.06)
    np.testing.assert_allclose(np.linalg.norm(space.axes, axis=1), 1.0, atol=1e-5)


def test_medoid_is_the_most_central_of_the_clearest():
    latents = np.float32([[0], [1], [2], [10], [11], [12], [100]])
    assert bundle.medoid(latents, np.float32([0, 0, 0, 1, 1, 1, 0])) == 3


def test_engine_reads_the_manifest(tiny, spec, net):
    from ghostnote.decode.manifest import Manifest

    folder, _, _ = tiny
    latents = np.random.default_rng(0).standard_normal((50, net.latent)).astype(np.float32)
    times = {"encoder": 1.0, "decoder": 1.0}
    extra = {"provenance": [], "quality": {}, "training": {}}
    space = bundle.principal_axes(latents, 2)
    bundle.write_manifest(folder, "tiny", spec, net.latent, [], space, {}, times, extra)
    manifest = Manifest.from_file(folder / "model.json")
    assert manifest.features == spec
    assert [axis.name for axis in manifest.axes] == ["d1", "d2"]
    assert json.loads((folder / "model.json").read_text())["files"]["encoder.onnx"]["bytes"] > 1000
