"""The parameter table: consistent in itself, whatever rows it gets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.state.commands import COMMANDS
from ghostnote.state.parameters import PARAMETERS
from ghostnote.state.registry import DEFAULTS, TARGETS, check, resolve
from ghostnote.state.table import PARTS, SLOTS, Parameter

ROWS = (*PARAMETERS, *COMMANDS)
NUMBERS = [row for row in PARAMETERS if row.kind != "s"]
CONTINUOUS = [row for row in PARAMETERS if row.kind == "f"]
WORDS = [row for row in PARAMETERS if row.kind == "s" and row.choices]
FREE = [row for row in PARAMETERS if row.kind == "s" and not row.choices]


def test_no_path_occurs_twice():
    paths = [row.path for row in ROWS]
    assert len(paths) == len(set(paths))


def test_every_row_gives_an_address_for_each_part_and_slot():
    expected = sum(
        (len(PARTS) if "{part}" in row.path else 1) * (len(SLOTS) if "{slot}" in row.path else 1)
        for row in ROWS
    )
    assert len(TARGETS) == expected


@pytest.mark.parametrize("addr", sorted(TARGETS))
def test_addresses_can_be_osc_names(addr):
    """No digit-only segment (Max and TouchDesigner stumble over those), nothing that OSC patterns use."""
    segments = addr.split("/")[1:]
    assert segments[0] == "gn"
    assert all(segment and not segment.isdigit() for segment in segments)
    assert not set(addr) & set(" #*,?[]{}")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_row_is_told_in_a_sentence(row):
    assert row.text
    assert row.text[0].isupper()
    assert row.text.endswith(".")


@pytest.mark.parametrize("addr", sorted(DEFAULTS))
def test_defaults_pass_their_own_check(addr):
    target = resolve(addr)
    args, clipped = check(target, (DEFAULTS[addr],))
    assert args == (DEFAULTS[addr],)
    assert not clipped


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.path)
def test_ranges_are_finite_and_not_empty(row):
    assert math.isfinite(row.low)
    assert row.low < row.high < math.inf


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row.path)
def test_words_have_choices_and_start_on_one(row):
    assert len(set(row.choices)) == len(row.choices) >= 2
    assert row.default in row.choices


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.path)
def test_a_knob_reaches_both_ends_and_no_further(row):
    assert row.from_unit(0.0) == row.low
    assert row.from_unit(1.0) == pytest.approx(row.high)
    assert row.from_unit(-5.0) == row.low
    assert row.from_unit(7.0) == row.from_unit(1.0)


@given(row=st.sampled_from(CONTINUOUS), x=st.floats(0.0, 1.0))
def test_curves_invert(row: Parameter, x: float):
    assert row.to_unit(row.from_unit(x)) == pytest.approx(x, abs=2e-5)


@given(row=st.sampled_from(CONTINUOUS), x=st.floats(0.0, 1.0), y=st.floats(0.0, 1.0))
def test_curves_rise(row: Parameter, x: float, y: float):
    low, high = sorted((x, y))
    assert row.from_unit(low) <= row.from_unit(high)


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row.path)
def test_every_word_has_its_place_on_a_knob(row):
    assert [row.from_unit(row.to_unit(word)) for word in row.choices] == list(row.choices)


@pytest.mark.parametrize("row", FREE, ids=lambda row: row.path)
def test_free_words_take_any_word_and_stay_when_a_knob_turns(row):
    addr = f"/gn/{row.path.format(part=1)}"
    assert check(resolve(addr), ("anything",)) == (("anything",), False)
    assert row.from_unit(0.7) == row.default
    assert row.to_unit("anything") == 0.0


def test_every_part_starts_on_the_slot_of_its_number():
    for part, slot in zip(PARTS, SLOTS, strict=True):
        weights = {s: DEFAULTS[f"/gn/part{part}/weight/{s}"] for s in SLOTS}
        assert weights == {**dict.fromkeys(SLOTS, 0.0), slot: 1.0}
