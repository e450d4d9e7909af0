"""Variants depend on their sound and the seed alone, and stay where their class stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghostnote_training.dataset.look import Look
from ghostnote_training.dataset.mixing import entries_of, synth_entries, synth_labels
from ghostnote_training.dataset.options import DatasetOptions
from ghostnote_training.dataset.pieces import Piece, sort_out
from ghostnote_training.dataset.walk import Found


def piece(number, label=""):
    return Piece(Found(Path(f"{number}.wav"), ()), Look(), label, "", f"g{number}", f"c{number}", 0, 0)


def test_variants_do_not_depend_on_what_else_is_there():
    options = DatasetOptions(variants=3, machined=1)
    alone = entries_of([piece(2)], options)
    together = entries_of([piece(k) for k in range(5)], options)
    assert len(together) == 25
    assert together[10:15] == alone
    assert entries_of([piece(2)], DatasetOptions(variants=3, machined=1, seed=2))[1:] != alone[1:]


def test_variants_are_of_the_same_class_and_group():
    made = entries_of([piece(1, "dog"), piece(2, "cat")], DatasetOptions(variants=2, machined=1))
    assert [(entry.label, entry.group) for entry in made] == [("dog", "g1")] * 4 + [("cat", "g2")] * 4
    assert {entry.sound.what for entry in made[:4]} == {"1.wav"}


def test_kinds_of_variants():
    plain, fast, paced, machined = (
        e.sound for e in entries_of([piece(1)], DatasetOptions(variants=2, machined=1))
    )
    assert plain[2:] == (1.0, 0, 0, 1.0)
    assert fast.number != 1.0
    assert fast.pace == 1.0
    assert 0.8 <= 1.0 / (paced.number * paced.pace) <= 1.2501
    assert (machined.kind, machined.pace) == ("machined", 1.0)


@pytest.mark.parametrize(
    ("classes", "label", "low", "high"),
    [("none", "", 0.72, 1.38), ("folders", "dog", 0.84, 1.19), ("folders", "Tom Low", 0.94, 1.06)],
)
def test_speeds_stay_within_a_class(classes, label, low, high):
    options = DatasetOptions(classes=classes, variants=8)
    speeds = [e.sound.number for k in range(40) for e in entries_of([piece(k, label)], options)]
    assert low <= min(speeds) < 1.0 < max(speeds) <= high
    assert max(speeds) > 1.0 + 0.8 * (high - 1.0)


def test_synthesis_fits_the_classes():
    folders = DatasetOptions(classes="folders", synth_share=0.5)
    assert synth_labels(("Kicks", "OH", "dog"), folders) == {"kick": "Kicks", "hihat_open": "OH"}
    assert synth_labels(("Kicks",), DatasetOptions(classes="folders")) == {}
    free = DatasetOptions(synth_share=0.5, synth_classes=("clap", "kick"))
    assert synth_labels((), free) == {"clap": "", "kick": ""}
    assert len(synth_entries({"clap": "", "kick": ""}, 300, free)) == 300
    assert len(synth_entries({"clap": "", "kick": ""}, 3, free)) == 80


def test_late_sounds_are_read_from_shortly_before_them():
    late = Look(samples="a", rate=1000, channels=1, frames=60000, first=50000, last=51000)
    early = Look(samples="b", rate=1000, channels=1, frames=60000, first=400, last=1000)
    files = [Found(Path(f"{name}.wav"), ()) for name in "ab"]
    pieces, left_out = sort_out(files, [late, early], by_class=False)
    assert [one.start for one in pieces] == [49900, 0]
    assert left_out == []


def test_sounds_of_a_recording_are_grouped_by_time_over_all_microphones():
    def cuts(name, count):
        places = tuple((k * 100, k * 100 + 50) for k in range(count))
        return Look(samples=name, rate=1000, channels=1, frames=9000, cuts=places)

    files = [Found(Path(f"{name}.wav"), ()) for name in ("take close", "take room", "few")]
    looks = [cuts("a", 20), cuts("b", 20), cuts("c", 3)]
    pieces, _ = sort_out(files, looks, by_class=False)
    groups = [[one.group for one in pieces if one.look is look] for look in looks]
    assert groups[0] == groups[1]
    assert [groups[0].count(name) for name in dict.fromkeys(groups[0])] == [5, 5, 5, 5]
    assert len(set(groups[2])) == 1
    assert {one.content for one in pieces if one.group == groups[0][0]} == {"a#0", "b#0"}
