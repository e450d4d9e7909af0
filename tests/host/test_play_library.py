"""The library while playing: a finder beside a real instrument, asked over OSC, killed, replaced."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ghostnote.library import indexing, places, removing
from ghostnote.library.indexing import IndexOptions
from librarykit import Inline
from playing import PATIENCE_S, Playing, environment, wait_for
from soundfolders import fill, hit, write

NAMES = ["kick1.wav", "kick2.wav", "snare1.wav", "tom1.wav", "clap1.wav"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def sounds(tmp_path) -> Path:
    fill(tmp_path / "sounds", NAMES)
    return tmp_path / "sounds"


@pytest.fixture
def index(bundle, sounds):
    return lambda library=places.DEFAULT: indexing.index([sounds], library, IndexOptions(str(bundle)))


def conversation(performance: Playing, addr: str, *args) -> list[tuple[str, tuple]]:
    """A command, and all that is said of it until it is done or refused."""
    performance.send(addr, *args)
    said: list[tuple[str, tuple]] = []
    for name, values in performance._heard(PATIENCE_S):
        said.append((name.removeprefix("/gn/"), values))
        if name in ("/gn/done", "/gn/error"):
            return said
    pytest.fail(f"nothing came of {addr}; so far {said}")


def found(said) -> list[str]:
    return [Path(values[1]).name for name, values in said if name == "library/neighbour"]


def refused(said) -> tuple[str, str]:
    (name, (_, code, text, _)) = said[-1]
    assert name == "error", said
    return code, text


def test_neighbours_of_what_plays_come_back_to_who_asks(play, index, sounds):
    index()
    performance = play()
    assert [child for child in performance.process.children() if "finder" in " ".join(child.cmdline())] == []
    said = conversation(performance, "library/similar", "a", 3, "", "", 7)
    assert [name for name, _ in said] == [*["library/neighbour"] * 3, "library/found", "done"]
    ranks, files, onsets, distances, classes, requests = zip(*(v for n, v in said[:3]), strict=True)
    assert ranks == (1, 2, 3)
    assert all(Path(file).parent == sounds for file in files)
    assert list(distances) == sorted(distances)
    assert all(isinstance(onset, float) for onset in onsets)
    assert all(isinstance(kind, str) for kind in classes)
    assert set(requests) == {7}
    assert said[3][1] == (3, 7)
    assert said[4][1][:2] == ("/gn/library/similar", 7)
    only = conversation(performance, "library/similar", str(sounds / "kick1.wav"), 9, "class=kick")
    assert found(only) == ["kick2.wav"]
    assert performance.end() == 0
    assert performance.survivors() == []


def test_what_becomes_of_it_is_logged_and_played_again_without_a_library(
    play, index, sounds, tmp_path, bundle
):
    index("lib")
    performance = play("--library", "lib")
    performance.wait_until_said("library lib: 5 sounds")
    conversation(performance, "slot/b/similar", str(sounds / "kick1.wav"), 2)
    assert performance.ask("slot/b/origin") in NAMES
    first = conversation(performance, "part1/similar")[-1]
    second = conversation(performance, "part1/similar", 1)[-1]
    assert (first[0], second[0]) == ("done", "done")
    assert (first[1][2][0], second[1][2][0]) == ("1", "2")
    performance.sync()
    origin = performance.ask("slot/a/origin")
    assert origin in second[1][2]
    performance.send("part1/hit", 1.0)
    performance.sync()
    performance.wait_for_line("part1/hit")
    assert performance.end() == 0
    logged = performance.logged()
    assert not [addr for addr, _ in logged if addr.endswith("/similar")]
    assert [args[1] for addr, args in logged if addr == "/gn/slot/a/point"][-1] == origin
    removing.remove("lib")
    for name in NAMES:
        (sounds / name).unlink()
    out = tmp_path / "again.wav"
    command = [sys.executable, "-m", "ghostnote", "render", str(performance.log), "--out", str(out)]
    subprocess.run([*command, "--model", str(bundle)], env=environment(), check=True, timeout=PATIENCE_S)
    assert np.abs(soundfile.read(out)[0]).max() > 0.0


def test_a_finder_that_is_killed_is_replaced_and_the_sound_goes_on(play, index):
    index()
    performance = play()
    core = performance.child("core").pid
    assert found(conversation(performance, "library/similar", "a", 2))
    performance.child("finder").kill()
    performance.wait_for_complaint("the finder ended.*starting it again; the sound goes on")
    wait_for(lambda: found(conversation(performance, "library/similar", "a", 2)), "neighbours again")
    assert performance.child("core").pid == core
    assert performance.ask("status/state") in ("ok", "degraded")


def test_a_question_that_dies_with_the_finder_is_answered(play, index):
    index()
    performance = play()
    assert found(conversation(performance, "library/similar", "a", 2))
    finder = performance.child("finder")
    finder.send_signal(signal.SIGSTOP)
    performance.send("library/similar", "a", 2, "", "", 5)
    performance.send("slot/c/similar", "a", 1, "", "", 6)
    performance.ask("status/uptime")  # both are on their way
    finder.kill()
    refusals = {}
    for name, values in performance._heard(PATIENCE_S):
        if name == "/gn/error":
            refusals[values[3]] = values[:3]
            if len(refusals) == 2:
                break
    assert {code for _, code, _ in refusals.values()} == {"busy"}
    assert refusals.keys() == {5, 6}
    assert "ask again" in refusals[5][2]
    wait_for(lambda: found(conversation(performance, "library/similar", "a", 2)), "neighbours again")


def test_a_library_comes_grows_and_goes_while_it_is_played(play, index, sounds):
    performance = play()
    code, text = refused(conversation(performance, "library/similar", "a"))
    assert (code, "there is no library 'default'" in text) == ("not_found", True)
    index()
    assert len(found(conversation(performance, "library/similar", "a"))) == 5
    write(sounds / "new.wav", hit(77))
    index()
    wait_for(lambda: "new.wav" in found(conversation(performance, "library/similar", "a")), "what was added")
    removing.remove(places.DEFAULT)
    code, text = refused(conversation(performance, "slot/b/similar", "a"))
    assert (code, "there is no library 'default'" in text) == ("not_found", True)
    assert performance.ask("status/state") in ("ok", "degraded")


def test_a_library_that_is_not_there_is_told_at_the_start_and_the_instrument_plays(play):
    performance = play("--library", "nothing")
    performance.wait_for_complaint("nothing can be searched for yet: there is no library 'nothing'")
    assert performance.ask("status/voices") == 0


def test_a_text_that_is_no_library_is_one_line(play):
    performance = play("--library", "no:library", ready=False)
    assert performance.process.wait(PATIENCE_S) == 2
    assert "give a name" in performance.complained
    assert len(performance.complained.splitlines()) == 1


def test_a_new_core_asks_the_same_finder(play, index):
    index()
    performance = play()
    assert found(conversation(performance, "library/similar", "a", 2))
    finder = performance.child("finder").pid
    performance.child("core").kill()
    performance.wait_for_complaint("the core ended")
    performance.sync()
    assert found(conversation(performance, "library/similar", "a", 2))
    assert performance.child("finder").pid == finder
