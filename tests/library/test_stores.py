"""Every store that a library can be searched in gives the neighbours that the embedded exact scan gives."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ghostnote.decode.manifest import Manifest
from ghostnote.errors import UsageError
from ghostnote.library import approximate, copying, qdrant, quick
from ghostnote.library.aspects import parse_weights
from ghostnote.library.catalogue import Catalogue
from ghostnote.library.embedding import Sound
from ghostnote.library.filters import parse_filter
from ghostnote.library.qdrant import Server
from ghostnote.library.remote import open_remote
from ghostnote.library.search import Query, Searchable, open_library
from librarykit import made, write_made
from qdrantkit import Double, serving

SIZE = 400
STORES = {"exact": None, "faiss": "faiss", "memory": "qdrant_client", "http": "qdrant_client"}
QUERIES = (3, 44, 200, 901, 902, 903)


class Store:
    """One kind of store. `open` brings the library of a folder up to date in it, and opens it; `library` is
    one of `SIZE` contents, opened; `default` the same library, opened as it is where nothing is said."""

    def __init__(self, bundle: Path, folder: Path, server: Server | None, indexed: bool) -> None:
        self.bundle, self.manifest = bundle, Manifest.from_file(bundle / "model.json")
        self._server, self._indexed = server, indexed
        self.path = write_made(folder, bundle, self.manifest, range(SIZE))
        self.library, self.default = self.open(folder), open_library(folder, often=False)

    def open(self, folder: Path) -> Searchable:
        if self._server is not None:
            copying.copy(folder, self._server)
            return open_remote(folder, self._server)
        library = open_library(folder, often=self._indexed)
        if self._indexed and len(library):
            assert library.quick is not None
            assert library.quick.wait(60.0)
            assert library.quick.index is not None or len(library) < 10, library.quick.trouble
        return library

    def query(self, number: int) -> Query:
        """A sound of the library, or, from `SIZE` on, one that is not in it; some have no pitch."""
        (result,), _ = made([number], self.manifest)
        return Query(result.sounds[0], result.content if number < SIZE else None, "kick", 0.5)


@pytest.fixture(scope="module", params=STORES)
def store(request, bundle, tmp_path_factory) -> Iterator[Store]:
    needed = STORES[request.param]
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    folder = tmp_path_factory.mktemp("libraries") / "made"
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        server = None
        if request.param == "faiss":
            patch.setattr(quick, "FROM", 1)
            patch.setattr(approximate, "LEAST", 10)
        elif needed:
            patch.setattr(copying, "BATCH", 97)
            patch.setattr(qdrant, "PAGE", 150)
            url = ":memory:" if request.param == "memory" else stack.enter_context(serving(Double()))
            server = stack.enter_context(closing(Server(url)))
        yield Store(bundle, folder, server, request.param == "faiss")


def told(found) -> list[tuple[str, float, str]]:
    return [(n.file, round(n.onset_s, 6), n.class_name) for n in found]


def assert_same(store: Store, **more: object) -> None:
    """The same neighbours at the same distances; equally near ones in any order."""
    same(store, store.library, store.default, **more)


def same(store: Store, one: Searchable, other: Searchable, **more: object) -> None:
    met = 0
    for number in QUERIES:
        found, wanted = (library.find(store.query(number), **more) for library in (one, other))
        assert [n.distance for n in found] == pytest.approx([n.distance for n in wanted], rel=1e-3, abs=1e-3)
        nearer = {
            name
            for name, n in zip(told(wanted), wanted, strict=True)
            if n.distance < wanted[-1].distance - 2e-3
        }
        assert nearer <= set(told(found))
        met += len(found)
    assert met or "within" in more


@pytest.mark.parametrize("count", [1, 10, 100])
def test_the_same_neighbours(store, count):
    assert_same(store, count=count)


def test_all_of_them(store):
    assert_same(store, count=5000)
    sounds = sum(len(result.sounds) for result in made(range(SIZE), store.manifest)[0])
    assert len(store.library.find(store.query(901), 5000)) == sounds


@pytest.mark.parametrize(
    "text",
    [
        "class=kick", "class=kick|snare", "class!=kick", "class=nothing", "folder=kit1", "folder!=KIT1",
        "folder=drums/kit2", "folder=/other", "folder=/samples/drums,folder!=kit3", "folder=copies",
        "folder=nowhere", "folder!=nowhere", "length<0.5", "length<=0.1,loudness>-20", "pitch>0", "pitch<=0",
        "centroid>=4000", "attack<0.01", "noisiness>0.9", "onset>0.5", "onset>=0.7,class=snare,folder=kit0",
    ],
)  # fmt: skip
def test_filters(store, text):
    within = parse_filter(text)
    assert_same(store, within=within, count=7)
    found, wanted = (each.find(store.query(3), 5000, within) for each in (store.library, store.default))
    assert sorted(told(found)) == sorted(told(wanted)), "also which of the copies is named"


@pytest.mark.parametrize(
    "text",
    [
        "latent=4", "latent=0.5,loudness=1", "latent=0,pitch=1", "latent=1,class=2", "latent=0,class=1",
        "centroid=1,attack=2,length=0.5", "noisiness=3,pitch=2", "latent=0,loudness=1,length=1",
    ],
)  # fmt: skip
def test_weights(store, text):
    weights = parse_weights(text)
    assert_same(store, weights=weights)
    assert_same(store, weights=weights, within=parse_filter("folder=kit1,length<0.8"))


def test_neither_the_query_itself_nor_its_twins(store):
    for number in (9, 10, 12):  # the tenth has the sounds of the ninth
        found = store.library.find(store.query(number), 30)
        assert all(n.distance > 1e-3 for n in found)
        with_itself = store.library.find(store.query(number), 30, itself=True)
        twins = 1 if number == 12 else 2
        assert [n.distance < 1e-3 for n in with_itself[:3]] == [k < twins for k in range(3)]
    assert_same(store, itself=True)


def test_what_the_query_was_heard_with_is_left_out(store):
    """Of a recording that is in the library, the sounds that lie within what was heard of it."""
    number = 44  # three sounds, at 0, 0.7 and 1.4 s
    for span_s, expected in ((0.5, [0.7, 1.4]), (1.0, [1.4]), (3.0, [])):
        asked = replace(store.query(number), span_s=span_s)
        found = store.library.find(asked, 5000)
        own = sorted(n.onset_s for n in found if Path(n.file).stem.endswith(f"_e{number}"))
        assert own == pytest.approx(expected)


def test_copies_are_one_answer(store):
    found = store.library.find(store.query(901), 5000)
    assert len(set(told(found))) == len(found)
    files = [Path(n.file).name for n in found]
    assert max(files.count(name) for name in files) <= 3, "as often as it has sounds"


def test_additions_deletions_and_moves(store, tmp_path):
    folder = tmp_path / "changing"
    path = write_made(folder, store.bundle, store.manifest, range(200))
    store.open(folder)
    write_made(folder, store.bundle, store.manifest, range(200, 260))
    _, files = made(range(100, 180), store.manifest)
    with closing(Catalogue(path)) as writing:
        moved = [(name.replace(b"Drums", b"moved"), content, mark) for name, content, mark in files[60:]]
        writing.put([], moved, store.manifest.classes)
        writing.remove(name for name, _, _ in files)
    library, default = store.open(folder), open_library(folder, often=False)
    same(store, library, default)
    found, wanted = (sorted(told(each.find(store.query(901), 5000))) for each in (library, default))
    assert found == wanted
    assert len(library.find(store.query(901), 5000, parse_filter("folder=moved"))) > 20


def test_an_empty_library(store, tmp_path):
    folder = tmp_path / "empty"
    write_made(folder, store.bundle, store.manifest, [])
    library = store.open(folder)
    assert library.find(store.query(901), 3) == []
    for text in ("class=kick", "folder!=x,length<1"):
        assert library.find(store.query(901), 3, parse_filter(text), parse_weights("class=1,pitch=1")) == []


def test_wrong_questions_are_told(store):
    with pytest.raises(UsageError, match="at least 1"):
        store.library.find(store.query(901), 0)
    sound = store.query(901).sound
    with pytest.raises(UsageError, match="dimensions; the library has"):
        store.library.find(Query(Sound(0.0, sound.latent[:-1], sound.probabilities, sound.descriptors)))


def test_names_that_are_no_text_come_back(store):
    found = store.library.find(store.query(901), 5000)
    assert sum("\udcff\udcfe" in n.file for n in found) > SIZE // 6


def test_distances_are_those_of_the_points_themselves(store):
    """Not of what an index rounds them to."""
    asked = store.query(902)
    for neighbour in store.library.find(asked, 5):
        number = int("".join(c for c in Path(neighbour.file).stem.split("_")[1] if c.isdigit()))
        (result,), _ = made([number], store.manifest)
        sound = result.sounds[round(neighbour.onset_s / 0.7)]
        exact = np.linalg.norm(sound.latent.astype(np.float64) - asked.sound.latent)
        assert neighbour.distance == pytest.approx(exact, rel=1e-5)
