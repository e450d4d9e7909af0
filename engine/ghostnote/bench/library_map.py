"""The section `map` of `ghostnote bench`: what maps of libraries take, and how far they can be believed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench import library_cost
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal
from ghostnote.decode import bundle
from ghostnote.decode.manifest import Manifest
from ghostnote.library import indexing, map_quality
from ghostnote.library.map_placing import place
from ghostnote.library.neighbour_embedding import embed, principal
from ghostnote.library.search import Library, open_library
from ghostnote.library.sound_map import SEED, map_of

Float32 = NDArray[np.float32]
Row = dict[str, object]

DATA_VARIABLE = "GHOSTNOTE_DATA"
SIZES = (1000, 10_000, 100_000)
FOLDERS = {"drum_machines_dev": ("drum_machines_dev",), "drums, general": ("drums", "general")}
SHARES = (0.1, 0.5, 0.9)
"""So much of a library is fitted, and the rest placed."""
LOOKED_AT = 1000


def sound_map(options: BenchOptions) -> Section:
    """Maps of synthetic libraries: time; of real sounds: neighbours kept, beside other pictures of them."""
    section = Section("map", "synthetic sounds in clusters for time; real ones for neighbours, k = 10")
    model = bundle.find(options.model)
    manifest = Manifest.from_file(model / bundle.MANIFEST_NAME)
    with tempfile.TemporaryDirectory() as name:
        section.tables["time"] = [_cost(Path(name) / str(n), model, manifest, n) for n in SIZES]
        named = os.environ.get(DATA_VARIABLE)
        for title, folders in FOLDERS.items():
            paths = [Path(named or "") / folder for folder in folders]
            if not named or not all(path.is_dir() for path in paths):
                section.notes.append(f"{DATA_VARIABLE} names no {title}: its map is not measured")
                continue
            indexing.index(paths, Path(name) / title, indexing.IndexOptions(str(model)))
            rows = list(_pictures(open_library(Path(name) / title)))
            section.tables[title] = rows
            section.goals += [
                Goal(f"{title}: {what} beside two components", _ratio(rows, what), 1.0, "", at_least=True)
                for what in ("trust", "kept")
            ]
    return section


def _cost(folder: Path, model: Path, manifest: Manifest, count: int) -> Row:
    folder.mkdir()
    library_cost.fill(folder, model, manifest, count)
    library = open_library(folder, manifest)
    first, again = _timed(lambda: map_of(library)), _timed(lambda: map_of(library))
    return {"sounds": count, "first_s": first, "again_s": again}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _pictures(library: Library) -> Iterator[Row]:
    """A row for each picture of the same sounds: trustworthiness and the share of neighbours kept."""
    points = np.unique(library.latents, axis=0)
    chance = np.random.default_rng(SEED)
    rows = np.sort(chance.permutation(len(points))[:LOOKED_AT])

    def row(name: str, places: NDArray[np.floating]) -> Row:
        trust, kept = map_quality.measure(points, places.astype(np.float32), rows)
        return {"picture": name, "trust": trust, "kept": kept}

    began = time.perf_counter()
    whole = embed(points)
    yield {**row("map", whole), "seconds": time.perf_counter() - began}
    yield from _reference(points, row)
    yield row("two components", principal(points))
    yield row("random", chance.random((len(points), 2)))
    for share in SHARES:
        fitted = np.sort(chance.permutation(len(points))[: round(share * len(points))])
        others = np.setdiff1d(np.arange(len(points)), fitted)
        places = np.empty_like(whole)
        places[fitted] = embed(points[fitted])
        places[others] = place(points[fitted], places[fitted], points[others], SEED)
        yield row(f"map, {share:.0%} fitted", places)


def _reference(points: Float32, row: Callable[[str, NDArray[np.floating]], Row]) -> Iterator[Row]:
    """The same by scikit-learn, which comes with the extra bench."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        return
    began = time.perf_counter()
    perplexity = min(30.0, (len(points) - 1) / 3.0)
    places = TSNE(random_state=0, init="pca", n_jobs=1, perplexity=perplexity).fit_transform(points)
    yield {**row("scikit-learn's t-SNE", places), "seconds": time.perf_counter() - began}


def _ratio(rows: list[Row], what: str) -> float:
    by = {row["picture"]: row[what] for row in rows}
    mine, flat = by["map"], by["two components"]
    assert isinstance(mine, float)
    assert isinstance(flat, float)
    return mine / max(flat, 1e-9)
