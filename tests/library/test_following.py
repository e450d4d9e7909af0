"""A library that is followed: read again when it changed, searched all the while, missed when it is gone."""

from __future__ import annotations

import pytest

from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError
from ghostnote.library import following, indexing, places, removing
from ghostnote.library.following import Following
from librarykit import Inline
from playing import wait_for
from soundfolders import fill


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def manifest(bundle) -> Manifest:
    return Manifest.from_file(bundle / "model.json")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def follow(told, monkeypatch):
    """A library that is looked at by hand."""
    monkeypatch.setattr(following, "LOOK_S", 3600.0)
    made = Following("lib", told.append)
    yield made
    made.close()


def test_what_did_not_change_is_not_read_again(follow, index, sounds, manifest):
    fill(sounds, ["a.wav", "b.wav"])
    index()
    first = follow.library(manifest)
    for _ in range(3):
        follow.look()
    assert follow.library(manifest) is first


def test_what_was_added_is_found_after_a_look(follow, index, sounds, manifest, monkeypatch):
    monkeypatch.setattr(following, "SHARE", float("inf"))
    fill(sounds, ["a.wav"])
    index()
    before = follow.library(manifest)
    fill(sounds, ["b.wav", "c.wav"], seed=5)
    index()
    assert follow.library(manifest) is before, "asked for before the look, what is there answers"
    follow.look()
    assert len(follow.library(manifest)) == 3


def test_a_library_that_changes_all_the_time_is_not_read_all_the_time(
    follow, index, sounds, manifest, monkeypatch
):
    monkeypatch.setattr(following, "SHARE", 1e-9)
    fill(sounds, ["a.wav"])
    index()
    first = follow.library(manifest)
    fill(sounds, ["b.wav"], seed=5)
    index()
    follow.look()
    assert follow.library(manifest) is first


def test_its_own_thread_looks(index, sounds, manifest, monkeypatch):
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    monkeypatch.setattr(following, "SHARE", float("inf"))
    fill(sounds, ["a.wav"])
    index()
    followed = Following("lib")
    try:
        assert len(followed.library(manifest)) == 1
        fill(sounds, ["b.wav"], seed=5)
        index()
        wait_for(lambda: len(followed.library(manifest)) == 2, "what was added")
    finally:
        followed.close()


def test_one_that_comes_later_is_found_then(follow, index, sounds, manifest):
    with pytest.raises(LibraryError, match="there is no library 'lib'"):
        follow.library(manifest)
    fill(sounds, ["a.wav"])
    index()
    assert len(follow.library(manifest)) == 1


@pytest.mark.parametrize("looked", [False, True])
def test_one_that_was_removed_is_missed(follow, index, sounds, manifest, told, looked):
    fill(sounds, ["a.wav"])
    index()
    follow.library(manifest)
    removing.remove("lib")
    if looked:
        follow.look()
    with pytest.raises(LibraryError, match="there is no library 'lib'"):
        follow.library(manifest)
    assert told == []


def test_one_that_is_damaged_while_it_is_followed_is_told_once_and_searched_as_it_was(
    follow, index, sounds, manifest, told, monkeypatch
):
    monkeypatch.setattr(following, "SHARE", float("inf"))
    fill(sounds, ["a.wav", "b.wav"])
    index()
    before = follow.library(manifest)
    (path,) = places.databases(places.existing("lib"))
    path.write_bytes(b"no database, but of some length" * 300)
    follow.look()
    follow.look()
    assert len(told) == 1
    assert "is searched" in told[0]
    assert follow.library(manifest) is before


def test_models_that_were_asked_for_long_ago_are_let_go(follow, index, sounds, manifest, monkeypatch):
    monkeypatch.setattr(following, "MODELS", 0)
    fill(sounds, ["a.wav"])
    index()
    assert follow.library(manifest) is not follow.library(manifest)


def test_a_text_that_is_no_library_is_refused():
    with pytest.raises(LibraryError, match="give a name"):
        Following("no:library")
