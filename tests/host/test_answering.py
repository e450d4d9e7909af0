"""The finder's answers: neighbours of files and points, and a code and a line for whatever is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import build_bundle
from ghostnote.decode.manifest import Manifest
from ghostnote.decode.model import load
from ghostnote.features.spec import FeatureSpec
from ghostnote.host import answering as module
from ghostnote.host.answering import Finder
from ghostnote.library import indexing
from ghostnote.library.indexing import IndexOptions
from ghostnote.library.search import open_library, query_of
from librarykit import Inline
from soundfolders import fill, hit, recording, write


class Pipe:
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[dict] = []

    def send(self, message: dict) -> None:
        self.sent.append(message)


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    return build_bundle(folder, spec=FeatureSpec(frames=86))  # half a second, to be quick


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)
    module._model.cache_clear()


@pytest.fixture
def sounds(tmp_path, short) -> Path:
    fill(tmp_path / "sounds", ["kick1.wav", "kick2.wav", "snare1.wav", "snare2.wav"])
    indexing.index([tmp_path / "sounds"], "lib", IndexOptions(str(short)))
    return tmp_path / "sounds"


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def ask(pipe, short):
    """Ask one question; its answer."""
    finder = Finder("lib", pipe)

    def answer(**question) -> dict:
        digest = Manifest.from_file(short / "model.json").digest
        usual = {"id": "1", "model": str(short), "digest": digest, "n": 10, "within": "", "weights": ""}
        finder.answer({**usual, **question})
        return pipe.sent.pop()

    return answer


def test_a_file_has_the_neighbours_that_a_search_finds(ask, sounds, short, tmp_path):
    query = write(tmp_path / "q.wav", hit(50))
    answer = ask(file=str(query), n=3)
    library = open_library("lib")
    wanted = library.find(query_of(query, load(short)), 3)
    assert (answer["type"], answer["id"]) == ("found", "1")
    assert [row[:4] for row in answer["neighbours"]] == [
        [n.file, n.onset_s, n.distance, n.class_name] for n in wanted
    ]
    assert {row[4] for row in answer["neighbours"]} == {0.0}, "each is a whole file"


def test_a_point_is_not_its_own_neighbour(ask, sounds):
    library = open_library("lib")
    point = library.latents[library.files().index(str(sounds / "kick1.wav"))]
    answer = ask(point=[float(x) for x in point])
    assert sorted(Path(row[0]).name for row in answer["neighbours"]) == [
        "kick2.wav",
        "snare1.wav",
        "snare2.wav",
    ]


def test_how_a_point_sounds_counts_where_it_should(ask, sounds, short):
    """By loudness alone, the nearest is the one whose loudness is nearest to that of the point's sound."""
    point = load(short).encode(np.full((86, 513), 0.01, dtype=np.float32))
    numbers = [float(x) for x in point]
    by_latent = ask(point=numbers)
    by_loudness = ask(point=numbers, weights="latent=0,loudness=1")
    assert len(by_latent["neighbours"]) == len(by_loudness["neighbours"]) == 4
    library = open_library("lib")
    levels = dict(zip(library.files(), library.rows.column("loudness_db").tolist(), strict=True))
    ranked = [levels[row[0]] for row in by_loudness["neighbours"]]
    assert ranked in (sorted(ranked), sorted(ranked, reverse=True)), (
        "the point is louder, or softer, than all"
    )


def test_sounds_of_recordings_come_with_their_length(ask, short, tmp_path):
    write(tmp_path / "long" / "long.wav", recording(3))
    indexing.index([tmp_path / "long"], "lib", IndexOptions(str(short), segment=True))
    answer = ask(file=str(write(tmp_path / "q.wav", hit(50))))
    assert len(answer["neighbours"]) == 3
    assert all(0.02 < row[4] < 0.6 for row in answer["neighbours"])


@pytest.mark.parametrize(
    ("question", "code", "text"),
    [
        ({"point": [0.0] * 64, "within": "kind=kick"}, "range", "kind"),
        ({"point": [0.0] * 64, "weights": "latent=x"}, "range", "needs a number"),
        ({"point": [0.0] * 64, "weights": "latent=0"}, "range", "all weights are 0"),
        ({"point": [0.0] * 64, "n": 0}, "range", "at least 1"),
        ({"point": [0.0] * 63}, "range", "a point of 63 numbers; the model takes 64"),
        ({"point": [0.0] * 64, "weights": "loudness=1", "detail": "x"}, "range", "not a detail"),
        ({"file": "/no/such.wav"}, "io", "no such file"),
        ({"point": [0.0] * 64, "digest": "0" * 64}, "io", "was changed on disk"),
        ({"point": [0.0] * 64, "model": "/no/such/model"}, "io", "/no/such/model"),
        ({"n": 3}, "internal", "the search failed"),
    ],
)
def test_what_is_wrong_is_said(ask, sounds, question, code, text):
    answer = ask(**question)
    assert answer["code"] == code
    assert text in answer["text"]
    assert "neighbours" not in answer


def test_no_library_and_one_of_another_model(ask, tmp_path, short):
    answer = ask(point=[0.0] * 64)
    assert (answer["code"], "there is no library 'lib'" in answer["text"]) == ("not_found", True)
    other = build_bundle(tmp_path / "other", seed=9, name="other", spec=FeatureSpec(frames=86))
    write(tmp_path / "one" / "a.wav", hit(1))
    indexing.index([tmp_path / "one"], "lib", IndexOptions(str(other)))
    answer = ask(point=[0.0] * 64)
    assert answer["code"] == "not_found"
    assert "was not indexed by model tiny as it is now (it has: other)" in answer["text"]
    assert "ghostnote index --model tiny" in answer["text"]


def test_a_library_without_sounds_has_no_neighbours(ask, sounds):
    for path in sounds.iterdir():
        path.unlink()
    write(sounds / "text.txt", hit(1), format="WAV")
    indexing.index([], "lib", IndexOptions(None))
    answer = ask(point=[0.0] * 64, within="class=kick,length>9")
    assert answer["neighbours"] == []


def test_a_library_is_opened_ahead_or_its_lack_is_told(pipe, short, sounds):
    Finder("lib", pipe).open(str(short))
    Finder("nothing", pipe).open(str(short))
    opened, trouble = pipe.sent
    assert opened == {"type": "opened", "sounds": 4}
    assert "nothing can be searched for yet: there is no library 'nothing'" in trouble["text"]


def test_what_a_point_came_from_is_no_answer(ask, sounds):
    library = open_library("lib")
    point = [float(x) + 1e-3 for x in library.latents[library.files().index(str(sounds / "kick1.wav"))]]
    (nearest, *_), *_ = ask(point=point, n=1)["neighbours"]
    assert Path(nearest).name == "kick1.wav"
    found = ask(point=point, n=3, but=[nearest, 0.001])["neighbours"]
    assert sorted(Path(row[0]).name for row in found) == ["kick2.wav", "snare1.wav", "snare2.wav"]
    assert len(ask(point=point, n=4, but=[nearest, 5.0])["neighbours"]) == 4, "another sound of that file"
