"""`ghostnote index`, `similar` and `library`: what they print, and one clear line for what cannot be."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

from ghostnote.library import indexing
from librarykit import Inline
from soundfolders import fill, hit, write


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def folder(tmp_path, bundle, command):
    """An indexed folder: four sounds and a text."""
    fill(tmp_path / "sounds", ["kick1.wav", "kick2.wav", "deep/snare1.wav", "ü/snare2.wav"])
    (tmp_path / "sounds" / "text.wav").write_text("no sound")
    assert command("index", tmp_path / "sounds", "--model", bundle, "--workers", "1").status == 0
    return tmp_path / "sounds"


def test_index_as_an_object(command, folder):
    result = command("index", "--json")
    said = json.loads(result.out)
    assert result.status == 0
    assert {k: said[k] for k in ("files", "segments", "failed", "added", "library")} == {
        "files": 4, "segments": 4, "failed": 1, "added": 0, "library": "default",
    }  # fmt: skip
    assert said["seconds"] >= 0.0
    assert said["failures"][0]["file"] == str(folder / "text.wav")


def test_index_in_words(command, folder):
    result = command("index", folder)
    assert "4 files, 4 sounds, 1 failed; 0 new" in result.out
    assert "text.wav: not a sound file" in result.err


def test_similar_as_an_array(command, folder, tmp_path):
    query = write(tmp_path / "q.wav", hit(70))
    result = command("similar", query, "-n", "3", "--json")
    rows = json.loads(result.out)
    assert result.status == 0
    assert [list(row) for row in rows] == [["file", "onset_s", "distance", "class"]] * 3
    assert sorted(row["distance"] for row in rows) == [row["distance"] for row in rows]
    within = command("similar", query, "--json", "--within", "folder=deep", "--weights", "latent=1,pitch=0.5")
    assert [row["file"] for row in json.loads(within.out)] == [str(folder / "deep/snare1.wav")]


def test_similar_in_words_leaves_the_query_out(command, folder):
    result = command("similar", folder / "kick1.wav")
    assert len(result.out.splitlines()) == 3
    assert "kick1" not in result.out
    assert "kick1" in command("similar", folder / "kick1.wav", "--itself").out.splitlines()[0]
    assert "Nothing" in command("similar", folder / "kick1.wav", "--within", "length>1").out


def test_a_library_in_a_folder(command, folder, bundle, tmp_path):
    place = tmp_path / "here" / "lib"
    assert command("index", folder, "--library", place, "--model", bundle).status == 0
    assert len(command("similar", folder / "kick1.wav", "--library", place).out.splitlines()) == 3
    assert "default:" in command("library", "list").out
    assert str(place) not in command("library", "list").out


def test_list_status_and_verify(command, folder):
    (row,) = json.loads(command("library", "list", "--json").out)
    assert (row["library"], row["model"], row["files"], row["segments"]) == ("default", "tiny", 4, 4)
    assert (row["failed"], row["quarantined"], row["current"], row["segmented"]) == (1, 0, True, False)
    assert row["folders"] == [str(folder)]
    said = command("library", "status").out
    assert "failed: " in said
    assert "text.wav" in said
    assert command("library", "verify").status == 0
    write(folder / "kick1.wav", hit(40))
    (folder / "kick2.wav").unlink()
    found = command("library", "verify", "--json")
    assert found.status == 1
    assert len(json.loads(found.out)) == 2


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npz"])
def test_export(command, folder, tmp_path, suffix):
    out = tmp_path / f"out.{suffix}"
    assert "4 sounds" in command("library", "export", "--out", out).out
    if suffix == "npz":
        with np.load(out) as arrays:
            assert arrays["latent"].shape == (4, 64)
            assert {p.decode() for p in arrays["path"].tolist()} >= {str(folder / "ü/snare2.wav")}
    elif suffix == "csv":
        rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
        assert {row["file"] for row in rows} >= {str(folder / "ü/snare2.wav")}
        assert len(rows[0]) == 3 + 6 + 64
    else:
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert len(rows) == 4
        assert len(rows[0]["latent"]) == 64


def test_remove(command, folder):
    assert "1 files" in command("library", "remove", "--folder", folder / "deep").out
    assert command("library", "remove").status == 0
    assert "No libraries yet" in command("library", "list").out
    assert (folder / "kick1.wav").exists()


def test_names_that_are_no_text_are_printed(command, folder, tmp_path):
    raw = folder / b"\xffodd.wav".decode("utf-8", "surrogateescape")
    try:
        shutil.copy(folder / "kick1.wav", raw)
        (folder / b"\xfebad.wav".decode("utf-8", "surrogateescape")).write_text("no sound")
    except OSError:
        pytest.skip("this file system takes no names that are no text")
    write(folder / "other.wav", hit(41)).replace(raw)
    assert command("index").status == 0
    rows = json.loads(command("similar", folder / "kick1.wav", "--json").out)
    assert str(raw) in [row["file"] for row in rows]
    assert command("similar", folder / "kick1.wav").status == 0
    assert command("library", "status").status == 0
    assert command("library", "export", "--out", tmp_path / "out.csv").status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["index", "{missing}"], "no such folder"),
        (["index", "{text}"], "is a file; give the folder"),
        (["index", "--library", "new"], "no folder was indexed yet"),
        (["index", "{sounds}", "--workers", "0"], "from 1 to 256"),
        (["index", "{sounds}", "--library", "x", "--model", "nonesuch"], "no bundle of that name"),
        (["index", "{sounds}", "--segment"], "indexed without --segment"),
        (["index", "{sounds}", "--library", ""], "give a name"),
        (["index", "{sounds}", "--ray-address", "host:6379"], "goes with --engine ray"),
        (["index", "{sounds}", "--engine", "ray", "--ray-address", "host"], "give the head as HOST:PORT"),
        (["index", "nonesuch://bucket/x"], "fsspec knows no nonesuch://"),
        (["index", "{sounds}", "--shards", "{sounds}/kick1.wav"], "results cannot be kept there"),
        (["similar", "file://{missing}"], "cannot be read (it is not there)"),
        (["similar", "{text}"], "not a sound file"),
        (["similar", "{missing}"], "no such file"),
        (["similar", "{sounds}/kick1.wav", "--library", "other"], "no library 'other'; there are: default"),
        (["similar", "{sounds}/kick1.wav", "--weights", "a=1"], "no aspect 'a'"),
        (["similar", "{sounds}/kick1.wav", "--within", "a=1"], "cannot be filtered by"),
        (["similar", "{sounds}/kick1.wav", "-n", "0"], "at least 1"),
        (["library", "status", "other"], "no library 'other'"),
        (["library", "export", "--out", "x.pdf"], "end it in .csv"),
        (["library", "remove", "--model", "other"], "it has: tiny"),
    ],
)
def test_what_cannot_be_is_one_line(command, folder, arguments, said):
    places = {"missing": folder / "missing", "text": folder / "text.wav", "sounds": folder}
    result = command(*(a.format(**places) for a in arguments))
    assert result.status == 2
    assert said in result.err
    assert len(result.err.strip().splitlines()) == 1
