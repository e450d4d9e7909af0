"""Anything at all said to the server: never an exception, at most one error each, and nothing grows."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from control.oscdesk import Desk
from controlkit import bundle, message
from ghostnote.control.osc_conversation import SAYINGS
from ghostnote.control.osc_nodes import NODES, selection
from ghostnote.control.osc_send import build
from ghostnote.control.osc_subscriptions import MAX_PATTERNS, MAX_SUBSCRIBERS
from ghostnote.errors import MessageError
from ghostnote.state.registry import check, resolve
from ghostnote.state.table import Parameter

_WORDS = st.one_of(
    st.sampled_from(
        ["/gn", "/gn/part*", "/gn/n", "/gn/n/{part1,part2}/*", "", "/", "//", "*", "[", "{a,b", "a"]
    ),
    st.text(alphabet="/gnpart1*?[]{},!-z", max_size=140),
)
_NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31), 65535, 65536, 9770, 0.0, -0.0, 1e-9, 30.0, 3.4e38]),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
_ARGUMENTS = st.lists(st.one_of(_WORDS, _NUMBERS), max_size=5)
_ADDRESSES = st.one_of(
    st.sampled_from([*SAYINGS]), st.sampled_from([*NODES]), st.sampled_from(["/gn/*", "/gn/play"])
)
_SENDERS = st.tuples(st.sampled_from(["127.0.0.1", "10.0.0.9"]), st.integers(1, 65535))


@given(st.lists(st.tuples(_ADDRESSES, _ARGUMENTS, _SENDERS), max_size=12))
@settings(max_examples=150)
def test_whatever_is_said_is_survived(said):
    desk = Desk()
    for addr, args, sender in said:
        errors = [m for m in desk.say(addr, *args, sender=sender) if m[0] == "/gn/error"]
        assert len(errors) <= 1
        desk.now += 0.2
        desk.ticks(2)
    subscriptions = desk.feedback.subscriptions
    assert len(subscriptions) <= MAX_SUBSCRIBERS
    assert all(0 < len(s.leases) <= MAX_PATTERNS for s in subscriptions.all())
    assert {s for one in subscriptions.selections for s in one.subscribers} == set(subscriptions.all())
    for event in desk.inbox.drain(10_000):
        fitted, clipped = check(resolve(event.addr), event.args)
        assert (fitted, clipped) == (event.args, False)
    desk.ticks(10)
    assert not [key for key in desk.telemetry.snapshot() if key == "osc_feedback_error"]


@given(_WORDS)
@settings(max_examples=300)
def test_a_selection_is_values_only_or_an_error(pattern):
    try:
        chosen = selection(pattern)
    except MessageError as error:
        code = error.code
    else:
        code = ""
    if code:
        assert code in ("range", "unknown_address")
        return
    assert len({node.addr for node in chosen}) == len(chosen) > 0
    if not pattern.startswith("/gn/n") and not any(c in pattern for c in "?*[{"):
        assert not any(node.mirrored for node in chosen)


@given(st.sampled_from([n for n in NODES.values() if n.mirrored]), st.floats(0.0, 1.0, width=32))
@settings(max_examples=300)
def test_every_position_is_a_value_in_range_and_comes_back(node, position):
    desk = Desk()
    desk.say(node.addr, position)
    (event,) = desk.inbox.drain()
    row = node.target.row
    assert isinstance(row, Parameter)
    assert check(node.target, event.args) == (event.args, False)
    desk.values[node.of] = event.args[0]
    ((_, back),) = desk.say(node.addr)
    steps = len(row.choices) or (row.high - row.low if row.kind == "i" else math.inf)
    assert abs(back - position) <= max(1e-4, 0.51 / steps)


@given(st.lists(st.sampled_from([b"i", b"f", b"s", b"b", b"N", b"T"]), max_size=4), st.binary(max_size=40))
def test_broken_subscriptions_are_refused(tags, body):
    desk = Desk()
    for data in (message(b"/gn/subscribe", b"".join(tags), body), bundle(build("/gn/subscribe", 7000), body)):
        desk.send(data)
        desk.ticks(2)
