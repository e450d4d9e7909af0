"""`ghostnote library map`: what it prints and writes, and one clear line for what cannot be."""

from __future__ import annotations

import csv
import json

import pytest

from ghostnote.library import indexing, sound_map
from librarykit import Inline
from soundfolders import fill


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def folder(tmp_path, bundle, command):
    """An indexed folder of six sounds."""
    fill(tmp_path / "sounds", [f"kick{k}.wav" for k in range(6)])
    assert command("index", tmp_path / "sounds", "--model", bundle, "--workers", "1").status == 0
    return tmp_path / "sounds"


def test_the_map_in_words(command, folder):
    first = command("library", "map")
    assert (first.status, first.err) == (0, "")
    assert first.out == "library default: 6 sounds on the map, 6 of them placed just now\n"
    assert "6 sounds on the map, 0 of them placed" in command("library", "map", "default").out


def test_the_map_as_an_array(command, folder):
    rows = json.loads(command("library", "map", "--json").out)
    assert [list(row) for row in rows] == [["file", "onset_s", "x", "y", "class"]] * 6
    assert sorted(row["file"] for row in rows) == [str(folder / f"kick{k}.wav") for k in range(6)]
    assert all(0.0 <= row["x"] <= 1.0 and 0.0 <= row["y"] <= 1.0 for row in rows)
    assert len({(row["x"], row["y"]) for row in rows}) == 6


def test_new_sounds_do_not_move_old_ones(command, folder):
    before = {row["file"]: row for row in json.loads(command("library", "map", "--json").out)}
    fill(folder, [f"snare{k}.wav" for k in range(4)], seed=50)
    assert command("index").status == 0
    now = {row["file"]: row for row in json.loads(command("library", "map", "--json").out)}
    assert len(now) == 10
    assert {file: now[file] for file in before} == before
    anew = {row["file"]: row for row in json.loads(command("library", "map", "--json", "--anew").out)}
    assert any(anew[file] != before[file] for file in before)


def test_the_map_as_files(command, folder, tmp_path):
    rows = json.loads(command("library", "map", "--json").out)
    for name in ("map.json", "map.CSV"):
        assert command("library", "map", "--out", tmp_path / name).out == "6 sounds were written.\n"
    assert json.loads((tmp_path / "map.json").read_text()) == rows
    assert command("library", "map", "--out", tmp_path / "map.html").status == 0
    assert "kick3.wav" in (tmp_path / "map.html").read_text(encoding="utf-8")
    with (tmp_path / "map.CSV").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["file"], float(row["x"])) for row in table] == [(row["file"], row["x"]) for row in rows]
    assert not list(tmp_path.glob(".*part"))


def test_a_map_that_misleads_is_said_to(command, folder, monkeypatch):
    assert command("library", "map").err == ""
    monkeypatch.setattr(sound_map.SoundMap, "worn", True)
    result = command("library", "map", "--json")
    assert "--anew draws it anew" in result.err
    assert len(json.loads(result.out)) == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["other"], "no library 'other'; there are: default"),
        (["--out", "x.pdf"], "end it in .html or .json or .csv"),
        (["--out", "{missing}/x.json"], "cannot be written (No such file or directory)"),
        (["--model", "nonesuch"], "no bundle of that name"),
        (["--out", "x.json", "--json"], "not allowed with argument"),
        (["--serve", "--json"], "not allowed with argument"),
        (["--port", "80"], "--port is for --serve"),
        (["--bind", "0.0.0.0", "--json"], "--bind is for --serve"),
        (["--serve", "--instrument", "0"], "ports are 1…65535"),
        (["--serve", "--port", "70000"], "ports are 0…65535"),
        (["--serve", "--bind", "here"], "is no address"),
        (["--serve", "--port", "0", "--model", "nonesuch"], "no bundle of that name"),
    ],
)
def test_what_cannot_be(command, folder, arguments, said):
    result = command("library", "map", *(a.format(missing=folder / "missing") for a in arguments))
    assert result.status == 2
    assert said in result.err
