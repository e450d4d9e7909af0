"""The split: whole groups, something of each class where it can be, and for good."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote_training.dataset import split
from ghostnote_training.dataset.split import Member, choose, drum_name, source_of
from ghostnote_training.dataset.walk import Found


def members(counts, label=""):
    """`counts`: sounds of each group."""
    return [
        Member(f"{label}{g}.{k}", label, "", f"{label}{g}") for g, n in enumerate(counts) for k in range(n)
    ]


def held_groups(given, held):
    return {one.group for one, out in zip(given, held, strict=True) if out}


lists = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 12)).map(
        lambda t: (t[0], f"{t[0]}{t[1]}", f"s{t[2]}")
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200)
@given(lists, st.integers(0, 5))
def test_groups_stay_whole_and_no_class_is_emptied(rows, seed):
    given = [Member(str(k), label, source, group) for k, (label, group, source) in enumerate(rows)]
    held = choose(given, 0.1, seed, {})
    sides = defaultdict(set)
    units = split._units(given, 0.1)
    for name, unit in units.items():
        sides[name] = {held[k] for k in unit}
        assert len(sides[name]) == 1
    for label in {one.label for one in given}:
        assert any(one.label == label and not out for one, out in zip(given, held, strict=True))
    labels = {one.label for one in given}
    if len(labels) == 1 and len(units) > 1:
        assert any(held)
    assert held == choose(given, 0.1, seed, {})


def test_about_the_share_is_held_out_and_the_seed_matters():
    given = members([5] * 40)
    found = [held_groups(given, choose(given, 0.1, seed, {})) for seed in range(4)]
    assert all(len(groups) == 4 for groups in found)
    assert len({frozenset(groups) for groups in found}) > 1


def test_every_class_with_two_groups_is_measured():
    given = members([4] * 30, "a") + members([3, 3], "b") + members([1], "c") + members([9], "d")
    held = choose(given, 0.1, 1, {})
    labels = {one.label for one, out in zip(given, held, strict=True) if out}
    assert labels == {"a", "b"}


def test_many_sources_are_held_out_whole():
    given = [
        Member(f"{s}.{g}.{k}", "", f"s{s}", f"s{s}/{g}")
        for s in range(20)
        for g in range(5)
        for k in range(3)
    ]
    held = choose(given, 0.1, 1, {})
    by_source = {source: {out for one, out in zip(given, held, strict=True) if one.source == source}
                 for source in {one.source for one in given}}  # fmt: skip
    assert all(len(sides) == 1 for sides in by_source.values())
    assert sum(sides == {True} for sides in by_source.values()) == 2


def test_what_was_trained_on_is_never_held_out_later():
    first = members([2] * 30)
    held = choose(first, 0.1, 1, {})
    before = {one.content: out for one, out in zip(first, held, strict=True)}
    grown = first + [Member(f"new{k}", "", "", f"new{k}") for k in range(60)]
    for seed in (1, 2, 3):
        later = choose(grown, 0.1, seed, before)
        assert later[: len(first)] == held
        assert any(later[len(first) :])


def test_a_split_is_kept_and_a_damaged_one_is_made_anew(tmp_path):
    given = members([2] * 10)
    held = choose(given, 0.2, 1, {})
    path = tmp_path / "split.json"
    split.save(path, given, held, {})
    assert split.load(path) == {one.content: out for one, out in zip(given, held, strict=True)}
    split.save(path, given[:4], held[:4], split.load(path))
    assert len(split.load(path)) == 20
    path.write_text(path.read_text()[:-30])
    assert split.load(path) == {}


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Kicks", "kick"), ("Open Hats", "hihat_open"), ("hihat_closed", "hihat_closed"), ("BD", "bass"),
     ("TR-808", None), ("Trommel", None)],
)  # fmt: skip
def test_folders_that_are_called_like_drums(folder, name):
    assert drum_name(folder) == ("kick" if name == "bass" else name)


def test_a_folder_called_like_a_drum_is_no_source():
    file = Found(Path("x.wav"), ("Kicks", "TR-808"))
    assert source_of(file, by_class=False) == "TR-808"
    assert source_of(Found(Path("x.wav"), ("mine", "TR-808")), by_class=True) == "TR-808"
