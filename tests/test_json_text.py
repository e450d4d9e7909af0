"""JSON from strangers: what is read, what is refused, and how it is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.json_text import kind_of, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_was_written_is_read(value):
    assert parse(json.dumps(value), 20) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ('{"a": NaN}', "NaN is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("1e999", "1e999 is not a finite number"),
        ("-1" + "0" * 400 + ".0", "is not a finite number"),
        ('{"a": 1, "b": {"c": 2, "c": 2}}', "a key stands twice"),
    ],
)
def test_what_is_wrong_is_told(text, told):
    with pytest.raises(ValueError, match=told) as caught:
        parse(text, 20)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_depth_is_bounded(depth):
    nested = "[" * depth + "]" * depth
    assert isinstance(parse(nested, depth), list)
    with pytest.raises(RecursionError, match="nested too deeply"):
        parse("[" + nested + "]", depth)
    with pytest.raises(RecursionError):
        parse('{"a":' * 100_000 + "1" + "}" * 100_000, 20)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1}, "an object"),
        ([1, 2], "a list of 2"),
        ("x", '"x"'),
        (True, "true"),
        ("y" * 99, '"' + "y" * 56 + "..."),
    ],
)
def test_values_are_named_for_people(value, said):
    assert kind_of(value) == said
