"""Addresses and arguments: what is let through to the engine, and what is said of the rest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.errors import MessageError
from ghostnote.state.registry import TARGETS, check, nearest, resolve
from ghostnote.state.table import Parameter

ANY_VALUE = st.one_of(st.floats(), st.integers(), st.text(max_size=20), st.booleans())


def fitted(addr, *args):
    return check(resolve(addr), args)


def test_target_names_leave_out_part_and_slot():
    names = {addr: TARGETS[addr].name for addr in ("/gn/part3/weight/b", "/gn/slot/c/z", "/gn/master/gain")}
    assert list(names.values()) == ["weight/b", "slot/z", "master/gain"]
    assert (TARGETS["/gn/part3/weight/b"].part, TARGETS["/gn/slot/c/z"].slot) == (3, "c")


@pytest.mark.parametrize(
    "addr", ["", "/", "/gn", "/gn/part9/hit", "/gn/part0/hit", "/gn/part1/hit/", "gn/part1/hit"]
)
def test_what_is_not_an_address_is_not_resolved(addr):
    assert resolve(addr) is None


@pytest.mark.parametrize(
    ("addr", "given_args", "expected", "clipped"),
    [
        ("/gn/part1/pan", (2.0,), (1.0,), True),
        ("/gn/part1/pan", (-1,), (-1.0,), False),
        ("/gn/part1/choke", (2.6,), (3,), False),
        ("/gn/part1/choke", (99.0,), (8,), True),
        ("/gn/part1/mode", ("hold",), ("hold",), False),
        ("/gn/part1/hit", (), (1.0,), False),
        ("/gn/part1/hit", (3.0,), (1.0,), True),
        ("/gn/part1/note", (60, 0.5), (60, 0.5, -1), False),
        ("/gn/part1/note", (60, 0.5, 7), (60, 0.5, 7), False),
        ("/gn/slot/a/z", (1.0, -2.0, 3), (1.0, -2.0, 3.0), False),
        ("/gn/panic", (), (1.0,), False),
    ],
)
def test_arguments_are_made_fit(addr, given_args, expected, clipped):
    args, moved = fitted(addr, *given_args)
    assert args == expected
    assert [type(a) for a in args] == [type(e) for e in expected]
    assert moved is clipped


@pytest.mark.parametrize(
    ("addr", "given_args", "code"),
    [
        ("/gn/part1/pan", (), "args"),
        ("/gn/part1/pan", (0.0, 0.0), "args"),
        ("/gn/part1/note", (60,), "args"),
        ("/gn/part1/note", (60, 0.5, 1, 2), "args"),
        ("/gn/slot/a/clear", (1,), "args"),
        ("/gn/part1/pan", ("left",), "type"),
        ("/gn/part1/mode", (1,), "type"),
        ("/gn/part1/mode", ("Hold",), "range"),
        ("/gn/part1/pan", (math.nan,), "range"),
        ("/gn/part1/pan", (math.inf,), "range"),
        ("/gn/slot/a/z", (0.0, -math.inf), "range"),
        ("/gn/slot/a/z", (10**400,), "range"),
        ("/gn/seed", (10**400,), "range"),
    ],
)
def test_arguments_that_will_not_do_are_named(addr, given_args, code):
    with pytest.raises(MessageError, match=addr) as caught:
        fitted(addr, *given_args)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@given(addr=st.sampled_from(sorted(TARGETS)), args=st.lists(ANY_VALUE, max_size=5))
def test_whatever_comes_is_fit_or_refused(addr, args):
    target = TARGETS[addr]
    try:
        result, _ = check(target, tuple(args))
    except MessageError:
        return
    again, clipped = check(target, result)
    assert (again, clipped) == (result, False)
    if isinstance(target.row, Parameter) and target.row.kind != "s":
        assert target.row.low <= result[0] <= target.row.high


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/gn/part1/hitt", "/gn/part1/hit"),
        ("/gn/panik", "/gn/panic"),
        ("/gn/slot/a/rnd", "/gn/slot/a/random"),
    ],
)
def test_nearest_finds_what_was_meant(typed, meant):
    assert nearest(typed) == meant


@given(st.text(max_size=300))
def test_nearest_always_answers_with_an_address(text):
    assert nearest(text) in TARGETS
