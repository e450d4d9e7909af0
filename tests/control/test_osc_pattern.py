"""OSC address patterns: the same answers as the standard's examples and fnmatch, in bounded work."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.control.osc_pattern import MAX_WILDCARDS, AddressTree, is_pattern, match_segment
from ghostnote.errors import MessageError
from ghostnote.state.registry import TARGETS

PIECES = ["a", "b", "c", "?", "*", "[ab]", "[!a]", "[a-c]", "[!a-b]", "[]a]", "[", "]", "[!", "-"]
TREE = AddressTree(TARGETS)


@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=8,
    ),
    st.text("abc]-[", max_size=8),
)
def test_wildcards_and_sets_mean_what_they_mean_in_fnmatch(pieces, text):
    pattern = "".join(pieces)
    assert match_segment(pattern, text) == fnmatchcase(text, pattern), (pattern, text)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("ab", max_size=3), min_size=1, max_size=3),
    st.text("ab*?", max_size=3),
    st.text("ab", max_size=6),
)
def test_alternatives_are_the_union_of_their_words(words, rest, text):
    """Metamorphic: `{x,y}rest` fits what `xrest` or `yrest` fits."""
    pattern = "{" + ",".join(words) + "}" + rest
    assert match_segment(pattern, text) == any(fnmatchcase(text, word + rest) for word in words)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("/gn/part*/gain", 8),
        ("/gn/part?/gain", 8),
        ("/gn/part[1-3]/gain", 3),
        ("/gn/part[!1-3]/gain", 5),
        ("/gn/{part1,part8}/gain", 2),
        ("/gn/part1/weight/*", 8),
        ("/gn/part*/weight/[ab]", 16),
        ("/*/part1/pan", 1),
        ("/gn/*", sum(addr.count("/") == 2 for addr in TARGETS)),
        ("/gn/part*", 0),
        ("/gn/part9*/gain", 0),
        ("/gn//gain*", 0),
        ("*", 0),
    ],
)
def test_patterns_over_the_address_table(pattern, count):
    found = TREE.match(pattern)
    assert len(found) == count
    assert set(found) <= set(TARGETS)


def test_a_star_does_not_cross_a_slash():
    assert TREE.match("/gn/*gain") == ()


def test_every_literal_address_finds_itself():
    assert all(TREE.match(addr) == (addr,) for addr in TARGETS)
    assert not any(is_pattern(addr) for addr in TARGETS)


def test_the_number_of_wildcards_is_limited():
    with pytest.raises(MessageError, match="wildcards") as caught:
        TREE.match("/gn/" + "*a" * (MAX_WILDCARDS + 1))
    assert caught.value.code == "range"


@pytest.mark.timeout(30)
def test_hostile_patterns_take_bounded_work():
    """Backtracking would try more than 2^24 ways, here a thousand times over."""
    pattern, text = "*a" * 24 + "b", "a" * 64
    assert not any(match_segment(pattern, text) for _ in range(1000))
