"""What a question is about, and who waits for which answer."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from bundles import build_bundle
from core.enginekit import Bench
from ghostnote.core import model_change
from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.decode.model import load
from ghostnote.errors import MessageError
from ghostnote.features.detail import Detail
from ghostnote.host import finding
from ghostnote.host.finding import FinderLine, question_about
from soundfolders import hit, write


@pytest.fixture
def bench(bundle) -> Bench:
    made = Bench(load(bundle))
    made.quanta(2)
    return made


@pytest.fixture
def about(bench, tmp_path):
    return lambda name, source="": question_about(bench.engine, name, source, tmp_path / "heard")


def test_a_slot_is_its_point_in_the_main_model(bench, about, bundle):
    bench.now("slot/c/random", 5)
    bench.quanta(1)
    question = about("c")
    assert np.array_equal(np.float32(question["point"]), bench.engine.slots.get("c").z)
    assert question["model"] == str(bundle)
    assert question["digest"] == bench.engine.model.manifest.digest
    assert question["detail"] == ""


def test_a_part_is_what_it_plays_with_its_axes_and_by_its_model(bench, about, tmp_path):
    other = load(build_bundle(tmp_path / "other", name="other", latent_size=8))
    model_change.add(bench.engine, other, DecodeTiming(8, 2))
    bench.now("part2/axis/d1", 1.5)
    bench.now("part3/model", "other")
    bench.quanta(2)
    question = about("part2")
    assert np.array_equal(np.float32(question["point"]), bench.engine.parts[2].point)
    assert not np.array_equal(np.float32(question["point"]), bench.engine.slots.get("b").z)
    question = about("part3")
    assert (len(question["point"]), question["digest"]) == (8, other.manifest.digest)


def test_the_detail_of_what_a_part_plays_goes_with_it(bench, about, bundle):
    model = load(bundle)
    _, detail = model.capture(np.full((model.spec.frames, model.spec.bins), 0.01, dtype=np.float32))
    bench.now("slot/a/detail", "tiny", detail.text)
    bench.quanta(2)
    assert Detail.of_text(about("part1")["detail"], model.spec) == detail
    assert about("a")["detail"] == about("part1")["detail"]


def test_what_was_heard_last_is_its_file(about, tmp_path):
    with pytest.raises(MessageError, match="no sound was heard yet"):
        about("heard")
    for name in ("00000001-kick", "00000002-snare"):
        write(tmp_path / "heard" / f"{name}.wav", hit(1))
    assert about("heard")["file"] == str(tmp_path / "heard" / "00000002-snare.wav")


def test_a_file_is_a_file_for_who_is_here(about, tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", hit(1))
    assert about(str(path), "osc:127.0.0.1:5000")["file"] == str(path)
    monkeypatch.chdir(tmp_path)
    assert about("a.wav")["file"] == str(path)
    with pytest.raises(MessageError, match="on this computer only"):
        about(str(path), "osc:10.0.0.7:5000")
    assert "point" in about("a", "osc:10.0.0.7:5000")


def test_an_empty_slot_and_a_word_that_means_nothing(bench, about):
    bench.now("slot/h/clear")
    bench.quanta(1)
    with pytest.raises(MessageError, match="slot h is empty"):
        about("h")
    for name in ("part9", "z", "", "x" * 5000, "nul\0"):
        with pytest.raises(MessageError, match="no such file; name a slot"):
            about(name)


def test_each_answer_goes_to_who_waits_for_it():
    sent: list[dict] = []
    line = FinderLine(sent.append)
    got: list[str] = []
    line.ask({"n": 1}, lambda answer: got.append("first"))
    line.ask({"n": 2}, lambda answer: got.append("second"))
    assert [message["n"] for message in sent] == [1, 2]
    assert {message["type"] for message in sent} == {"find"}
    line.told({"id": sent[1]["id"]})
    line.told({"id": sent[1]["id"]})
    line.told({"id": "another core's"})
    line.told({"id": sent[0]["id"]})
    assert got == ["second", "first"]


def test_who_waits_is_told_what_is_wrong_and_does_not_wait_for_ever():
    line = FinderLine(lambda question: None)
    with pytest.raises(MessageError, match="no neighbours were found within") as late:
        line.neighbours({}, limit_s=0.01)
    assert late.value.code == "busy"

    def refuse(question):
        answer = {"id": question["id"], "code": "not_found", "text": "there is no library"}
        threading.Thread(target=lambda: refusing.told(answer)).start()

    refusing = FinderLine(refuse)
    with pytest.raises(MessageError, match="there is no library") as gone:
        refusing.neighbours({})
    assert gone.value.code == "not_found"


def test_too_many_questions_at_once_are_refused(monkeypatch):
    monkeypatch.setattr(finding, "MAX_WAITING", 2)
    line = FinderLine(lambda question: None)
    for _ in range(2):
        line.ask({}, lambda answer: None)
    with pytest.raises(MessageError, match="too much is being searched for"):
        line.ask({}, lambda answer: None)
