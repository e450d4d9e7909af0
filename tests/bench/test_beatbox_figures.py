"""Figures of beatbox: what is made of messages and logs, and the section at a real port for a moment."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from features.onsetkit import hit
from ghostnote.bench import beatbox, beatbox_live, sections
from ghostnote.bench.beatbox_live import Played, fill, learnt
from ghostnote.bench.beatbox_shares import CONFIDENCES, Heard, false_hits, outcomes, shares
from ghostnote.bench.ears_accuracy import Known
from ghostnote.bench.options import BenchOptions
from ghostnote.decode.model import load
from ghostnote.ears.sounds import Answer, Question
from ghostnote.ears.thinker import Thinker

RATE = 44_100


def test_a_hit_and_the_number_of_a_sound_are_found_by_their_times():
    told = [
        (10.2, 10.0, "/gn/in/onset", (4, 2.0)),
        (10.04, 10.05, "/gn/out/hit", (3, "kick", 0.9, 0)),
        (10.09, 10.1, "/gn/out/hit", (5, "kick", 0.9, 0)),
        (11.05, 11.06, "/gn/out/hit", (6, "kick", 0.9, 0)),
    ]
    one, other, none = Played(0, 10.0), Played(0, 10.98), Played(0, 12.0)
    for played in (one, other, none):
        fill(played, told, {4: 2})
    assert (one.part, one.learnt, one.first) == (3, 2, True)
    assert one.told_s == pytest.approx(0.04)
    assert (other.part, other.learnt, other.first) == (6, 0, False)
    assert (none.part, none.first) == (0, False)


def test_what_learnt_a_sound_is_in_the_log(tmp_path):
    lines = [
        {"t": 1.0, "addr": "/gn/slot/b/point", "args": ["tiny", "kick 7", 0.5]},
        {"t": 1.0, "addr": "/gn/slot/c/point", "args": ["tiny", "a file.wav", 0.5]},
        {"t": 2.0, "addr": "/gn/part1/hit", "args": [0.5]},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"addr": "/gn/slot/d/point')
    assert learnt(log) == {7: 2}


def test_shares_add_up():
    found = [
        Played(0, 0.0, 1, 1, 0.04),
        Played(0, 0.0, 1, 1, 0.09),
        Played(0, 0.0, 2, 0, 0.04),
        Played(1, 0.0),
    ]
    row = beatbox.row("x", found, (1, 2))
    assert row["n"] == 4
    assert row["right part after 30 ms"] == 0.25
    assert row["right part"] == 0.5
    assert row["wrong part"] == row["none"] == 0.25
    assert (row["learnt by the right part"], row["by a wrong one"]) == (0.5, 0.0)


def test_what_the_rules_make_of_answers_without_a_clock():
    def said(number: int, age_s: float, final: bool, *p: float):
        question = Question(number, RATE * number, 0, 8, final, np.zeros(1, dtype=np.float32), age_s)
        label, best = "", float(max(p))
        return question, Answer(number, question.at, age_s, 0, label, best, np.array(p), final)

    heard = Heard(
        {1: RATE, 2: 2 * RATE, 3: 3 * RATE},
        [
            *(said(1, 0.03, False, 0.9, 0.1), said(1, 0.5, True, 0.2, 0.8)),
            *(said(2, 0.03, False, 0.5, 0.5), said(2, 0.06, False, 0.3, 0.7), said(2, 0.5, True, 0.4, 0.6)),
            *(said(3, 0.03, False, 0.5, 0.5), said(3, 0.5, True, 0.5, 0.5)),
        ],
    )
    played, learnt = outcomes(heard, (4, 7), 0.6, RATE)
    assert played == {1: (4, 0.03), 2: (7, 0.06)}
    assert learnt == {1: 7, 2: 7}


def test_shares_of_sounds_that_go_through_the_listener(tiny):
    thinker = Thinker(load(tiny))
    stock = [Known(0, hit(RATE, 100 + 50 * k, seed=k)) for k in range(3)]
    rows = shares(stock, thinker, (1,) * 9, seed=1)
    assert [row["confidence"] for row in rows] == list(CONFIDENCES)
    assert (
        rows[0]["right part"]
        == rows[0]["right part after 30 ms"]
        == rows[0]["learnt by the right part"]
        == 1.0
    )
    assert all(row["none"] + row["right part"] == pytest.approx(1.0) for row in rows)
    bed = 1e-4 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    for at in (RATE, 2 * RATE):
        bed[at : at + len(stock[0].samples)] += stock[0].samples
    assert false_hits(bed, thinker, (1,) * 9, 0.0) == (2, 2)
    assert abs(beatbox.faded(bed.copy())[[0, -1]]).max() == 0.0


@pytest.mark.jack
def test_the_section_hears_its_own_sounds(tiny, needs_jack, tmp_path, monkeypatch):
    for k, name in enumerate(("kick", "snare")):
        for folder, prefix in (("drums", "uzu__"), ("drum_machines_dev", "")):
            place = tmp_path / folder / name
            place.mkdir(parents=True)
            for n in range(5):
                soundfile.write(place / f"{prefix}{n}.flac", hit(RATE, 100 + 90 * k, seed=n), RATE)
    (tmp_path / "long").mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "long" / "ambi_sauna.flac", 0.01 * rng.standard_normal(4 * RATE), RATE)
    monkeypatch.setenv("GHOSTNOTE_DATA", str(tmp_path))
    monkeypatch.setattr(beatbox, "CONTROLS", 5)
    monkeypatch.setattr(beatbox, "LOOP_HITS", 3)
    monkeypatch.setattr(beatbox_live, "CONFIDENCE", 0.0)
    section = sections.measure("beatbox", BenchOptions(str(tiny), seconds=3.0, hits=25))
    assert section.skipped is None, section.skipped
    rows = section.tables["live"]
    assert [row["n"] for row in rows] == [10, 10]
    for row in rows:
        assert row["right part"] + row["wrong part"] + row["none"] == pytest.approx(1.0)
        assert row["none"] < 0.5
        assert row["learnt by the right part"] + row["by a wrong one"] > 0.5
    assert section.figures["told_ms"].p1 > 30.0
    assert section.figures["at_port_ms"].p50 > section.control["osc_at_port_ms"].p1
    assert section.numbers["own_hits_answered_guard_50_ms"] >= 0.0
    assert [goal.limit for goal in section.goals] == [2.0, 0.0]
    for name in ("drums, held out (10)", "drum machines, known (10)"):
        for found in section.tables[name]:
            assert found["right part after 30 ms"] <= min(found["right part"], found["any after 30 ms"])
        assert section.tables[name][0]["none"] == 0.0


def test_without_sound_data_it_says_so(tiny, monkeypatch):
    monkeypatch.delenv("GHOSTNOTE_DATA", raising=False)
    section = sections.measure("beatbox", BenchOptions(str(tiny)))
    assert "GHOSTNOTE_DATA names no folder" in (section.skipped or "")
