"""The section on libraries: every figure is measured, on a small scale; no figure is asserted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile

from ghostnote.bench import library, library_classes, library_cost, sections
from ghostnote.bench.options import BenchOptions
from ghostnote.library import indexing
from librarykit import Inline


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {"SEGMENTS": 300, "UNCHANGED": 120, "HITS": 6, "QUERIES": 20, "TIMES": 2}.items():
        monkeypatch.setattr(library, name, value)
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def data(tmp_path, rng):
    for k, (kind, hz) in enumerate([("kick", 60), ("snare", 900), ("tom_low", 200)]):
        (tmp_path / "drum_machines_dev" / kind).mkdir(parents=True)
        for j in range(4):
            t = np.arange(4000) / 44100
            sound = np.sin(2 * np.pi * (hz + 10 * j + k) * t) * np.exp(-20 * t) + 0.01 * rng.standard_normal(
                4000
            )
            soundfile.write(
                tmp_path / "drum_machines_dev" / kind / f"M{j % 2}__{kind}{j}.flac", sound / 2, 44100
            )
    return tmp_path


def test_every_figure_is_measured(tiny, data, monkeypatch):
    monkeypatch.setenv("GHOSTNOTE_DATA", str(data))
    section = sections.measure("library", BenchOptions(str(tiny)))
    assert section.skipped is None
    queries = {"query_ms", "query_class_ms", "query_folder_ms"}
    queries |= {name.replace("_ms", "_cpu_ms") for name in queries}
    assert set(section.figures) == {"open_s", "open_cpu_s", "reindex_s", *queries}
    assert set(section.control) == {f"product_beside_{name}" for name in library.FILTERS.values()}
    assert set(section.numbers) == {"embed_per_s", "embed_per_cpu_s", "embed_yardstick_ms"}
    assert all(math.isfinite(value) and value > 0.0 for value in section.numbers.values())
    table = section.tables["same class among 5"]
    assert [row["weights"] for row in table][:2] == ["latent", "latent, pitch"]
    assert table[-1]["weights"] == "class, names"
    assert len(section.goals) == 7


def test_without_data_the_costs_are_measured_all_the_same(tiny, monkeypatch):
    monkeypatch.delenv("GHOSTNOTE_DATA", raising=False)
    section = sections.measure("library", BenchOptions(str(tiny)))
    assert section.skipped is None
    assert "GHOSTNOTE_DATA" in section.notes[0]
    assert len(section.goals) == 5


def test_agreement_counts_what_it_says():
    points = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2], [9.3]], dtype=np.float32)
    classes = np.array(["kick", "kick", "kick", "tom_low", "tom_high", "tom_low", "tom_low"])
    machines = np.array(["a", "a", "b", "a", "b", "c", "d"])
    row = library_classes.agreement(points, classes, machines, count=2)
    assert row["all"] == pytest.approx((6 + 2 * 1 + 0 + 1 + 1) / 14, abs=0.15)
    assert row["all, toms as one"] == 1.0
    assert row["other machines"] < row["all"]


def test_synthetic_sounds_are_those_of_the_model(tiny, tmp_path):
    from ghostnote.decode.manifest import Manifest

    manifest = Manifest.from_file(tiny / "model.json")
    one, other = (list(library_cost.synthetic(3, manifest)) for _ in range(2))
    assert all(np.array_equal(a.latent, b.latent) for a, b in zip(one, other, strict=True))
    assert one[0].latent.shape == (manifest.latent_size,)
    assert one[0].probabilities.sum() == pytest.approx(1.0)
