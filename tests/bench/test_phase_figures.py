"""The measurements of the phase reconstruction: the figure itself, the corpus, the shape of the rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from ghostnote.bench import phase as measure
from ghostnote.errors import UsageError
from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec

SPEC = FeatureSpec()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three drums and a loop."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    t = np.arange(13230) / 44100
    for k, where in enumerate(["drums/kick/a", "drums/kick/b", "drums/hat/c", "long/loop"]):
        path = root / f"{where}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = np.sin(2 * np.pi * 90 * (k + 1) * t) + 0.1 * rng.standard_normal(len(t))
        soundfile.write(path, 0.5 * sound * np.exp(-t / 0.05), 44100)
    return root


def test_convergence_is_endless_for_the_sound_itself_and_zero_for_silence(rng):
    samples = rng.standard_normal(SPEC.samples).astype(np.float32)
    wanted = stft.magnitudes(samples, SPEC)
    assert measure.spectral_convergence_db(wanted, samples, SPEC) > 100
    assert measure.spectral_convergence_db(wanted, np.zeros_like(samples), SPEC) == pytest.approx(
        0.0, abs=1e-5
    )
    assert measure.spectral_convergence_db(wanted, 0.9 * samples, SPEC) == pytest.approx(20.0, abs=1e-3)


def test_a_turned_phase_does_not_count(rng):
    samples = rng.standard_normal(SPEC.samples).astype(np.float32)
    assert measure.spectral_convergence_db(stft.magnitudes(samples, SPEC), -samples, SPEC) > 100


def test_the_corpus_is_fixed_by_rule(folder, data_dir):
    assert [(c.name, c.kind) for c in measure.corpus(folder, SPEC)] == [
        ("c", "drums"),
        ("a", "drums"),
        ("b", "drums"),
        ("loop", "long"),
    ]
    clips = measure.corpus(data_dir, SPEC)
    assert [c.kind for c in clips].count("drums") == measure.DRUMS
    assert len({c.name for c in clips}) == len(clips)
    assert {len(c.samples) for c in clips if c.kind == "drums"} == {SPEC.samples}
    assert all(len(c.samples) == 689 * 256 for c in clips if c.kind == "long")


def test_a_folder_without_sounds_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no drums"):
        measure.corpus(tmp_path, SPEC)


def test_convergence_rows(folder):
    rows = measure.convergence(folder, griffin_lim=())
    assert [row["method"] for row in rows] == ["quality", "low_latency", "low_latency, model frames"]
    assert [row["clips"] for row in rows] == [4] * 3
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    quality, low, model_frames = rows
    assert quality["mean_db"] > 20
    assert low["mean_db"] > model_frames["mean_db"]
    for row in rows:
        assert row["worst_db"] <= row["mean_db"]
        assert row["mean_db"] == pytest.approx(0.75 * row["drums_db"] + 0.25 * row["long_db"])
    assert quality["lookahead_ms"] == pytest.approx(5.8, abs=0.05)
    assert low["lookahead_ms"] == pytest.approx(2.9, abs=0.05)


@pytest.mark.timeout(400)  # librosa compiles some of its functions when they are first called
def test_offline_methods_beside_them(folder, monkeypatch):
    pytest.importorskip("librosa")
    few = measure.corpus(folder, SPEC)[:2]
    monkeypatch.setattr(measure, "corpus", lambda folder, spec: few)
    rows = measure.convergence(folder, griffin_lim=(2, 16))[3:]
    assert [row["method"] for row in rows] == [
        f"librosa.griffinlim, {count} iterations, momentum {momentum}"
        for count in (2, 16)
        for momentum in (0.0, 0.99)
    ]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [row["long_db"] for row in rows] == [None] * 4
    assert rows[2]["mean_db"] > rows[0]["mean_db"] + 2


def test_speed_rows():
    rows = measure.speed(voices=(1, 2), hops=5)
    assert [(row["mode"], row["voices"]) for row in rows] == [
        ("quality", 1),
        ("quality", 2),
        ("low_latency", 1),
        ("low_latency", 2),
    ]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    for row in rows:
        assert row["step_p95_ms"] >= row["step_p50_ms"] > 0
        assert row["real_time_factor"] == pytest.approx(row["step_p50_ms"] / row["hop_ms"])
        assert row["control_p50_ms"] > 0
