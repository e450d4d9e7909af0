"""Export: ONNX does what Keras does, silence stays silent, and a wrong export is refused."""

from __future__ import annotations

import json
from dataclasses import replace

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
    members, model = classifier.build(5, spec, net)
    export.write_classifier(model, tmp_path / "classifier.onnx", 5, spec, net)
    x = real_inputs(spec)
    views = classifier.to_views(lambda index: x[index], 3, spec, net)
    got = np.concatenate([export.run(export.session(tmp_path / "classifier.onnx"), one[None]) for one in x])
    np.testing.assert_allclose(got, np.asarray(model(views)), atol=1e-5)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-5)
    each = [np.asarray(one) for one in members(views)]
    assert len(each) == net.classifier_members
    assert np.abs(each[0] - each[1]).max() > 1e-3
    np.testing.assert_allclose(np.mean(each, axis=0), got, atol=1e-5)


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
    space = bundle.principal_axes(latents.astype(np.float32), least=3, share=0.5)
    np.testing.assert_allclose(space.spreads, [3, 2, 1], rtol=0.05)
    np.testing.assert_allclose(np.abs(space.axes @ directions[:, :3]), np.eye(3), atol=0.06)
    np.testing.assert_allclose(np.linalg.norm(space.axes, axis=1), 1.0, atol=1e-5)


def test_there_are_as_many_axes_as_hold_the_variance():
    latents = np.random.default_rng(3).standard_normal((4000, 20)).astype(np.float32)
    assert len(bundle.principal_axes(latents).spreads) == 20
    latents[:, 15:] *= 0.01
    assert len(bundle.principal_axes(latents).spreads) == 15
    latents[:, 3:] *= 0.01
    assert len(bundle.principal_axes(latents).spreads) == 12


def test_axes_of_what_is_heard_come_by_what_they_change():
    """Latents that are as wide in all directions: the axis that changes the sound most is the first."""
    rng = np.random.default_rng(4)
    latents = rng.standard_normal((4000, 6)) @ np.diag([1.0, 1.0, 1.0, 1.0, 2.0, 0.0])
    directions = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    latents = latents @ directions.T
    heard = latents @ directions @ np.diag([0.1, 3.0, 0.5, 9.0, 0.01, 0.0]) @ rng.standard_normal((6, 30))
    space = bundle.principal_axes(latents, least=3, share=0.9999, views=heard)
    order = np.abs(space.axes @ directions).argmax(axis=1)
    assert list(order) == [3, 1, 2, 0][: len(order)]
    np.testing.assert_allclose(space.spreads, 1.0, atol=0.05)
    every = bundle.principal_axes(latents, least=6, views=heard)
    steps = every.axes * every.spreads[:, None]
    np.testing.assert_allclose(steps.T @ steps, np.cov(latents.T), atol=1e-3)


def test_kinds_are_gaussians_of_labels():
    rng = np.random.default_rng(5)
    centres = {"a": np.full(6, 3.0), "b": np.full(6, -3.0)}
    labels = ["a"] * 300 + ["b"] * 100
    latents = np.stack([centres[label] for label in labels])
    latents[:, 2] += 0.5 * rng.standard_normal(400)
    one, other = bundle.kinds(latents, labels, rank=1)
    assert (one.share, other.share) == (0.75, 0.25)
    np.testing.assert_allclose(one.mean, 3.0, atol=0.1)
    np.testing.assert_allclose(np.abs(other.steps), [[0, 0, 0.5, 0, 0, 0]], atol=0.05)
    space = bundle.LatentSpace(latents.mean(axis=0), np.eye(6), np.ones(6), (one, other))
    drawn = space.draw(1000, 3)
    assert (drawn[:, 0] > 0).mean() == pytest.approx(0.75, abs=0.04)
    np.testing.assert_allclose(np.abs(drawn[:, 0]), 3.0, atol=0.1)


def test_kinds_without_labels_are_clusters():
    rng = np.random.default_rng(6)
    latents = rng.standard_normal((120, 4)) * 0.1 + np.repeat(np.eye(4) * 5.0, 30, axis=0)
    found = bundle.kinds(latents, ["sound"] * 120)
    assert sum(kind.share for kind in found) == pytest.approx(1.0)
    nearest = [np.linalg.norm(5.0 * np.eye(4) - kind.mean, axis=1).min() for kind in found]
    assert max(nearest) < 1.0
    assert [kind.share for kind in bundle.kinds(latents[:1], ["sound"])] == [1.0]


def test_medoid_is_the_most_central_of_the_clearest():
    latents = np.float32([[0], [1], [2], [10], [11], [12], [100]])
    assert bundle.medoid(latents, np.float32([0, 0, 0, 1, 1, 1, 0])) == 3


def test_engine_reads_the_manifest(tiny, spec, net):
    from ghostnote.decode.manifest import Manifest

    folder, _, _ = tiny
    latents = np.random.default_rng(0).standard_normal((49, net.latent)).astype(np.float32)
    times = {"encoder": 1.0, "decoder": 1.0}
    extra = {"provenance": [], "quality": {}, "training": {}}
    space = replace(
        bundle.principal_axes(latents, 2, share=0.0),
        kinds=bundle.kinds(latents, list("abcdefg") * 7),
    )
    bundle.write_manifest(folder, "tiny", spec, net.latent, [], space, {}, times, extra)
    manifest = Manifest.from_file(folder / "model.json")
    assert manifest.features == spec
    assert [axis.name for axis in manifest.axes] == ["d1", "d2"]
    read = bundle.space_of(folder)
    for kind, again, before in zip(manifest.kinds, read.kinds, space.kinds, strict=True):
        np.testing.assert_allclose(kind.steps, before.steps, atol=1e-6)
        np.testing.assert_allclose(again.steps, before.steps, atol=1e-6)
    np.testing.assert_array_equal(read.draw(5, 1).shape, (5, net.latent))
    assert json.loads((folder / "model.json").read_text())["files"]["encoder.onnx"]["bytes"] > 1000
