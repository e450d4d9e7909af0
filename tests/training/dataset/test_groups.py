"""Near-copies by name: takes, levels and microphones of a sound are together, different sounds apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote_training.dataset.groups import group, read_name
from ghostnote_training.dataset.walk import Found


def of(names, label=""):
    files = [Found(Path(name), tuple(name.split("/")[:-1])) for name in names]
    return group(files, [label] * len(names))


@pytest.mark.parametrize(
    ("stem", "family", "numbers"),
    [
        ("kick_vl3_rr2", "kick", ()),
        ("Kick 07", "kick", ("07",)),
        ("gogodze2__ks_vl1_rr4_room", "gogodze ks", ("2",)),
        ("Snare-Top(left)", "snare top", ()),
        ("08", "", ("08",)),
        ("f", "", ()),
        ("大鼓_3", "大鼓", ("3",)),
        ("", "", ()),
    ],
)
def test_names_are_taken_apart(stem, family, numbers):
    name = read_name(stem)
    assert (name.family, name.numbers) == (family, numbers)


def test_takes_levels_and_microphones_are_one_group():
    names = [f"kick_vl{v}_rr{r}_{mic}.wav" for v in range(6) for r in range(4) for mic in ("close", "room")]
    assert len(set(of([*names, "snare.wav"])[:-1])) == 1


def test_numbered_files_are_together_while_few_and_in_runs_when_many():
    few = of([f"Kick {k}.wav" for k in range(8)] + ["Snare 1.wav", "Snare 2.wav"])
    assert len(set(few[:8])) == 1
    assert few[0] != few[8]
    many = of([f"Kick {k:02}.wav" for k in range(48)])
    assert len(set(many)) == 6
    assert len(set(many[:8])) == 1


def test_the_only_family_of_a_class_is_taken_apart():
    assert len(set(of([f"Kick {k}.wav" for k in range(8)]))) == 4


def test_folders_and_classes_are_borders():
    assert len(set(of(["a/kick1.wav", "b/kick2.wav"]))) == 2
    files = [Found(Path("x/k1.wav"), ("x",)), Found(Path("y/k1.wav"), ("y",))]
    assert len(set(group(files, ["x", "y"]))) == 2


@given(st.lists(st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=12), max_size=40))
def test_any_names_have_groups(names):
    found = of(names)
    assert len(found) == len(names)
    again = of(names[::-1])[::-1]
    same = {(a, b) for a in range(len(names)) for b in range(len(names)) if found[a] == found[b]}
    assert same == {(a, b) for a in range(len(names)) for b in range(len(names)) if again[a] == again[b]}
