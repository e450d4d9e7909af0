"""Search: the neighbours that a plain comparison finds, never the query itself, filters and weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.errors import AudioFileError, LibraryError, UsageError
from ghostnote.features import audio_file
from ghostnote.library import indexing, nearest, places, removing, search
from ghostnote.library.aspects import PLAIN, Space, Weights, parse_weights, scaled, spreads
from ghostnote.library.filters import parse_filter
from ghostnote.library.search import model_of, open_library, query_at, query_of
from librarykit import Inline
from soundfolders import RATE, fill, hit, recording, write


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def library(index, sounds) -> search.Library:
    fill(sounds, [f"kit1/kick{k}.wav" for k in range(6)])
    fill(sounds, [f"kit2/snare{k}.wav" for k in range(6)], seed=10)
    write(sounds / "quiet.wav", 0.01 * hit(30))
    write(sounds / "long.wav", hit(31, 0.45) + 0.3 * np.sin(0.05 * np.arange(round(0.45 * RATE))))
    index()
    return open_library("lib")


@pytest.fixture
def ask(library):
    model = model_of(library)
    return lambda path, *args, **more: library.find(query_of(path, model), *args, **more)


def names(found) -> list[str]:
    return [Path(n.file).name for n in found]


def test_the_nearest_are_those_that_a_plain_comparison_finds(library, ask, tmp_path):
    query = write(tmp_path / "query.wav", hit(99))
    z = query_of(query, model_of(library)).sound.latent
    by_hand = np.sqrt(((library.latents.astype(np.float64) - z) ** 2).sum(axis=1))
    found = ask(query, 5)
    assert [n.distance for n in found] == pytest.approx(np.sort(by_hand)[:5], rel=1e-4)
    files = library.files()
    assert [n.file for n in found] == [files[k] for k in np.argsort(by_hand)[:5]]
    assert len(ask(query, 1000)) == len(library) == 14


def test_a_query_is_not_its_own_answer_nor_are_its_copies(library, ask, index, sounds, tmp_path):
    own = sounds / "kit1/kick0.wav"
    assert "kick0.wav" not in names(ask(own, 20))
    copy = shutil.copy(own, tmp_path / "copy.wav")
    assert "kick0.wav" not in names(ask(copy, 20))
    samples, rate = soundfile.read(own, dtype="int16")
    soundfile.write(tmp_path / "other.flac", samples, rate)
    assert "kick0.wav" not in names(ask(tmp_path / "other.flac", 20)), "the same sound in another format"
    first = ask(copy, 20, itself=True)[0]
    assert (Path(first.file).name, first.distance) == ("kick0.wav", 0.0)


def test_of_copies_in_the_library_one_is_an_answer(index, library, sounds):
    for k in range(40):
        shutil.copy(sounds / "kit1/kick1.wav", sounds / f"copy{k}.wav")
    index()
    found = open_library("lib")
    query = query_of(sounds / "kit1/kick0.wav", model_of(found))
    assert len(found.find(query, 100)) == 13


def test_many_twins_of_the_query_leave_room_for_the_others(index, sounds):
    samples = np.round(hit(1) * 32767).astype(np.int16)
    for k in range(60):  # other bytes each time, the same sound
        soundfile.write(sounds / f"twin{k}.wav", samples, RATE)
        with (sounds / f"twin{k}.wav").open("ab") as file:
            file.write(b"note" + (4).to_bytes(4, "little") + f"{k:04}".encode())
    fill(sounds, ["a.wav", "b.wav"], seed=50)
    index()
    library = open_library("lib")
    assert len(library) == 62
    assert set(names(library.find(query_of(sounds / "twin0.wav", model_of(library)), 2))) == {
        "a.wav",
        "b.wav",
    }


def test_a_long_recording_answers_with_its_other_sounds(index, sounds):
    path = write(sounds / "long.wav", recording(5))
    index(segment=True)
    library = open_library("lib")
    found = library.find(query_of(path, model_of(library)), 10)
    assert sorted(round(n.onset_s, 1) for n in found) == [0.6, 1.2, 1.8, 2.4] or len(found) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("folder=kit1", lambda n: "/kit1/" in n),
        ("folder!=kit1", lambda n: "/kit1/" not in n),
        ("folder=KIT2,loudness>-200", lambda n: "/kit2/" in n),
        ("loudness<-35", lambda n: n.endswith("quiet.wav")),
        ("length>0.2", lambda n: n.endswith("long.wav")),
        ("class=kick,folder=kit1", lambda n: "/kick" in n),
        ("onset>=0.4", lambda n: False),
    ],
)
def test_filters(library, ask, tmp_path, text, expected):
    query = write(tmp_path / "query.wav", hit(99))
    found = ask(query, 100, parse_filter(text))
    everything = library.files()
    wanted = {n for n in everything if expected(n)}
    assert {n.file for n in found} == wanted


def test_filters_by_an_absolute_folder_and_for_a_copy_in_it(index, ask, sounds, tmp_path):
    (sounds / "kit3").mkdir()
    shutil.copy(sounds / "kit1/kick0.wav", sounds / "kit3/another.wav")
    index()
    library = open_library("lib")
    query = query_of(write(tmp_path / "query.wav", hit(99)), model_of(library))
    found = library.find(query, 10, parse_filter(f"folder={sounds / 'kit3'}"))
    assert names(found) == ["another.wav"]


def test_paths_say_what_the_classifier_may_not_know(library, ask, tmp_path):
    classes = dict(zip(library.files(), library.classes, strict=True))
    named = [kind for file, kind in classes.items() if "/kit" in file]
    right = sum(("kick" in f) == (k == "kick") for f, k in classes.items() if "/kit" in f)
    assert right > len(named) / 2
    query = write(tmp_path / "query.wav", hit(99))
    found = ask(query, 100, parse_filter("class=snare"))
    assert {n.class_name for n in found} <= {"snare"}


def test_weights_move_what_counts(library, ask, tmp_path):
    query = write(tmp_path / "query.wav", 0.01 * hit(99))
    assert names(ask(query, 1, weights=parse_weights("latent=0,loudness=1"))) == ["quiet.wav"]
    query = write(tmp_path / "query2.wav", hit(98, 0.4) + 0.3 * np.sin(0.04 * np.arange(round(0.4 * RATE))))
    assert names(ask(query, 1, weights=parse_weights("latent=0,length=1"))) == ["long.wav"]
    plain, doubled = ask(query, 5), ask(query, 5, weights=parse_weights("latent=4"))
    assert names(plain) == names(doubled)
    assert [n.distance for n in doubled] == pytest.approx([2 * n.distance for n in plain], rel=1e-4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latent", "needs a number"),
        ("loudnes=1", "no aspect 'loudnes'; there are: latent, class"),
        ("latent=-1", "from 0"),
        ("latent=nan", "from 0"),
        ("latent=0", "all weights are 0"),
    ],
)
def test_wrong_weights_are_told(text, said):
    with pytest.raises(UsageError, match=said):
        parse_weights(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kick", "write it as class=kick"),
        ("size>3", "'size' cannot be filtered by"),
        ("length=3", "takes <, <=, > or >="),
        ("length<short", "and a number"),
        ("class>kick", "class takes = or !="),
        ("folder=", "nothing stands after"),
        ("length<inf", "and a number"),
    ],
)
def test_wrong_filters_are_told(text, said):
    with pytest.raises(UsageError, match=said):
        parse_filter(text)


def test_commas_in_folders_and_several_filters():
    assert [c.value for c in parse_filter("folder=a, b/c,length<1")] == ["a, b/c", "1"]
    assert len(parse_filter(["class=kick", "length<1, loudness>-20", ""])) == 3


def test_a_query_that_is_no_sound_is_told(library, ask, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    write(tmp_path / "silent.wav", np.zeros(1000))
    for name, said in (
        ("text.wav", "not a sound file"),
        ("silent.wav", "silent"),
        ("none.wav", "no such file"),
    ):
        with pytest.raises(AudioFileError, match=said):
            ask(tmp_path / name)
    with pytest.raises(UsageError, match="at least 1"):
        ask(write(tmp_path / "good.wav", hit(1)), 0)


def test_libraries_that_are_not_there_or_empty(index, sounds, tmp_path):
    with pytest.raises(LibraryError, match=r"no library 'lib'; there are: none yet"):
        open_library("lib")
    (sounds / "text.wav").write_text("no sound")
    index()
    library = open_library("lib")
    query = query_of(write(tmp_path / "q.wav", hit(1)), model_of(library))
    assert library.find(query, 3) == []
    assert library.find(query, 3, parse_filter("class=kick,folder=x,length<1")) == []
    assert library.find(query, 3, weights=parse_weights("class=1,pitch=1")) == []


def test_a_library_of_one_sound_and_of_equal_ones(index, sounds, tmp_path):
    write(sounds / "a.wav", hit(1))
    index()
    library = open_library("lib")
    query = query_of(write(tmp_path / "q.wav", hit(2)), model_of(library))
    assert len(library.find(query, 3, weights=parse_weights("class=1,pitch=1,loudness=2"))) == 1


def test_the_model_must_be_the_one_that_it_was(index, sounds, bundle, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(bundle, own)
    fill(sounds, ["a.wav"])
    index(model=str(own))
    shutil.rmtree(own)
    with pytest.raises(LibraryError, match=r"is not in .*own any more"):
        model_of(open_library("lib"))


def test_what_is_removed_is_gone_and_sounds_stay(library, index, sounds, bundle):
    assert removing.forget_folder("lib", sounds / "kit1") == 6
    assert len(open_library("lib")) == 8
    with pytest.raises(LibraryError, match="has no model 'drums'; it has: tiny"):
        removing.remove("lib", "drums")
    removing.remove("lib", "tiny")
    assert places.libraries() == []
    assert len(list(sounds.rglob("*.wav"))) == 14


@pytest.mark.parametrize("name", ["", "../up", "a\0b", "x.sqlite", "-n"])
def test_names_that_are_none(name):
    if name == "../up":
        assert places.place(name).is_absolute()
        return
    with pytest.raises(LibraryError, match="give a name"):
        places.place(name)


@given(
    st.integers(1, 40), st.integers(1, 12), st.integers(0, 5), st.booleans(),
    st.floats(0.0, 1e4, allow_nan=False),
)  # fmt: skip
def test_distances_are_exact_wherever_the_points_are(rows, columns, seed, equal, far):
    """Also all points equal, few of them, and all of them far from the origin."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((rows, columns)).astype(np.float32) + np.float32(far)
    if equal:
        points[:] = points[0]
    aspects = {"latent": points, "class": np.zeros((rows, 0), np.float32), **scaled(np.ones((rows, 6)), 0.0)}
    space = Space(aspects, PLAIN, spreads(aspects))
    here = space.place({name: values[:1] for name, values in aspects.items()})
    assert np.isfinite(space.squares(here)).all()
    exact = np.linalg.norm(points.astype(np.float64) - points[0], axis=1)
    assert space.distances(np.arange(rows), here) == pytest.approx(exact, abs=1e-6 * (1 + far))
    weighted = Space(aspects, Weights(latent=0.0, loudness=1.0, pitch=2.0), spreads(aspects))
    assert np.isfinite(weighted.squares(weighted.points[0])).all()


@given(st.integers(1, 5000), st.integers(1, 60), st.integers(0, 9), st.floats(0.0, 1.0))
def test_the_smallest_are_among_those_that_are_taken(size, count, seed, share):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 1 + rng.integers(1, 10_000), size).astype(np.float32)
    values[rng.random(size) < share] = np.inf
    taken = nearest.smallest(values, count)
    wanted = np.sort(values[np.isfinite(values)])[:count]
    assert np.array_equal(np.sort(values[taken])[:count], wanted)
    assert len(set(taken.tolist())) == len(taken)


def test_a_point_as_a_query_keeps_the_point_whatever_its_sound_would_be(library, sounds, bundle):
    model = model_of(library)
    samples = audio_file.load(sounds / "kit1/kick0.wav", model.spec)
    point = library.latents[3] + np.float32(0.5)
    query = query_at(point, model, samples)
    by_file = query_of(sounds / "kit1/kick0.wav", model)
    assert np.array_equal(query.sound.latent, point)
    assert np.allclose(query.sound.probabilities, by_file.sound.probabilities)
    assert query.sound.descriptors.loudness_db == pytest.approx(by_file.sound.descriptors.loudness_db)
    assert names(library.find(query, 3)) == names(library.find(query_at(point), 3))
