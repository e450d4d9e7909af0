"""The section on maps: every figure is measured, on a small scale; no figure is asserted."""

from __future__ import annotations

import math

import pytest

from ghostnote.bench import library_map, sections
from ghostnote.bench.options import BenchOptions
from ghostnote.library import indexing
from librarykit import Inline
from soundfolders import fill


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(library_map, "SIZES", (20, 60))
    monkeypatch.setattr(indexing, "Crew", Inline)


def test_every_figure_is_measured(tiny, tmp_path, monkeypatch):
    for folder in ("drum_machines_dev", "drums", "general"):
        fill(tmp_path / folder, [f"kick{k}.wav" for k in range(30)], seed=len(folder))
    monkeypatch.setenv("GHOSTNOTE_DATA", str(tmp_path))
    section = sections.measure("map", BenchOptions(str(tiny)))
    assert section.skipped is None
    assert [row["sounds"] for row in section.tables["time"]] == [20, 60]
    for title in library_map.FOLDERS:
        rows = {row["picture"]: row for row in section.tables[title]}
        assert {"map", "two components", "random", "map, 50% fitted"} <= set(rows)
        assert all(math.isfinite(row["trust"]) and 0.0 <= row["kept"] <= 1.0 for row in rows.values())
    assert len(section.goals) == 4


def test_without_data_time_is_measured_all_the_same(tiny, monkeypatch):
    monkeypatch.delenv("GHOSTNOTE_DATA", raising=False)
    section = sections.measure("map", BenchOptions(str(tiny)))
    assert section.skipped is None
    assert len(section.notes) == 2
    assert not section.goals
