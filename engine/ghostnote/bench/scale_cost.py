"""What a library of one size costs: disk, memory, opening, and questions to each of its indexes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench import library_cost
from ghostnote.decode.manifest import Manifest
from ghostnote.library import approximate, quick
from ghostnote.library.aspects import PLAIN, parse_weights
from ghostnote.library.nearest import Exact
from ghostnote.library.search import Library, Query, open_library

Float64 = NDArray[np.float64]

WEIGHTED = "latent=1,loudness=0.5,pitch=0.5"
RECALLED = 200


def measure(folder: Path, model: Path, count: int, queries: int) -> dict[str, Any]:
    """Make a library of `count` synthetic sounds and ask it; times in ms and s, sizes in MB (10⁶ bytes).

    To be run in a process of its own, whose memory it looks at.
    """
    manifest = Manifest.from_file(model / "model.json")
    folder.mkdir(parents=True)
    library_cost.fill(folder, model, manifest, count)
    row: dict[str, Any] = {"sounds": count, "disk_mb": _bytes_below(folder) / 1e6}
    before, began, spent = _resident(), time.perf_counter(), time.thread_time()
    library = open_library(folder, manifest, often=False)
    row["open_s"], row["open_cpu_s"] = time.perf_counter() - began, time.thread_time() - spent
    began = time.perf_counter()
    library.find(Query(next(library_cost.synthetic(1, manifest))))
    row["first_ms"] = 1e3 * (time.perf_counter() - began)
    row["memory_mb"], row["peak_mb"] = (_resident() - before) / 1e6, (_peak() - before) / 1e6
    _ask(row, "exact", library, manifest, queries)
    _, _, control = library_cost.query_ms(library, manifest, queries)
    row["product_p50_ms"] = float(np.median(control))
    row["weights_p50_ms"] = float(np.median(_weighted_ms(library, manifest, max(3, queries // 5))))
    if approximate.available() and count >= approximate.LEAST:
        _quick(row, library, manifest, queries)
    return row


def _ask(row: dict[str, Any], name: str, library: Library, manifest: Manifest, queries: int) -> None:
    for within, key in (("", name), ("class=kick", f"{name}_class")):
        spent, computed, _ = library_cost.query_ms(library, manifest, queries, within)
        row[f"{key}_p50_ms"], row[f"{key}_p99_ms"] = (float(x) for x in np.quantile(spent, [0.5, 0.99]))
        row[f"{key}_cpu_ms"] = float(np.median(computed))


def _weighted_ms(library: Library, manifest: Manifest, queries: int) -> Float64:
    weights = parse_weights(WEIGHTED)
    spent = np.empty(queries)
    sounds = list(library_cost.synthetic(queries + 1, manifest, seed=9))
    library.find(Query(sounds[-1]), 10, (), weights)  # its points are made
    for k, sound in enumerate(sounds[:-1]):
        began = time.perf_counter()
        library.find(Query(sound), 10, (), weights)
        spent[k] = 1e3 * (time.perf_counter() - began)
    return spent


def _quick(row: dict[str, Any], library: Library, manifest: Manifest, queries: int) -> None:
    points = library.space(PLAIN).points
    before, began, spent = _resident(), time.perf_counter(), time.thread_time()
    found, why = quick.renew(library.path, library.facts.digest, points)
    row["quick_make_s"], row["quick_make_cpu_s"] = time.perf_counter() - began, time.thread_time() - spent
    if found is None:
        row["quick"] = why
        return
    began, spent = time.perf_counter(), time.thread_time()
    quick.renew(library.path, library.facts.digest, points)
    row["quick_read_s"], row["quick_read_cpu_s"] = time.perf_counter() - began, time.thread_time() - spent
    row["quick_memory_mb"] = (_resident() - before) / 1e6
    row["quick_file_mb"] = quick.place(library.path).stat().st_size / 1e6
    row["quick_probes"] = found.probes
    row["quick_recall"] = _recall(library, found)
    library.quick = _Ready(found)
    _ask(row, "quick", library, manifest, queries)
    library.quick = None


class _Ready(quick.Quick):
    """An index that is there already."""

    def __init__(self, index: approximate.Approximate) -> None:
        self.index, self.trouble = index, ""


def _recall(library: Library, index: approximate.Approximate) -> float:
    """Share of the ten nearest of the exact scan that the index names too."""
    space, rng = library.space(PLAIN), np.random.default_rng(5)
    exact, hits = Exact(space), []
    near = space.points[rng.integers(0, len(library), RECALLED)]
    for here in near + 0.2 * rng.standard_normal(near.shape).astype(np.float32):
        rows = exact.nearest(here, 10, None)
        wanted = rows[np.argsort(space.distances(rows, here))[:10]]
        hits.append(np.isin(wanted, index.nearest(here, approximate.KEPT, None)).mean())
    return float(np.mean(hits))


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _peak() -> int:
    """The most memory that this process has had; what it has, where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return _resident()
