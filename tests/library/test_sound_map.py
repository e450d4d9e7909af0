"""The map of a library: no place moves, the same sounds have the same ones, and it says when it misleads."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.errors import LibraryError
from ghostnote.library import indexing, map_quality, map_table, neighbour_embedding, sound_map
from ghostnote.library.indexing import IndexOptions
from ghostnote.library.search import open_library
from ghostnote.library.sound_map import map_of
from librarykit import Inline
from mapkit import clusters, placed, put, take
from soundfolders import fill

POINTS = clusters(3, 20, 30)
STEPS = st.lists(st.tuples(st.integers(0, 599), st.integers(1, 150), st.booleans()), min_size=2, max_size=6)
NAMES = [f"{k:03}.wav" for k in range(len(POINTS))]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer steps, for tests that ask only who moves."""
    monkeypatch.setattr(neighbour_embedding, "STEPS", 60)
    monkeypatch.setattr(neighbour_embedding, "EARLY", 30)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "made"


def some(start, end):
    return {NAMES[k]: POINTS[k] for k in range(start, end)}


def drawn(place, **options):
    library = open_library(place)
    return library, map_of(library, **options)


def test_every_sound_has_a_place_of_its_own(place, bundle):
    put(place, bundle, some(0, 300))
    library, found = drawn(place)
    assert found.places.shape == (300, 2)
    assert ((found.places >= 0.0) & (found.places <= 1.0)).all()
    assert len(np.unique(found.places, axis=0)) == 300
    assert np.ptp(found.places, axis=0).max() == pytest.approx(sound_map.WIDTH, abs=0.01)
    assert (found.fresh, found.added, found.fit, found.worn) == (300, 0, 1, False)
    assert len(library) == 300


def test_a_map_is_read_as_it_was_written(place, bundle):
    put(place, bundle, some(0, 100))
    first, second = drawn(place)[1], drawn(place)[1]
    assert np.array_equal(first.places, second.places)
    assert (second.fresh, second.fit) == (0, 1)


def test_the_same_sounds_have_the_same_map_in_whatever_order_they_came(tmp_path, bundle):
    put(tmp_path / "one", bundle, some(0, 120))
    put(tmp_path / "two", bundle, some(60, 120))
    put(tmp_path / "two", bundle, some(0, 60))
    assert placed(*drawn(tmp_path / "one")) == placed(*drawn(tmp_path / "two"))


@settings(max_examples=12)
@given(
    steps=st.lists(st.tuples(st.integers(0, 599), st.integers(1, 150), st.booleans()), min_size=2, max_size=6)
)
def test_no_place_ever_moves(tmp_path_factory, bundle, steps):
    place = tmp_path_factory.mktemp("made")
    before: dict[str, tuple[float, float]] = {}
    here: set[str] = set()
    for start, count, gone in steps:
        names = {NAMES[k]: POINTS[k] for k in range(start, min(start + count, 600))}
        if gone and here - set(names):
            take(place, sorted(names))
            here -= set(names)
        else:
            put(place, bundle, {name: point for name, point in names.items() if name not in here})
            here |= set(names)
        now = placed(*drawn(place))
        assert set(now) == here
        kept = set(now) & set(before)
        assert {name: now[name] for name in kept} == {name: before[name] for name in kept}
        assert len(set(now.values())) == len(now)
        before = now


def test_a_new_sound_does_not_inherit_the_place_of_one_that_went(place, bundle):
    put(place, bundle, some(0, 60))
    before = placed(*drawn(place))
    take(place, [NAMES[59]])
    put(place, bundle, {"other.wav": POINTS[400]})
    library, found = drawn(place)
    assert found.fresh == 1
    assert placed(library, found)["other.wav"] != before[NAMES[59]]


def test_copies_lie_on_each_other(place, bundle):
    put(place, bundle, some(0, 50) | {"copy.wav": POINTS[7]})
    put(place, bundle, {"later.wav": POINTS[7], "new.wav": POINTS[300], "twin.wav": POINTS[300]})
    where = placed(*drawn(place))
    assert where["copy.wav"] == where[NAMES[7]] == where["later.wav"]
    put(place, bundle, {"latest.wav": POINTS[7]})
    where = placed(*drawn(place))
    assert where["latest.wav"] == where[NAMES[7]]
    assert where["new.wav"] == where["twin.wav"] != where["copy.wav"]


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_small_libraries_grow(place, bundle, count):
    put(place, bundle, some(0, max(count, 1)))
    if not count:
        take(place, [NAMES[0]])
    before = placed(*drawn(place))
    assert len(before) == count
    if count == 1:
        assert before[NAMES[0]] == (0.5, 0.5)
    put(place, bundle, some(20, 60))
    now = placed(*drawn(place))
    assert len(set(now.values())) == count + 40
    assert {name: now[name] for name in before} == before


def test_anew_only_when_it_is_asked_for(place, bundle):
    put(place, bundle, some(0, 100))
    before = placed(*drawn(place))
    put(place, bundle, some(100, 160))
    added = drawn(place)[1]
    assert (added.fit, added.added, added.fresh) == (1, 60, 60)
    library, anew = drawn(place, anew=True)
    assert (anew.fit, anew.added) == (2, 0)
    now = placed(library, anew)
    assert any(now[name] != before[name] for name in before)


def test_a_map_of_another_method_is_drawn_anew(place, bundle, monkeypatch):
    put(place, bundle, some(0, 40))
    drawn(place)
    monkeypatch.setattr(sound_map, "METHOD", map_table.METHOD + 1)
    assert drawn(place)[1].fit == 2
    assert drawn(place)[1].fit == 2


def test_it_says_when_it_misleads(place, bundle, monkeypatch):
    monkeypatch.undo()  # all steps: it is about quality
    put(place, bundle, {n: p for k, (n, p) in enumerate(some(0, 300).items()) if k % 3})
    assert not drawn(place)[1].worn
    put(place, bundle, {n: p for k, (n, p) in enumerate(some(0, 300).items()) if not k % 3})
    more = drawn(place)[1]
    assert more.kept_added > 0.7 * more.kept_fitted
    assert not more.worn
    put(place, bundle, some(300, 600))
    assert drawn(place)[1].worn
    assert not drawn(place, anew=True)[1].worn


def test_of_many_sounds_a_choice_is_fitted(place, bundle, monkeypatch):
    monkeypatch.undo()
    put(place, bundle, some(0, 600))
    library, whole = drawn(place)
    monkeypatch.setattr(sound_map, "LANDMARKS", 300)
    part = map_of(library, anew=True)
    assert part.added == 0
    rows = np.arange(len(library))
    trusts = [map_quality.measure(library.latents, found.places, rows)[0] for found in (whole, part)]
    assert trusts[1] > trusts[0] - 0.05
    assert np.array_equal(map_of(library, anew=True).places, part.places)


def test_who_comes_second_takes_the_places_of_who_came_first(place, bundle, monkeypatch):
    put(place, bundle, some(0, 60))
    drawn(place)
    put(place, bundle, some(60, 80))
    real, first = map_table.add, {}

    def late(path, facts, sounds):
        monkeypatch.setattr(map_table, "add", real)
        first.update(placed(*drawn(place)))
        return real(path, facts, [dataclasses.replace(sound, x=0.25) for sound in sounds])

    monkeypatch.setattr(map_table, "add", late)
    assert placed(*drawn(place)) == first
    assert len(first) == 80


def test_a_map_that_was_drawn_anew_meanwhile_is_read_again(place, bundle, monkeypatch):
    put(place, bundle, some(0, 60))
    drawn(place)
    put(place, bundle, some(60, 80))
    real = map_table.add

    def late(path, facts, sounds):
        monkeypatch.setattr(map_table, "add", real)
        drawn(place, anew=True)
        return real(path, facts, sounds)

    monkeypatch.setattr(map_table, "add", late)
    found = drawn(place)[1]
    assert (found.fit, found.added) == (2, 0)


def test_a_map_that_changes_all_the_time_is_given_up(place, bundle, monkeypatch):
    put(place, bundle, some(0, 10))
    monkeypatch.setattr(map_table, "replace", lambda *_: None)
    with pytest.raises(LibraryError, match="changed by another program all the time"):
        drawn(place)


@pytest.mark.parametrize("value", ["{", '"many"', "null"])
def test_a_damaged_map(place, bundle, value):
    put(place, bundle, some(0, 10))
    library, _ = drawn(place)
    with closing(sqlite3.connect(library.path)) as connection, connection:
        connection.execute("UPDATE map SET value = ? WHERE key = 'units'", (value,))
    with pytest.raises(LibraryError, match="its map is damaged"):
        map_of(library)


def test_a_library_that_cannot_be_written(place, bundle):
    put(place, bundle, some(0, 10))
    library = open_library(place)
    if os.geteuid() == 0:
        with closing(sqlite3.connect(library.path)) as connection:
            connection.execute("PRAGMA max_page_count = 1")
            connection.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LibraryError, match="in use by another program"):
                _soon(library)
        return
    library.path.chmod(0o400)
    with pytest.raises(LibraryError, match="cannot be used"):
        map_of(library)


def _soon(library):
    from ghostnote.library import database

    waited, database._WAIT_S = database._WAIT_S, 0.1
    try:
        map_of(library)
    finally:
        database._WAIT_S = waited


def test_sounds_of_recordings_have_places_too(index, sounds):
    from soundfolders import recording, write

    write(sounds / "long.wav", recording(12))
    fill(sounds, ["a.wav", "b.wav"])
    index(segment=True)
    library, found = open_library("lib"), map_of(open_library("lib"))
    assert len(library) == len(found.places) > 12


def test_real_sounds_are_mapped_better_than_by_principal_components(data_dir, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(indexing, "Crew", Inline)
    folder = data_dir / "drum_machines_dev" / "snare"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    indexing.index([folder], "real", IndexOptions(workers=1))
    library, found = open_library("real"), map_of(open_library("real"))
    every = np.arange(len(library))
    flat = neighbour_embedding.principal(library.latents).astype(np.float32)
    trust, kept = map_quality.measure(library.latents, found.places, every)
    by_components = map_quality.measure(library.latents, flat, every)
    assert trust > by_components[0] + 0.08
    assert kept > 1.6 * by_components[1]
