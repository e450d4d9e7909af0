"""What comes back with the kept detail is measured, told beside the point alone, and written where asked."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from bundles import NINE, build_bundle
from ghostnote_training import captured, card, evaluate
from ghostnote_training.corpus import Item


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="module")
def items(tmp_path_factory) -> list[Item]:
    """A kick and a hat."""
    made, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(1)
    t = np.arange(20_000) / 44_100
    sounds = {
        "kick": 0.5 * np.sin(2.0 * np.pi * 90.0 * t) * np.exp(-9.0 * t),
        "hihat_closed": 0.2 * rng.standard_normal(len(t)) * np.exp(-60.0 * t),
    }
    for name, sound in sounds.items():
        soundfile.write(made / f"{name}.wav", sound, 44_100)
    return [Item(made / f"{name}.wav", "drums", name, "s", "CC0", name, "") for name in sounds]


def test_detail_is_measured_beside_the_point_alone(folder, items):
    graphs = evaluate.Graphs(folder)
    found = captured.measure(graphs, items, NINE, (1.0, 0.5, 0.0))
    distances = [found[amount]["log_spectral_distance_db"] for amount in ("1", "0.5", "0")]
    assert distances[0] < 0.3 * distances[2]
    assert distances[0] < distances[1] < distances[2]
    alone = evaluate.regeneration(graphs, items, NINE)
    for name in ("log_spectral_distance_db", "attack_error_ms", "class_kept"):
        assert found["0"][name] == alone[name], "0 is the point alone, as evaluate has it"
    assert 0 < found["1"]["text_bytes"] < 32_768


def test_figures_are_written_for_bundle_and_card(folder, items, tmp_path):
    told: list[str] = []
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    captured.add(folder, {"held_out_drums": items}, progress=told.append)
    assert json.loads((folder / "model.json").read_text(encoding="utf-8")) == manifest
    captured.add(folder, {"held_out_drums": items}, write=True, progress=told.append)
    quality = json.loads((folder / "model.json").read_text(encoding="utf-8"))["quality"]
    assert quality["held_out_drums"]["detail"]["1"]["log_spectral_distance_db"] > 0.0
    assert "held_out_drums, 2 sounds" in told[-1]
    text = card.with_detail(quality, {"held_out_drums": "drums"})
    assert f"{captured.numbers(evaluate.Graphs(folder).spec)} small numbers" in text
    whole = quality["held_out_drums"]["detail"]["1"]["log_spectral_distance_db"]
    alone = quality["held_out_drums"]["detail"]["0"]["log_spectral_distance_db"]
    assert f"| log-spectral distance, median (dB): the point alone | {alone} |" in text
    assert f"| with the detail at 1 | {whole} |" in text
    assert card.with_detail({"held_out_drums": {}}, {"held_out_drums": "drums"}) == ""
