"""The section `library` of `ghostnote bench`: asking, opening, embedding, indexing, neighbours' classes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ghostnote.bench import library_classes, library_cost
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.result import Section
from ghostnote.bench.stats import Goal, Summary
from ghostnote.decode import bundle
from ghostnote.decode.manifest import Manifest
from ghostnote.library.search import open_library

DATA_VARIABLE = "GHOSTNOTE_DATA"
SEGMENTS = 100_000
UNCHANGED = 10_000
HITS = 320
QUERIES = 1000
TIMES = 5
FILTERS = {"": "query_ms", "class=kick": "query_class_ms", "folder=kit0001": "query_folder_ms"}


def library(options: BenchOptions) -> Section:
    """Queries, opening, embedding, an index without news, and how often neighbours are of one kind."""
    section = Section(
        "library",
        f"{SEGMENTS} synthetic sounds, one thread; hits from disk; neighbours of known classes",
    )
    model = bundle.find(options.model)
    manifest = Manifest.from_file(model / bundle.MANIFEST_NAME)
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name) / "large", Path(name) / "small"
        large.mkdir()
        library_cost.fill(large, model, manifest, SEGMENTS)
        opened = library_cost.open_s(large, manifest, TIMES)
        section.figures["open_s"] = Summary.of([clock for clock, _ in opened])
        section.figures["open_cpu_s"] = Summary.of([processor for _, processor in opened])
        found = open_library(large, manifest)
        for within, figure in FILTERS.items():
            spent, computed, control = library_cost.query_ms(found, manifest, QUERIES, within)
            section.figures[figure] = Summary.of(spent)
            section.figures[figure.replace("_ms", "_cpu_ms")] = Summary.of(computed)
            section.control[f"product_beside_{figure}"] = Summary.of(control)
        small.mkdir()
        hits = library_cost.write_hits(small, HITS)
        section.numbers |= library_cost.embed_per_s(hits, model, manifest.digest)
        again = library_cost.reindex_s(Path(name) / "again", model, manifest, UNCHANGED, TIMES)
        section.figures["reindex_s"] = Summary.of(again)
        _classes(section, Path(name) / "classes", str(model))
    query = section.figures["query_ms"]
    section.goals += [
        Goal("query, 100,000 sounds, p50", query.p50, 2.0, "ms"),
        Goal("query, 100,000 sounds, p99", query.p99, 5.0, "ms"),
        Goal("open 100,000 sounds", section.figures["open_s"].p50, 1.0, "s"),
        Goal("embedding from disk, one core", section.numbers["embed_per_s"], 100.0, "/s", at_least=True),
        Goal("index of 10,000 unchanged files", section.figures["reindex_s"].p50, 3.0, "s"),
    ]
    return section


def _classes(section: Section, place: Path, model: str) -> None:
    named = os.environ.get(DATA_VARIABLE)
    folder = Path(named or "") / "drum_machines_dev"
    if not named or not folder.is_dir():
        section.notes.append(f"{DATA_VARIABLE} names no drum_machines_dev: neighbours' classes not measured")
        return
    table = section.tables["same class among 5"] = library_classes.rows(folder, place, model)
    section.notes.append(
        "same class among 5: shares of the five nearest; the shipped classifier learnt from these machines: "
        'rows with "class" flatter it; ", names": what file names say counts too, their folders do not'
    )
    for row, what in ((table[0], "latent alone"), (max(table, key=lambda row: _share(row)), "best")):
        name = f"same class among 5, {what}" + ("" if what != "best" else f" ({row['weights']})")
        section.goals.append(Goal(name, _share(row), 0.75, "", at_least=True))


def _share(row: dict[str, object]) -> float:
    value = row["all"]
    assert isinstance(value, float)
    return value
