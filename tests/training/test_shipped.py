"""The shipped drum bundle: whole, playable by the engine, and no worse than it must be."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from ghostnote.features import stft
from ghostnote_training import audio, classifier, corpus, evaluate, figures, texture


@pytest.fixture(scope="module")
def manifest(bundle_dir):
    return json.loads((bundle_dir / "model.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def graphs(bundle_dir):
    return evaluate.Graphs(bundle_dir)


def test_files_are_what_the_manifest_says(bundle_dir, manifest):
    assert set(manifest["files"]) == {"encoder.onnx", "decoder.onnx", "classifier.onnx"}
    for name, entry in manifest["files"].items():
        content = (bundle_dir / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert len(content) == entry["bytes"]
    assert sum(entry["bytes"] for entry in manifest["files"].values()) < 20_000_000


def test_axes_are_unit_and_ordered(manifest):
    assert len(manifest["axes"]) >= 8
    for axis in manifest["axes"]:
        assert np.linalg.norm(axis["direction"]) == pytest.approx(1.0, abs=1e-3)
    spreads = [axis["spread"] for axis in manifest["axes"]]
    assert spreads == sorted(spreads, reverse=True)


def test_makers_of_sound_saw_licensed_sound_only(manifest):
    for row in manifest["provenance"]:
        assert row["licence"] != "none stated" or row["used_for"] == "classifier only"


def test_card_names_the_required_credits(bundle_dir):
    card = (bundle_dir / "README.md").read_text(encoding="utf-8")
    assert "MuldjordKit by Lars Muldjord" in card
    assert "mot4i (Garden sample pack), CC BY 4.0" in card


def test_prototypes_are_heard_as_their_class_toms_alike(manifest, graphs):
    field = texture.field(graphs.spec, 1)
    decoded = [graphs.decode(np.float32(manifest["prototypes"][label]), field) for label in corpus.CLASSES]
    heard = classifier.merge_toms(np.array([int(graphs.classify(one).argmax()) for one in decoded]))
    assert (heard == classifier.merge_toms(np.arange(len(corpus.CLASSES)))).sum() >= 8


def test_silence_after_a_hit_stays_silent(manifest, graphs):
    z = np.asarray(manifest["prototypes"]["hihat_closed"], dtype=np.float32)
    out = graphs.decode(z, texture.field(graphs.spec, 2))
    assert out[250:].max() < 1e-4 * out.max()


def test_held_out_drums_come_back(data_dir, graphs):
    spec, field = graphs.spec, texture.field(graphs.spec, 3)
    _, held_out = corpus.split(corpus.read(data_dir, ["drums"]))
    found = []
    for item in evaluate.pick(held_out, 2, 7):
        original = stft.magnitudes(audio.load(item.path, spec), spec)
        made = graphs.decode(graphs.encode(original), field)
        found.append(figures.log_spectral_distance(original, made, spec))
    assert np.median(found) < 9.0
