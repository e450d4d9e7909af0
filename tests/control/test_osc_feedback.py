"""Feedback: everyone hears of every change but its author, the latest value wins and the last one comes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.oscdesk import PEER, Desk
from ghostnote.control.osc_feedback import SNAPSHOT_DATAGRAMS, TICK_DATAGRAMS
from ghostnote.control.osc_nodes import selection
from ghostnote.control.osc_send import MAX_BYTES, Encoder, build, bundles
from ghostnote.control.osc_subscriptions import TICK_HZ
from ghostnote.state.registry import DEFAULTS, TARGETS

A, B = ("127.0.0.1", 5000), ("127.0.0.1", 6000)
GAIN, PAN = "/gn/part1/gain", "/gn/part1/pan"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_snapshot_comes_first_and_then_the_changes(desk):
    desk.values["/gn/part2/gain"] = -12.0
    desk.say("/gn/subscribe", 7000, "/gn/part[12]/gain", 30.0, 10.0)
    assert desk.ticks() == [(7000, "/gn/part1/gain", 0.0), (7000, "/gn/part2/gain", -12.0)]
    desk.change("/gn/part2/gain", -6.0, "midi:pads")
    desk.change("/gn/part3/gain", -6.0, "midi:pads")
    assert desk.ticks(4) == [(7000, "/gn/part2/gain", -6.0)]


def test_the_author_is_not_told_and_everyone_else_is(desk):
    desk.listen(GAIN, sender=A)
    desk.listen(GAIN, sender=B)
    desk.say(GAIN, -3.0, sender=A)
    desk.apply()
    assert desk.ticks(4) == [(6000, GAIN, -3.0)]
    desk.say(GAIN, -4.0, sender=B)
    desk.apply()
    assert desk.ticks(4) == [(5000, GAIN, -4.0)]


def test_the_author_is_told_what_was_made_of_its_value(desk):
    desk.listen("/gn/part1")
    assert desk.say(GAIN, 99.0) == [(GAIN, 6.0)]
    assert desk.say("/gn/part1/mute", 0.7) == [("/gn/part1/mute", 1)]
    assert desk.say("/gn/n/part1/gain", 0.5) == []
    assert desk.say("/gn/n/part1/gain", 1.5) == [("/gn/n/part1/gain", 1.0)]
    desk.apply()
    assert desk.ticks(4) == []


def test_a_reading_is_told_to_whoever_caused_it_too(desk):
    """Nobody sets a reading: whoever filled a slot by chance cannot know what is in it."""
    desk.say("/gn/subscribe", "/gn/slot/b")
    desk.ticks(3)
    desk.change("/gn/slot/b/origin", "random 7", f"osc:{PEER[0]}:{PEER[1]}")
    desk.change("/gn/slot/b/z", (0.0, 1.0), f"osc:{PEER[0]}:{PEER[1]}")
    assert [sent[1:] for sent in desk.ticks()] == [("/gn/slot/b/origin", "random 7")]


def test_the_latest_of_two_authors_wins_for_both(desk):
    desk.listen(GAIN, sender=A)
    desk.listen(GAIN, sender=B)
    desk.say(GAIN, -3.0, sender=A)
    desk.say(GAIN, -4.0, sender=B)
    desk.apply()
    assert desk.ticks(4) == [(5000, GAIN, -4.0)]


def test_a_crossing_is_told_to_the_author_too(desk):
    """What a hand sets while another's value is on its way to it must not leave a false picture."""
    desk.listen(GAIN, sender=A)
    desk.say(GAIN, -3.0, sender=A)
    desk.change(GAIN, -9.0, "midi:pads")
    assert desk.ticks() == [(5000, GAIN, -9.0)]
    desk.apply()
    assert desk.ticks(4) == [(5000, GAIN, -3.0)]
    for value in (-2.0, -1.0, 0.0):
        desk.say(GAIN, value, sender=A)
        desk.apply()
        assert desk.ticks(3) == [], "a hand that moves alone is not fought"


def test_a_moving_value_is_sent_30_times_a_second_and_ends_where_it_ends(desk):
    desk.listen("/gn/part1", sender=A)
    sent = []
    for step in range(2 * TICK_HZ):
        desk.change(GAIN, -0.1 * step, "midi:pads")
        sent += desk.ticks()
    assert 58 <= len(sent) <= 62
    sent += desk.ticks(4)
    assert sent[-1] == (5000, GAIN, pytest.approx(-0.1 * (2 * TICK_HZ - 1), rel=1e-5))
    assert desk.ticks(30) == []


@pytest.mark.parametrize(("max_hz", "expected"), [(1.0, 2), (10.0, 20), (60.0, 60), (1000.0, 60)])
def test_the_rate_is_the_subscribers_up_to_30(desk, max_hz, expected):
    desk.listen(GAIN, max_hz, 60.0)
    sent = []
    for step in range(2 * TICK_HZ):
        desk.change(GAIN, -0.1 * step)
        sent += desk.ticks()
    assert abs(len(sent) - expected) <= 1


def test_values_that_go_on_moving_share_their_bundles(desk):
    """However their movements began, twenty moving values make thirty bundles a second and not sixty."""
    desk.listen("/gn/part*/gain")
    for part in range(1, 9):
        desk.change(f"/gn/part{part}/gain", -1.0)
        desk.ticks()
    bundles_sent = 0
    for step in range(2 * TICK_HZ):
        for part in range(1, 9):
            desk.change(f"/gn/part{part}/gain", -0.1 * step)
        desk.now += 1.0 / TICK_HZ
        desk.feedback.tick(desk.now)
        bundles_sent += bool(desk.out.take_feedback())
    assert bundles_sent <= 62


_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([GAIN, PAN, "/gn/part2/gain"]),
            st.integers(-60, 6),
            st.sampled_from(["a", "b", "midi"]),
        ),
        st.integers(1, 5),
    ),
    max_size=40,
)


@given(_STEPS)
@settings(max_examples=60)
def test_whatever_happens_everyone_knows_the_last_value(steps):
    """Each peer's picture: what it was told, and what it set since."""
    desk = Desk()
    peers = {"a": A, "b": B}
    desk.listen("/gn/part*/gain", sender=A)
    desk.listen("/gn/part1", sender=B)
    pictures = {port: {} for port in (5000, 6000)}

    def look(count: int) -> None:
        for port, addr, *args in desk.ticks(count):
            pictures[port][addr] = args[0]

    for step in steps:
        if isinstance(step, int):
            look(step)
            continue
        addr, value, author = step
        value = max(-1, min(value, 1)) if addr == PAN else value
        if author in peers:
            desk.say(addr, float(value), sender=peers[author])
            desk.apply()
            pictures[peers[author][1]][addr] = float(value)
        else:
            desk.change(addr, float(value), author)
    look(10)
    for port, known in pictures.items():
        wanted = [GAIN, "/gn/part2/gain"] if port == 5000 else [GAIN, PAN]
        for addr in wanted:
            assert known.get(addr, DEFAULTS[addr]) == desk.values[addr]


def test_subscribers_with_the_same_selection_share_one_encoding(desk, monkeypatch):
    for port in range(7000, 7020):
        desk.listen("/gn/part1", sender=("127.0.0.1", port))
    encoded = []
    real = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", lambda *a: encoded.append(a[1]) or real(*a))
    desk.change(GAIN, -1.0)
    desk.change(PAN, 0.5)
    desk.feedback.tick(desk.now + 1.0)
    assert encoded == [GAIN, PAN]
    assert len(desk.out.datagrams) == 20
    assert len({datagram for _, datagram in desk.out.datagrams}) == 1


def test_many_who_come_at_once_are_told_everything_bit_by_bit(desk, monkeypatch):
    """Twenty snapshots are no reason to hold the interpreter for longer than one or two take."""
    encoded = []
    real = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", lambda *a: encoded.append(a[1]) or real(*a))
    for port in range(7000, 7020):
        desk.say("/gn/subscribe", port, "/gn", 30.0, 60.0)
    told = {port: set() for port in range(7000, 7020)}
    for _ in range(60):
        encoded.clear()
        desk.feedback.tick(desk.now)
        assert len(desk.out.datagrams) < TICK_DATAGRAMS + SNAPSHOT_DATAGRAMS
        assert len(encoded) == len(set(encoded)), "once for all who are told the same"
        for port, addr, *_ in desk.out.take_feedback():
            told[port].add(addr)
    assert all(set(DEFAULTS) <= addrs for addrs in told.values())


def test_everything_may_have_changed(desk):
    desk.listen("/gn/part1/weight")
    desk.changes.waiting.append(("", ""))
    assert len(desk.ticks(4)) == 8


def test_the_mirror_follows_in_units(desk):
    desk.listen("/gn/n/part1/gain")
    desk.change(GAIN, 6.0)
    assert desk.ticks(4) == [(5000, "/gn/n/part1/gain", 1.0)]
    desk.change(GAIN, -60.0)
    assert desk.ticks(4) == [(5000, "/gn/n/part1/gain", 0.0)]


@pytest.mark.parametrize("addr", [a for a, t in TARGETS.items() if a.startswith(("/gn/part1/", "/gn/m"))])
def test_a_position_set_is_the_position_read(addr):
    desk = Desk()
    mirrored = addr.replace("/gn/", "/gn/n/")
    if mirrored not in {node.addr for node in selection("/gn/n")}:
        assert desk.say(mirrored, 0.5)[0][2] == "unknown_address"
        return
    for x in (0.0, 0.25, 1.0):
        desk.say(mirrored, x)
        desk.apply()
        ((_, position),) = desk.say(mirrored)
        again = desk.say(mirrored, position)
        assert again == [], "what was read can be set without being moved"
        desk.apply()
        assert desk.say(mirrored) == [(mirrored, position)]


def test_everything_fits_into_datagrams_that_every_network_carries(desk):
    desk.say("/gn/subscribe", 5000, "/gn", 30, 10)
    for _ in range(20):
        desk.now += 0.1
        desk.feedback.tick(desk.now)
    assert max(len(datagram) for _, datagram in desk.out.datagrams) <= MAX_BYTES
    told = {addr for _, addr, *_ in desk.out.take_feedback()}
    assert set(DEFAULTS) <= told
    assert not any(addr.startswith("/gn/n/") for addr in told)


@given(st.lists(st.integers(1, 380), max_size=60))
def test_bundles_hold_every_message_in_order(sizes):
    messages = [build("/x", n, "y" * size) for n, size in enumerate(sizes)]
    found = bundles(messages)
    assert all(len(datagram) <= MAX_BYTES for datagram in found)
    at = 0
    for message in messages:
        while message not in found[at]:
            at += 1
    assert at == max(0, len(found) - 1)


@given(
    st.sampled_from([GAIN, "/gn/a"]),
    st.one_of(st.integers(), st.floats(), st.text(alphabet="abü"), st.booleans()),
)
def test_the_quick_encoder_writes_the_same_bytes(addr, value):
    encoder = Encoder()
    for _ in range(2):
        assert encoder.encode(addr, (value,)) == build(addr, value)


def test_status_comes_once_a_second(desk):
    desk.values["/gn/status/load"] = 0.25
    desk.listen("/gn/status")
    assert [a for _, a, _ in desk.ticks(3 * TICK_HZ)] == ["/gn/status/load"] * 3
    assert desk.say("/gn/status/load") == [("/gn/status/load", 0.25)]
    assert desk.say("/gn/status/load", 1.0)[0][2] == "args"


def test_refresh_sends_all_or_what_a_pattern_names(desk):
    desk.listen("/gn/part1/weight")
    desk.say("/gn/refresh")
    assert len(desk.ticks(4)) == 8
    desk.say("/gn/refresh", 9000, "/gn/master")
    assert sorted(desk.ticks(4)) == [
        (9000, f"/gn/master/{name}", DEFAULTS[f"/gn/master/{name}"])
        for name in sorted(a.split("/")[-1] for a in DEFAULTS if a.startswith("/gn/master/"))
    ]


def test_replies_and_feedback_go_where_hello_said(desk):
    desk.say("/gn/hello", "pd", 9001)
    desk.say("/gn/subscribe", GAIN)
    assert desk.ticks(2) == [(9001, GAIN, 0.0)]


def test_a_value_that_cannot_be_told_does_not_silence_the_others(desk):
    desk.listen("/gn/part1")
    desk.change("/gn/part1/mode", object())
    desk.change(GAIN, -1.0)
    assert desk.ticks(4) == [(5000, GAIN, -1.0)]
    assert desk.telemetry.snapshot()["osc_feedback_error"] >= 1
