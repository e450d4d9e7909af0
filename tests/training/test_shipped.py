"""The shipped bundles: whole, playable by the engine, and no worse than they must be."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from ghostnote.features import scale, stft
from ghostnote_training import audio, classifier, corpus, evaluate, figures, recipe, texture
from ghostnote_training.descriptors import NAMES
from ghostnote_training.recipes import of_bundle


@pytest.fixture(scope="module")
def manifest(bundle_dir):
    return json.loads((bundle_dir / "model.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def graphs(bundle_dir):
    return evaluate.Graphs(bundle_dir)


@pytest.fixture(scope="module")
def stored(shipped):
    return json.loads((shipped / "model.json").read_text(encoding="utf-8"))


def test_files_are_what_the_manifest_says(shipped, stored):
    assert stored["name"] == shipped.name
    graphs = {"encoder.onnx", "decoder.onnx"} | ({"classifier.onnx"} if stored["classes"] else set())
    assert set(stored["files"]) == graphs == {path.name for path in shipped.glob("*.onnx")}
    for name, entry in stored["files"].items():
        content = (shipped / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert len(content) == entry["bytes"]
    assert sum(entry["bytes"] for entry in stored["files"].values()) < 20_000_000


def test_axes_are_unit_and_the_first_change_the_sound_most(shipped, stored):
    principal = [axis for axis in stored["axes"] if axis["name"] not in NAMES]
    assert len(principal) >= 8
    assert {axis["name"] for axis in stored["axes"]} >= set(NAMES)
    for axis in stored["axes"]:
        assert np.linalg.norm(axis["direction"]) == pytest.approx(1.0, abs=1e-3)
    graphs, mean = evaluate.Graphs(shipped), np.array(stored["latent_mean"])

    def change(axis) -> float:
        step = np.array(axis["direction"]) * axis["spread"]
        sounds = (scale.compress(graphs.decode(mean + way * step), graphs.spec) for way in (-1.0, 1.0))
        return float(np.abs(np.subtract(*sounds)).mean())

    changes = [change(axis) for axis in principal]
    assert np.mean(changes[:4]) > 1.3 * np.mean(changes[8:])


def test_makers_of_sound_saw_licensed_sound_only(stored):
    for row in stored["provenance"]:
        assert row["licence"] != "none stated" or row["used_for"] == "classifier only"


def test_card_names_the_required_credits(shipped):
    card = (shipped / "README.md").read_text(encoding="utf-8")
    assert "MuldjordKit by Lars Muldjord" in card
    assert "mot4i (Garden sample pack), CC BY 4.0" in card


def test_notice_names_every_source_that_asks_for_it(shipped, stored):
    notice = (shipped.parents[1] / "NOTICE").read_text(encoding="utf-8")
    for row in stored["provenance"]:
        if "CC-BY" in row["licence"]:
            assert {"muldjordkit": "MuldjordKit by Lars Muldjord", "uzu": "mot4i"}[row["source"]] in notice


def test_prototypes_are_heard_as_their_class_toms_alike(manifest, graphs):
    field = texture.field(graphs.spec, 1)
    decoded = [graphs.decode(np.float32(manifest["prototypes"][label]), field) for label in corpus.CLASSES]
    heard = classifier.merge_toms(np.array([int(graphs.classify(one).argmax()) for one in decoded]))
    assert (heard == classifier.merge_toms(np.arange(len(corpus.CLASSES)))).sum() >= 8


def test_silence_after_a_hit_stays_silent(manifest, graphs):
    z = np.asarray(manifest["prototypes"]["hihat_closed"], dtype=np.float32)
    out = graphs.decode(z, texture.field(graphs.spec, 2))
    assert out[250:].max() < 1e-4 * out.max()


def test_held_out_sounds_come_back(data_dir, shipped):
    graphs = evaluate.Graphs(shipped)
    spec, field = graphs.spec, texture.field(graphs.spec, 3)
    for name, items in recipe.measured_sets(of_bundle(shipped), data_dir).items():
        if not name.startswith("held_out"):
            continue
        found = []
        for item in evaluate.pick(items, 2, 7):
            original = stft.magnitudes(audio.load(item.path, spec), spec)
            made = graphs.decode(graphs.encode(original), field)
            found.append(figures.log_spectral_distance(original, made, spec))
        assert np.median(found) < 6.0, name
