"""The section on engines: a row for each way and size, straight lines beyond; no figure is asserted."""

from __future__ import annotations

import math

import pytest

from ghostnote.bench import engines, sections
from ghostnote.bench.options import BenchOptions
from ghostnote.library.indexing import IndexOptions

pytest.importorskip("psutil", reason="psutil is not installed")


@pytest.fixture
def few(monkeypatch):
    """Without a cluster, and few files."""
    ways = {"here": (False, IndexOptions(workers=1)), "by address": (True, IndexOptions(workers=1))}
    monkeypatch.setattr(engines, "WAYS", ways)
    monkeypatch.setattr(engines, "LARGEST", 150)
    return ways


def test_each_way_and_size_has_a_row(tiny, few):
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    section = sections.measure("engines", BenchOptions(str(tiny), sizes=(120, 100, 1000)))
    assert section.skipped is None
    rows = section.tables["measured"]
    assert [(row["files"], row["way"]) for row in rows] == [(n, way) for n in (100, 120) for way in few]
    assert all(row["cpu_ms_per_file"] > 0.0 and row["memory_mb"] >= 0.0 for row in rows)
    beyond = section.tables["by the slope of the last two"]
    assert [(row["way"], row["files"]) for row in beyond] == [(w, n) for w in few for n in engines.BEYOND]
    assert all(math.isfinite(value) for row in beyond for value in row.values() if isinstance(value, float))


def test_a_straight_line_through_two_sizes():
    """Ten seconds to begin with, then a hundred files a second, each 20 ms of a processor."""
    rows = [
        {"way": "x", "files": n, "seconds": 10.0 + n / 100.0, "cpu_ms_per_file": 20.0 + 5000.0 / n}
        for n in (1000, 10_000)
    ]
    beyond = engines._beyond(rows)[0]
    assert beyond["start_s"] == pytest.approx(10.0)
    assert beyond["files_per_s"] == pytest.approx(100.0)
    assert beyond["cpu_hours"] == pytest.approx(10_000_000 * 0.02 / 3600.0)
    assert beyond["hours_on_40"] == pytest.approx(beyond["cpu_hours"] / 40.0)
    assert engines._beyond(rows[:1]) == []


def test_what_is_not_installed_is_said(tiny, few, monkeypatch):
    monkeypatch.setitem(few, "ray", (True, engines.RAY))
    monkeypatch.setattr(engines, "_missing", lambda far, how: "fsspec" if far else "")
    section = sections.measure("engines", BenchOptions(str(tiny), sizes=(100,)))
    assert [row["way"] for row in section.tables["measured"]] == ["here"]
    assert section.notes[:2] == [
        f"{way}: not measured, fsspec is not installed" for way in ("by address", "ray")
    ]


def test_it_is_run_only_when_it_is_named():
    assert "engines" not in sections.chosen([])
    assert sections.chosen(["engines"]) == ["engines"]
