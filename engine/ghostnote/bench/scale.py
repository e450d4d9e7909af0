"""The section `scale` of `ghostnote bench`: libraries of several sizes, and larger ones by the slope."""

from __future__ import annotations

import importlib.util
import multiprocessing
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from ghostnote.bench import scale_cost
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.decode import bundle
from ghostnote.library import approximate

QUERIES = 300
BEYOND = (10_000_000, 100_000_000)
"""Sizes that are told by the slope between the two largest that were measured."""
SLOPES = (
    "disk_mb", "open_cpu_s", "memory_mb", "exact_cpu_ms", "quick_memory_mb", "quick_file_mb",
    "quick_make_cpu_s", "quick_read_cpu_s",
)  # fmt: skip
"""What grows with the number of sounds. The quick index's own questions do not: they grow with its root."""


def scale(options: BenchOptions) -> Section:
    """What libraries of several sizes take to open and to ask, and what larger ones would."""
    section = Section("scale", f"synthetic sounds, one thread, {QUERIES} questions each, a process a size")
    if importlib.util.find_spec("psutil") is None:
        raise UnavailableError("memory is measured with psutil, which is not installed")
    model = bundle.find(options.model)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for count in sorted(options.sizes):
            rows.append(_apart(Path(name) / str(count), model, count))
    for table, wanted in (("measured", False), ("quick index", True)):
        if found := [_part(row, wanted) for row in rows if "quick_make_s" in row or not wanted]:
            section.tables[table] = _alike(found)
    if len(rows) > 1:
        both = rows[-2].keys() & rows[-1].keys()
        slopes = {key: _slope(rows[-2], rows[-1], key) for key in SLOPES if key in both}
        section.numbers |= {f"{key}_per_million": 1e6 * slope for key, slope in slopes.items()}
        section.tables["by the slope of the last two"] = [
            {"sounds": count, **{key: _at(rows[-1], key, slope, count) for key, slope in slopes.items()}}
            for count in BEYOND
        ]
    if not approximate.available():
        section.notes.append("FAISS is not installed: no quick index was measured")
    section.notes.append("cpu: what the processor spent, whoever else had it in between")
    section.notes.append(f"weights: {scale_cost.WEIGHTED}; product: of all points with a vector, in turns")
    return section


def _apart(folder: Path, model: Path, count: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(scale_cost.measure, folder, model, count, QUERIES).result()


def _slope(one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> float:
    return float(other[key] - one[key]) / float(other["sounds"] - one["sounds"])


def _at(last: Mapping[str, Any], key: str, slope: float, count: int) -> float:
    return float(last[key] + slope * (count - last["sounds"]))


def _part(row: Mapping[str, Any], quick: bool) -> dict[str, Any]:
    """Of a row what is of the quick index, or all the rest; in both how many sounds there are."""
    return {key: row[key] for key in row if key == "sounds" or key.startswith("quick") == quick}


def _alike(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the same keys; "–" where a size has none."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return [{key: row.get(key, "–") for key in keys} for row in rows]
