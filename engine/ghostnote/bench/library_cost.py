"""What libraries cost: opening and asking a large one, embedding files from disk, an index without news."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ghostnote.bench.engine_cost import Yardstick
from ghostnote.decode.manifest import Manifest
from ghostnote.library import embedding, indexing
from ghostnote.library.catalogue import Catalogue, Facts, path_for
from ghostnote.library.descriptors import Descriptors
from ghostnote.library.embedding import OK, Embedded, Item, Shard, Sound, content_of, mark_of
from ghostnote.library.filters import parse_filter
from ghostnote.library.search import Library, Query, open_library
from ghostnote.library.walk import Mark

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

CLUSTERS = 200
BATCH = 5000
RATE = 44100
_LONG_AGO = 1_500_000_000


def synthetic(count: int, manifest: Manifest, seed: int = 0) -> Iterator[Sound]:
    """Sounds with points in clusters, as those of a model lie, and made-up probabilities and descriptors."""
    rng = np.random.default_rng(seed)
    size, classes = manifest.latent_size, len(manifest.classes)
    centres = 2.0 * rng.standard_normal((CLUSTERS, size))
    for _ in range(count):
        point = centres[rng.integers(CLUSTERS)] + 0.5 * rng.standard_normal(size)
        chance = rng.exponential(size=classes) ** 3
        numbers = rng.random(6)
        yield Sound(
            0.0,
            point.astype(np.float32),
            (chance / max(chance.sum(), 1e-9)).astype(np.float32),
            Descriptors(
                -40 * numbers[0], 8000 * numbers[1], 500 * numbers[2], 0.1 * numbers[3], *numbers[4:].tolist()
            ),
        )


def fill(folder: Path, model: Path, manifest: Manifest, count: int) -> None:
    """A library of `count` synthetic sounds, each of a file of its own that is not there."""
    with closing(Catalogue(path_for(folder, manifest))) as catalogue:
        facts = Facts.of(manifest, model, False)
        catalogue.begin(facts)
        sounds = synthetic(count, manifest)
        for start in range(0, count, BATCH):
            results, files = [], []
            for k in range(start, min(start + BATCH, count)):
                content = k.to_bytes(20, "big")
                results.append(Embedded(content, OK, "", (next(sounds),)))
                files.append((f"/samples/kit{k // 100:04}/sound{k:06}.wav".encode(), content, Mark(0, 0)))
            catalogue.put(results, files, facts.classes)


def open_s(folder: Path, manifest: Manifest, times: int) -> list[tuple[float, float]]:
    """Seconds that it takes to open a library, each time: on the clock, and of the processor."""
    found = []
    for _ in range(times):
        began, spent = time.perf_counter(), time.thread_time()
        open_library(folder, manifest)
        found.append((time.perf_counter() - began, time.thread_time() - spent))
    return found


def query_ms(
    library: Library, manifest: Manifest, queries: int, within: str = "", seed: int = 1
) -> tuple[Float64, Float64, Float64]:
    """Milliseconds of queries for ten neighbours, at points of the library moved by chance, of the processor
    for these, and of a plain product of a matrix of the same size with a vector between; (queries,) each.
    """
    rng = np.random.default_rng(seed)
    points = library.latents[rng.integers(0, len(library), queries)]
    points = points + 0.2 * rng.standard_normal(points.shape).astype(np.float32)
    matrix, conditions = np.array(library.latents), parse_filter(within)
    (sound,) = synthetic(1, manifest)
    spent, computed, control = np.empty(queries), np.empty(queries), np.empty(queries)
    for k in range(-3, queries):
        point = points[max(k, 0)]
        query = Query(Sound(0.0, point, sound.probabilities, sound.descriptors))
        began, processor = time.perf_counter(), time.thread_time()
        library.find(query, 10, conditions)
        between, processor = time.perf_counter(), time.thread_time() - processor
        matrix @ point
        ended = time.perf_counter()
        if k >= 0:
            spent[k], computed[k] = 1e3 * (between - began), 1e3 * processor
            control[k] = 1e3 * (ended - between)
    return spent, computed, control


def write_hits(folder: Path, count: int, seed: int = 2) -> list[Path]:
    """Short hits as 16-bit wav, stereo and mono, 0.1 to 0.8 s."""
    rng = np.random.default_rng(seed)
    paths = []
    for k in range(count):
        seconds = rng.uniform(0.1, 0.8)
        t = np.arange(round(seconds * RATE)) / RATE
        tone = np.sin(2 * np.pi * rng.uniform(60, 2000) * t) + 0.3 * rng.standard_normal(len(t))
        hit = 0.4 * tone * np.exp(-t * 6 / seconds)
        paths.append(folder / f"hit{k:05}.wav")
        soundfile.write(paths[-1], np.stack([hit, hit], axis=1) if k % 2 else hit, RATE)
    return paths


def embed_per_s(paths: list[Path], model: Path, digest: str, shard: int = 16) -> dict[str, float]:
    """Files embedded a second, hashed and read from disk, by one thread: by the clock on the wall and by what
    the processor spent; `yardstick_ms` beside it.
    """
    names = [os.fsencode(path) for path in paths]
    embedding.embed_shard(Shard((), str(model), digest))
    yardstick, control = Yardstick(), []
    wall, spent = time.perf_counter(), time.process_time()
    for start in range(0, len(names), shard):
        items = tuple(Item(n, content_of(n), mark_of(n)) for n in names[start : start + shard])
        results = embedding.embed_shard(Shard(items, str(model), digest))
        assert all(result.status == OK for result in results)
        control.append(yardstick.ms())
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    return {
        "embed_per_s": len(names) / wall,
        "embed_per_cpu_s": len(names) / spent,
        "embed_yardstick_ms": float(np.median(control)),
    }


def reindex_s(folder: Path, model: Path, manifest: Manifest, count: int, times: int) -> list[float]:
    """Seconds of an index of `count` files, 100 to a folder, that are as they were before, each time."""
    sounds, place = folder / "sounds", folder / "library"
    place.mkdir(parents=True)
    made = synthetic(count, manifest)
    with closing(Catalogue(path_for(place, manifest))) as catalogue:
        catalogue.begin(Facts.of(manifest, model, False))
        results, files = [], []
        for k in range(count):
            path = sounds / f"{k // 100:04}" / f"{k:06}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(k.to_bytes(4, "big"))
            os.utime(path, (_LONG_AGO, _LONG_AGO))
            content = content_of(os.fsencode(path))
            results.append(Embedded(content, OK, "", (next(made),)))
            files.append((os.fsencode(path), content, mark_of(os.fsencode(path))))
        catalogue.put(results, files, manifest.classes)
    found = []
    for _ in range(times):
        report = indexing.index([sounds], place, indexing.IndexOptions(str(model)))
        assert report.unchanged == report.files == count
        found.append(report.seconds)
    return found
