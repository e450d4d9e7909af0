"""`--store qdrant --url …` of `index`, `similar` and `library remove`, and the quick index in words."""

from __future__ import annotations

import functools
import json

import pytest

from ghostnote.library import indexing, qdrant, quick, search
from librarykit import Inline
from qdrantkit import Double, serving
from soundfolders import fill, hit, write


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)
    monkeypatch.setattr(qdrant, "_in_memory", functools.cache(qdrant._in_memory.__wrapped__))


@pytest.fixture
def sounds(tmp_path):
    fill(tmp_path / "sounds", ["kick1.wav", "kick2.wav", "deep/snare1.wav", "ü/snare2.wav"])
    return tmp_path / "sounds"


@pytest.fixture
def copied(command, sounds, bundle):
    pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    first = ("index", sounds, "--model", bundle, "--workers", "1", "--store", "qdrant", "--url", ":memory:")
    return command(*first)


def test_index_and_similar_with_a_store(command, copied, sounds, tmp_path):
    assert copied.status == 0
    assert "copy ghostnote-default-" in copied.out
    assert ": 4 sounds; 5 points sent, 0 deleted" in copied.out
    query = write(tmp_path / "q.wav", hit(70))
    asked = ("similar", query, "-n", "3", "--json")
    there = json.loads(command(*asked, "--store", "qdrant", "--url", ":memory:").out)
    here = json.loads(command(*asked).out)
    assert [row["file"] for row in there] == [row["file"] for row in here]
    assert [row["distance"] for row in there] == pytest.approx([row["distance"] for row in here], rel=1e-4)
    (sounds / "kick1.wav").unlink()
    said = json.loads(command("index", "--json", "--store", "qdrant", "--url", ":memory:").out)
    assert {k: said["copy"][k] for k in ("sounds", "sent", "deleted")} == {
        "sounds": 3, "sent": 0, "deleted": 1,
    }  # fmt: skip
    assert "copy" not in json.loads(command("index", "--json").out)


def test_a_copy_is_removed(command, copied):
    assert copied.status == 0
    result = command("library", "remove", "--store", "qdrant", "--url", ":memory:")
    assert result.out.startswith("Removed ghostnote-default-")
    again = command("library", "remove", "--store", "qdrant", "--url", ":memory:")
    assert (again.status, "there is no copy of library 'default'" in again.err) == (2, True)
    assert "4 sounds" in command("library", "status").out, "the library itself stays"


def test_over_the_wire(command, sounds, bundle, tmp_path):
    pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    double = Double()
    with serving(double) as url:
        store = ("--store", "qdrant", "--url", url)
        assert command("index", sounds, "--model", bundle, "--workers", "1", *store).status == 0
        assert len(command("similar", sounds / "kick1.wav", *store).out.splitlines()) == 3
    result = command("similar", sounds / "kick1.wav", *store)
    assert (result.status, result.out) == (2, "")
    assert "no Qdrant server can be reached there" in result.err


def test_a_server_is_asked_before_anything_is_indexed(command, sounds, make_free_port):
    pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    url = f"http://127.0.0.1:{make_free_port()}"
    result = command("index", sounds, "--store", "qdrant", "--url", url)
    assert result.status == 2
    assert "there is no library 'default'" in command("library", "status").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "qdrant"], "--store qdrant needs --url"),
        (["--url", "http://localhost:6333"], "--url is for --store qdrant"),
        (["--store", "qdrant", "--url", "localhost"], "give the address of a Qdrant server"),
    ],
)
@pytest.mark.parametrize("what", [["index", "x"], ["similar", "x"], ["library", "remove", "x"]])
def test_wrong_options_are_told(command, arguments, said, what):
    pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    result = command(*what, *arguments)
    assert result.status == 2
    assert said in result.err


def test_a_copy_forgets_no_folder_by_itself(command, copied):
    result = command("library", "remove", "--folder", "x", "--store", "qdrant", "--url", ":memory:")
    assert (result.status, "when the library is indexed again" in result.err) == (2, True)


def test_a_missing_quick_index_is_told(command, sounds, bundle, monkeypatch):
    monkeypatch.setattr(quick, "wanted", lambda rows: True)
    monkeypatch.setattr(indexing, "renew_quick", lambda path: f"{path}: no space")
    result = command("index", sounds, "--model", bundle, "--workers", "1")
    assert result.status == 0
    assert "searches take longer than they might: " in result.err
    assert ": no space" in result.err
    assert callable(search.renew_quick)
