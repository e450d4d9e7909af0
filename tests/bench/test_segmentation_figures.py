"""The measurement of segmentation: scenes whose truth is known, counting, the shape of the rows."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from features.onsetkit import cymbal, hit, swell
from ghostnote.bench import onset_scenes as scenery
from ghostnote.bench import onsets_live
from ghostnote.bench import segmentation as measure
from ghostnote.bench.onset_scenes import RATE, Placed, Scene
from ghostnote.bench.onset_score import NOTHING, Counts, match, score, total
from ghostnote.bench.options import BenchOptions
from ghostnote.errors import UsageError

MADE = {
    "drums/kick": lambda k: hit(RATE, 60.0 + 10 * k, seed=k),
    "drums/hihat_closed": lambda k: hit(RATE, 5000.0 + 300 * k, 0.1, seed=k),
    "drums/crash": lambda k: cymbal(RATE, 1.8, seed=k),
    "general/war-tuba": lambda k: swell(RATE, 100.0 + 20 * k, rise_s=0.03),
    "general/ganjo": lambda k: hit(RATE, 300.0 + 50 * k, seed=k),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four sounds of each kind, a flam, an ambience of noise, and a loop."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    files = {f"{where}/{k}": make(k) for where, make in MADE.items() for k in range(4)}
    files["drums/kick/x_flam"] = hit(RATE)
    files["long/ambi_sauna"] = 0.02 * rng.standard_normal(5 * RATE)
    files["long/loop_tabla"] = np.concatenate([hit(RATE)] * 8)
    for name, samples in files.items():
        path = root / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, RATE)
    return root


def placed(at: int, kind: str = "drums", audible: bool = True, length: int = 20_000) -> Placed:
    return Placed(at, at, kind, "x", length, audible)


def test_matching_uses_each_once():
    assert match([100, 140, 300], [(120, 120), (310, 310)], 50) == [(0, 0), (2, 1)]
    assert match([100, 140], [(120, 120), (160, 160)], 50) == [(0, 0), (1, 1)]
    assert match([], [(1, 1)], 5) == []
    assert match([10, 20], [(16, 16)], 5) == [(1, 0)]
    assert match([10, 20], [(0, 40), (12, 13)], 0) == [(0, 0)]
    assert match([12, 20], [(0, 40), (12, 13)], 0) == [(0, 1), (1, 0)]


def test_counting():
    known = (placed(10_000), placed(30_000, "cymbals"), placed(50_000, audible=False), placed(90_000))
    scene = Scene("a", "dry", np.zeros(200_000, np.float32), known)
    found = np.array([10_100, 35_000, 50_500, 150_000])
    counts = score(scene, found)
    assert (counts["drums"].hits, counts["drums"].missed, counts["drums"].false) == (1, 1, 0)
    assert (counts["cymbals"].hits, counts["cymbals"].missed, counts["cymbals"].false) == (0, 1, 1)
    assert counts[NOTHING].false == 1
    together = total(counts)
    assert (together.precision, together.recall) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert together.errors_ms == [pytest.approx(1000 * 100 / RATE)]
    assert np.isnan(Counts().f1)


def test_scenes_are_what_they_say(folder):
    made = scenery.scenes(folder, 4, seed=3)
    again = scenery.scenes(folder, 4, seed=3)
    assert all(
        np.array_equal(a.samples, b.samples) and a.placed == b.placed
        for a, b in zip(made, again, strict=True)
    )
    assert [s.bed for s in made] == ["dry", *(f"ambi_sauna {db:g} dB" for db in (-60, -50, -40))]
    for scene in made:
        starts = np.diff([p.start for p in scene.placed])
        assert (starts >= 0.149 * RATE).all()
        assert (starts <= 3.001 * RATE).all()
        assert all(p.start <= p.begins < p.start + 0.25 * RATE for p in scene.placed)
        assert {p.kind for p in scene.placed} <= set(scenery.KINDS)
        assert np.isfinite(scene.samples).all()
    dry = made[0]
    assert not dry.samples[: dry.placed[0].start].any()
    assert any(p.audible for p in dry.placed)


def test_files_for_tuning_are_not_measured(folder):
    test, tune = (scenery.sounds(folder, half) for half in ("test", "tune"))
    for kind, groups in test.items():
        for name, paths in groups.items():
            assert paths
            assert not set(paths) & set(tune[kind][name])
            assert not any("flam" in p.stem for p in paths)


def test_a_folder_without_sounds_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no sounds of the kind drums"):
        scenery.scenes(tmp_path)


def test_the_section(folder, monkeypatch):
    monkeypatch.setenv(measure.DATA_VARIABLE, str(folder))
    monkeypatch.setattr(measure, "SCENES", 2)
    monkeypatch.setattr(measure, "LIVE_SCENES", 1)
    monkeypatch.setattr(scenery, "SCENE_S", 10.0)
    monkeypatch.setattr(measure, "NOISE_S", 5.0)
    monkeypatch.setattr(onsets_live, "BED_S", 4.0)
    section = measure.segmentation_section(BenchOptions())
    assert json.loads(json.dumps(section.as_dict()))
    rows = section.tables["constructed"]
    assert [row["method"] for row in rows] == list(measure.METHODS)
    assert rows[0]["F1"] > 0.8
    assert section.tables["cymbals alone"][0]["crash"] == 1.0
    assert section.goals[0].value == rows[0]["F1"]
    assert section.tables["loops"][0]["loop_tabla"] <= 1.0
    assert section.figures["times_real_time"].p50 > 0
    (live,) = section.tables["live"]
    assert live["F1"] > 0.6
    curve = section.tables["live, by sensitivity"]
    assert [row["sensitivity"] for row in curve] == list(onsets_live.SENSITIVITIES)
    missed = [row["missed"] for row in curve]
    assert missed == sorted(missed, reverse=True)
    assert curve[0]["false amid sounds"] <= curve[-1]["false amid sounds"]
    assert curve[2]["missed"] == pytest.approx(1.0 - live["recall"])
    assert 0 < section.figures["live_told_after_ms"].p50 < 50


def test_hand_checked_times_ascend_and_lie_inside(data_dir):
    for name, times in measure.hand_checked().items():
        samples = scenery.read(data_dir / "long" / f"{name}.flac")
        assert len(times) >= 2
        assert all(0.0 <= a < b for a, b in pairwise(times))
        assert times[-1] < len(samples) / RATE
