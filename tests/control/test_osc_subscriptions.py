"""Subscriptions: leases that end, rates and patterns that change, and how much of it there may be."""

from __future__ import annotations

import pytest

from control.oscdesk import Desk
from ghostnote.control.osc_feedback import MAX_SNAPSHOTS
from ghostnote.control.osc_subscriptions import MAX_PATTERNS, MAX_SUBSCRIBERS, TICK_HZ

GAIN, PAN = "/gn/part1/gain", "/gn/part1/pan"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_lease_ends_unless_its_computer_is_heard(desk):
    desk.say("/gn/subscribe", 7000, GAIN, 30.0, 5.0)
    for _ in range(20):
        desk.ticks(TICK_HZ)
        desk.say("/gn/ping", 1)
    assert len(desk.feedback.subscriptions) == 1
    desk.ticks(6 * TICK_HZ)
    assert len(desk.feedback.subscriptions) == 0
    desk.change(GAIN, -1.0)
    assert desk.ticks(4) == []


def test_a_lease_of_zero_holds_until_it_is_ended(desk):
    desk.say("/gn/subscribe", 7000, GAIN, 30.0, 0.0)
    desk.ticks(2)
    desk.now += 1e6
    desk.change(GAIN, -1.0)
    assert desk.ticks(TICK_HZ) == [(7000, GAIN, -1.0)]
    assert desk.say("/gn/unsubscribe", 7000) == []
    desk.change(GAIN, -2.0)
    assert desk.ticks(4) == []


def test_subscribing_again_changes_rate_and_lease(desk):
    for max_hz in (30.0, 1.0, 10.0):
        desk.listen(GAIN, max_hz, 60.0)
    assert len(desk.feedback.subscriptions.selections) == 1
    assert desk.feedback.subscriptions.selections[0].every_ticks == 6


def test_one_pattern_of_several_can_be_ended(desk):
    desk.listen(GAIN)
    desk.listen(PAN)
    desk.say("/gn/unsubscribe", 5000, PAN)
    desk.change(GAIN, -1.0)
    desk.change(PAN, 1.0)
    assert desk.ticks(4) == [(5000, GAIN, -1.0)]
    assert desk.say("/gn/unsubscribe", 5000, PAN)[0][2] == "not_found"


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ((0, GAIN), "range", "port 0 is not in"),
        ((70000, GAIN), "range", "port 70000"),
        ((9770, GAIN), "range", "this server's own"),
        ((7000, "/gn/nonsense"), "unknown_address", "no such value"),
        ((7000, "/gn/part1/hit"), "unknown_address", "no such value"),
        ((7000, "*" * 900), "range", "pattern of 900 characters"),
        ((7000, "/gn/" + "*a" * 20), "range", "wildcards"),
        ((7000, GAIN, 0.0), "range", "0 messages a second"),
        ((7000, GAIN, -5.0), "range", "-5 messages a second"),
        ((7000, GAIN, 30.0, -1.0), "range", "lease of -1"),
        ((7000, GAIN, 30.0, 1.0, 2.0), "args", "takes [i:port]"),
        ((7000, GAIN, "fast"), "args", "takes [i:port]"),
    ],
)
def test_wrong_subscriptions_are_told_once_and_change_nothing(desk, args, code, says):
    ((addr, about, found, text, _),) = desk.say("/gn/subscribe", *args)
    assert (addr, about, found) == ("/gn/error", "/gn/subscribe", code)
    assert says in text
    assert len(desk.feedback.subscriptions) == 0
    assert desk.ticks(4) == []


def test_a_lease_that_is_no_number_or_a_huge_pattern_is_refused(desk):
    ((_, _, code, text, _),) = desk.say("/gn/subscribe", 7000, GAIN, 30.0, float("nan"))
    assert (code, "not a finite number" in text) == ("range", True)
    ((_, _, code, _, _),) = desk.say("/gn/subscribe", 7000, "*" * 10_000)
    assert code == "malformed"
    assert len(desk.feedback.subscriptions) == 0


def test_for_ever_is_for_this_computer_only(desk):
    ((_, _, code, text, _),) = desk.say("/gn/subscribe", 7000, GAIN, 30.0, 0.0, sender=("10.0.0.9", 5000))
    assert (code, "on this computer" in text) == ("range", True)
    assert desk.say("/gn/subscribe", 7000, GAIN, 30.0, 60.0, sender=("10.0.0.9", 5000)) == []
    assert len(desk.feedback.subscriptions) == 1


def test_ten_thousand_subscriptions_are_bounded_and_told_once_a_second(desk):
    told = []
    for n in range(10_000):
        told += desk.say("/gn/subscribe", 10_000 + n, GAIN)
    assert len(desk.feedback.subscriptions) == MAX_SUBSCRIBERS
    assert {code for _, _, code, _, _ in told} == {"busy"}
    assert len(told) == 1
    desk.now += 2.0
    for n in range(100):
        told += desk.say("/gn/subscribe", 10_000, f"/gn/part1/weight/{'abcdefgh'[n % 8]}{'*' * (n % 12)}")
    assert len(desk.feedback.subscriptions.all()[0].leases) == MAX_PATTERNS
    assert len(told) == 2


def test_snapshots_asked_for_too_fast_are_refused(desk):
    told = [desk.say("/gn/refresh") for _ in range(2 * MAX_SNAPSHOTS)]
    assert [t[0][2] for t in told if t] == ["busy"]
    desk.ticks(3000)
    desk.now += 2.0
    assert desk.say("/gn/refresh") == []
