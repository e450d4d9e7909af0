"""The section on sizes: every figure of every size, and straight lines beyond them; no figure is asserted."""

from __future__ import annotations

import importlib.util
import math

import pytest

from ghostnote.bench import scale, scale_cost, sections
from ghostnote.bench.options import BenchOptions
from ghostnote.cli.main import main
from ghostnote.errors import UsageError
from ghostnote.library import approximate

ALWAYS = {
    "sounds", "disk_mb", "open_s", "memory_mb", "peak_mb", "first_ms", "exact_p50_ms", "exact_class_p99_ms",
    "open_cpu_s", "exact_cpu_ms",
    "product_p50_ms", "weights_p50_ms",
}  # fmt: skip
QUICK = {"quick_make_s", "quick_read_s", "quick_memory_mb", "quick_file_mb", "quick_probes", "quick_recall",
         "quick_p50_ms", "quick_class_p99_ms"}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(scale, "QUERIES", 10)
    pytest.importorskip("psutil", reason="psutil is not installed")


def test_sizes_are_measured_in_processes_of_their_own(tiny):
    section = sections.measure("scale", BenchOptions(str(tiny), sizes=(400, 200)))
    assert section.skipped is None
    rows = section.tables["measured"]
    assert [row["sounds"] for row in rows] == [200, 400]
    assert all(set(row) >= ALWAYS for row in rows)
    assert all(math.isfinite(value) for row in rows for value in row.values())
    beyond = section.tables["by the slope of the last two"]
    assert [row["sounds"] for row in beyond] == [10_000_000, 100_000_000]
    slope = section.numbers["disk_mb_per_million"]
    assert beyond[1]["disk_mb"] - beyond[0]["disk_mb"] == pytest.approx(90 * slope)


def test_the_quick_index_is_measured_where_there_is_one(tiny, tmp_path, monkeypatch):
    if importlib.util.find_spec("faiss") is None:
        pytest.skip("faiss is not installed")
    monkeypatch.setattr(approximate, "LEAST", 100)
    monkeypatch.setattr(scale_cost, "RECALLED", 20)
    row = scale_cost.measure(tmp_path / "lib", tiny, 1500, 10)
    assert set(row) >= ALWAYS | QUICK
    assert 0.9 < row["quick_recall"] <= 1.0


def test_it_is_run_only_when_it_is_named():
    assert "scale" not in sections.chosen([])
    assert sections.chosen(["scale"]) == ["scale"]


@pytest.mark.parametrize(
    ("text", "said"), [("3", "from 100"), ("a,b", "whole numbers"), ("", "whole numbers")]
)
def test_wrong_sizes_are_told(text, said, capsys):
    assert main(["bench", "scale", "--sizes", text]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    with pytest.raises(UsageError, match="from 100"):
        BenchOptions(sizes=())
