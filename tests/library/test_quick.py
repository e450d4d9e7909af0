"""The quick index of large libraries: whole or not used, made anew when in doubt, never a wrong answer."""

from __future__ import annotations

import json
import os
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError
from ghostnote.library import approximate, indexing, quick
from ghostnote.library.catalogue import Catalogue
from ghostnote.library.search import Query, open_library
from librarykit import Inline, made, write_made
from soundfolders import fill

faiss = pytest.importorskip("faiss", reason="faiss is not installed")

SIZE = 600


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(quick, "FROM", 100)
    monkeypatch.setattr(approximate, "LEAST", 100)


@pytest.fixture
def manifest(bundle) -> Manifest:
    return Manifest.from_file(bundle / "model.json")


@pytest.fixture
def database(bundle, manifest, tmp_path) -> Path:
    return write_made(tmp_path / "lib", bundle, manifest, range(SIZE))


@pytest.fixture
def points(make_rng):
    rng = make_rng(4)
    centres = 2.0 * rng.standard_normal((40, 16))
    return (centres[rng.integers(40, size=9000)] + 0.5 * rng.standard_normal((9000, 16))).astype(np.float32)


def ready(folder: Path):
    library = open_library(folder)
    assert library.quick is not None
    assert library.quick.wait(60.0)
    return library


def answers(library, manifest):
    return [library.find(Query(made([k], manifest)[0][0].sounds[0]), 10) for k in (5, 701, 702)]


def test_it_is_kept_and_read_again(database, manifest, monkeypatch):
    first = ready(database.parent)
    assert first.quick.index is not None
    wanted = answers(open_library(database.parent, often=False), manifest)
    assert answers(first, manifest) == wanted
    monkeypatch.setattr(approximate, "build", lambda points: pytest.fail("it was made again"))
    second = ready(database.parent)
    assert second.quick.index.probes == first.quick.index.probes
    assert answers(second, manifest) == wanted
    assert [path.name for path in database.parent.glob("*.part")] == []


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: b"",
        lambda content: b"x" * 10,
        lambda content: os.urandom(len(content)),
    ],
    ids=["a bit", "half", "the last byte", "empty", "short", "noise"],
)
def test_a_damaged_file_is_never_used_and_made_again(database, manifest, damage):
    ready(database.parent)
    path = quick.place(database)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    library = open_library(database.parent)
    wanted = answers(open_library(database.parent, often=False), manifest)
    assert answers(library, manifest) == wanted, "whether or not it is there already"
    assert library.quick.wait(60.0)
    assert library.quick.index is not None
    assert answers(library, manifest) == wanted
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"made_of": "other"}, "made of other sounds"),
        ({"form": 2}, "made of other sounds"),
    ],
)
def test_a_whole_file_of_other_points_is_not_used(database, changed, said, monkeypatch):
    library = ready(database.parent)
    points = library.space().points
    made_of = quick._made_of(points, library.facts.digest)
    found = quick.read(quick.place(database), made_of, points)
    facts = {"form": 1, "made_of": made_of, "probes": found.probes, **changed}
    monkeypatch.setattr(json, "dumps", lambda _: json.JSONEncoder().encode(facts))
    quick.write(quick.place(database), made_of, found)
    with pytest.raises(LibraryError, match=said):
        quick.read(quick.place(database), made_of, points)


def test_files_that_are_none(tmp_path, points):
    path = tmp_path / "x.faiss"
    with pytest.raises(LibraryError, match="cannot be read"):
        quick.read(path, "", points)
    index = approximate.build(points)
    with pytest.raises(LibraryError, match="belongs to other points"):
        approximate.from_bytes(np.frombuffer(index.as_bytes(), dtype=np.uint8), points[:50], 4)
    with pytest.raises(LibraryError, match="is no index"):
        approximate.from_bytes(np.frombuffer(b"IwSq but nothing follows", dtype=np.uint8), points, 4)
    other = faiss.serialize_index(faiss.IndexFlatL2(16))
    with pytest.raises(LibraryError, match="another kind"):
        approximate.from_bytes(other, points, 4)


def test_another_library_at_the_same_place_gets_another_index(database, bundle, manifest):
    before = ready(database.parent)
    old = quick.place(database).read_bytes()
    _, files = made(range(50), manifest)
    with closing(Catalogue(database)) as writing:
        writing.remove(name for name, _, _ in files)
    after = ready(database.parent)
    assert len(after) < len(before)
    assert answers(after, manifest) == answers(open_library(database.parent, often=False), manifest)
    assert quick.place(database).read_bytes() != old


def test_it_is_not_made_for_small_libraries_nor_without_faiss(database, monkeypatch):
    monkeypatch.setattr(quick, "FROM", 100_000)
    assert open_library(database.parent).quick is None
    monkeypatch.setattr(quick, "FROM", 1)
    monkeypatch.setattr(approximate.importlib.util, "find_spec", lambda name: None)
    assert open_library(database.parent).quick is None


def test_what_a_killed_process_left_goes_with_time(database):
    left = [quick.place(database).with_name(f"{quick.place(database).name}-{k}.part") for k in (1, 2)]
    for path in left:
        path.write_bytes(b"half")
    os.utime(left[0], (1e9, 1e9))
    ready(database.parent)
    assert [path.exists() for path in left] == [False, True], "another process may be writing the other"


def test_questions_are_answered_while_it_is_made(database, manifest, monkeypatch):
    building, go_on = threading.Event(), threading.Event()
    build = approximate.build

    def slow(points):
        building.set()
        assert go_on.wait(60.0)
        return build(points)

    monkeypatch.setattr(approximate, "build", slow)
    library = open_library(database.parent)
    assert building.wait(60.0)
    found = answers(library, manifest)
    assert library.quick.index is None
    go_on.set()
    assert library.quick.wait(60.0)
    assert library.quick.index is not None
    assert answers(library, manifest) == found


def test_who_must_not_be_kept_busy_only_reads_it(database, manifest, monkeypatch):
    library = open_library(database.parent, make=False)
    assert library.quick is not None
    assert library.quick.wait(60.0)
    assert library.quick.index is None
    assert "cannot be read" in library.quick.trouble
    assert not quick.place(database).exists()
    assert ready(database.parent).quick.index is not None
    library = open_library(database.parent, make=False)
    assert library.quick.wait(60.0)
    assert library.quick.index is not None


def test_a_full_disk_costs_the_file_only(database, manifest, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(quick.os, "fsync", full)
    library = ready(database.parent)
    assert "No space left" in library.quick.trouble
    assert library.quick.index is not None
    assert not list(database.parent.glob("*.faiss*")), "nothing half-written stays"
    monkeypatch.setattr(approximate, "build", lambda points: (_ for _ in ()).throw(MemoryError("too large")))
    library = ready(database.parent)
    assert library.quick.index is None
    assert "too large" in library.quick.trouble
    assert answers(library, manifest)


def test_an_index_that_cannot_be_quick_is_not_used(make_rng):
    """Points without any neighbourhood: lists say nothing, half of them would have to be looked through."""
    points = make_rng(1).standard_normal((3000, 64)).astype(np.float32)
    assert approximate.build(points) is None
    assert approximate.build(points[:50]) is None, "too few"
    same = np.ones((3000, 64), dtype=np.float32)
    index = approximate.build(same)
    assert index is None or len(index.nearest(same[0], 10, None)) >= 10


def test_recall_with_and_without_filters(points, make_rng):
    rng = make_rng(7)
    index = approximate.build(points)
    assert index is not None
    assert index.probes < 95, "fewer than half of its lists"
    far = np.flatnonzero(points[:, 0] < np.median(points[:, 0]))
    masks = {"all": None, "half": rng.random(9000) < 0.5, "few": rng.random(9000) < 0.002}
    masks["elsewhere"] = np.isin(np.arange(9000), far)  # where queries are not
    masks["but two"] = ~np.isin(np.arange(9000), [1, 2])
    high = points[points[:, 0] > np.median(points[:, 0])]
    for name, allowed in masks.items():
        hits = []
        for _ in range(100):
            one, other = high[rng.integers(0, len(high), 2)]
            here = (0.8 * one + 0.2 * other).astype(np.float32)
            squares = np.square(points.astype(np.float64) - here).sum(axis=1)
            squares[~allowed if allowed is not None else []] = np.inf
            wanted = np.argsort(squares)[:10]
            found = index.nearest(here, 26, allowed)
            assert len(set(found.tolist())) == len(found)
            assert allowed is None or allowed[found].all()
            assert len(found) >= min(26, 9000 if allowed is None else allowed.sum())
            hits.append(np.isin(wanted[np.isfinite(squares[wanted])], found).mean())
        assert np.mean(hits) >= 0.99, name


def test_an_index_run_makes_it_and_says_when_it_cannot(index, sounds, monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)
    monkeypatch.setattr(quick, "FROM", 5)
    monkeypatch.setattr(approximate, "LEAST", 5)
    monkeypatch.setattr(approximate, "RECALL", 0.0)
    monkeypatch.setattr(approximate, "_probes", lambda *_: 1)
    fill(sounds, [f"kick{k}.wav" for k in range(12)])
    report = index()
    assert report.trouble == ""
    library = open_library("lib", often=False)
    path = quick.place(library.path)
    before = path.read_bytes()
    monkeypatch.setattr(approximate, "build", lambda points: pytest.fail("nothing has changed"))
    assert index().trouble == ""
    assert path.read_bytes() == before
    monkeypatch.setattr(quick, "FROM", 1000)
    index()
    assert not path.exists(), "too small by now"


def test_removing_a_library_takes_it_along(index, sounds, monkeypatch):
    from ghostnote.library import places, removing
    from ghostnote.library.status import status

    monkeypatch.setattr(indexing, "Crew", Inline)
    fill(sounds, ["a.wav"])
    index()
    (path,) = places.databases(places.existing("lib"))
    size = status(path.parent)[0].bytes
    quick.place(path).write_bytes(b"x" * 1000)
    assert status(path.parent)[0].bytes == size + 1000
    (path.parent / f"{quick.place(path).name}-77.part").write_bytes(b"left by a crash")
    removing.remove("lib")
    assert not path.parent.exists()
