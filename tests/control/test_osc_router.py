"""What OSC messages mean: checked events into the inbox, answers and errors back, without a socket."""

from __future__ import annotations

import gc
import math
import struct

import pytest

from control.oscdesk import PEER, WALL_S, Desk
from controlkit import bundle, message
from ghostnote.control.osc_clients import ERRORS_PER_SECOND, MAX_CLIENTS, Clients
from ghostnote.control.osc_requests import MAX_WAITING
from ghostnote.control.osc_send import build
from ghostnote.control.osc_time import Received, seconds_ahead, timetag_at


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_set_becomes_an_event_with_its_author_and_time(desk):
    assert desk.say("/gn/part1/gain", -6.0) == []
    (event,) = desk.inbox.drain()
    assert (event.addr, event.args, event.source) == ("/gn/part1/gain", (-6.0,), "osc:127.0.0.1:5000")
    assert (event.received, event.due) == (100.0, None)


@pytest.mark.parametrize("number", [b"i", b"f", b"d", b"h", b"T"])
def test_any_numeric_type_will_do_where_a_number_is_meant(desk, number):
    body = {b"i": struct.pack(">i", 1), b"f": struct.pack(">f", 1), b"d": struct.pack(">d", 1)}
    body |= {b"h": struct.pack(">q", 1), b"T": b""}
    desk.send(message(b"/gn/part1/gain", number, body[number]))
    desk.send(message(b"/gn/part1/mute", number, body[number]))
    assert desk.events() == [("/gn/part1/gain", 1.0), ("/gn/part1/mute", 1)]


def test_an_empty_message_asks_for_the_value(desk):
    desk.values["/gn/part2/pan"] = 0.5
    assert desk.say("/gn/part2/pan") == [("/gn/part2/pan", 0.5)]
    assert desk.say("/gn/part2/mute") == [("/gn/part2/mute", 0)]
    assert desk.say("/gn/synth/mode") == [("/gn/synth/mode", "quality")]
    assert desk.events() == []


def test_a_slot_without_arguments_answers_with_its_point(desk):
    desk.values["/gn/slot/a/z"] = [0.25, -1.0]
    assert desk.say("/gn/slot/a/z") == [("/gn/slot/a/z", 0.25, -1.0)]
    ((addr, about, code, *_),) = desk.say("/gn/slot/b/z")
    assert (addr, about, code) == ("/gn/error", "/gn/slot/b/z", "not_found")
    desk.values["/gn/slot/c/z"] = ()
    desk.now += 1.0
    assert desk.say("/gn/slot/c/z")[0][2] == "not_found"
    assert desk.events() == []


def test_a_command_with_a_value_can_be_asked_too(desk):
    assert desk.say("/gn/model/load")[0][2] == "args"
    desk.values["/gn/model/load"] = "drums"
    assert desk.say("/gn/model/load") == [("/gn/model/load", "drums")]


def test_an_address_asked_for_by_pattern_answers_for_each(desk):
    answers = desk.say("/gn/part*/gain")
    assert answers == [(f"/gn/part{part}/gain", 0.0) for part in range(1, 9)]


def test_a_pattern_sets_every_address_in_one_batch(desk):
    desk.say("/gn/part[1-3]/pan", -1.0)
    events = desk.inbox.drain()
    assert [e.addr for e in events] == [f"/gn/part{part}/pan" for part in (1, 2, 3)]
    assert len({e.batch for e in events}) == 1


def test_out_of_range_clips_and_tells_the_sender_the_clipped_value(desk):
    assert desk.say("/gn/part1/gain", 99.0) == [("/gn/part1/gain", 6.0)]
    assert desk.say("/gn/part1/gain", 6.0) == []
    assert desk.events() == [("/gn/part1/gain", 6.0)] * 2
    assert desk.telemetry.snapshot()["osc_clipped"] == 1


def test_buttons_act_on_press_and_not_on_release(desk):
    desk.say("/gn/part1/hit", 1.0)
    desk.say("/gn/part1/hit", 0.0)
    desk.say("/gn/panic", 0)
    desk.say("/gn/part2/hit")
    assert desk.events() == [("/gn/part1/hit", 1.0), ("/gn/part2/hit", 1.0)]


def test_a_bundle_is_one_batch_and_a_bad_message_in_it_is_lost_alone(desk):
    bad = build("/gn/part1/gain", "loud")
    desk.send(bundle(build("/gn/part1/pan", 0.1), bad, build("/gn/part2/hit", 0.9)))
    events = desk.inbox.drain()
    assert [e.addr for e in events] == ["/gn/part1/pan", "/gn/part2/hit"]
    assert len({e.batch for e in events}) == 1


@pytest.mark.parametrize(
    ("datagram", "code", "says"),
    [
        (build("/gn/part1/gian", 1.0), "unknown_address", "the nearest is /gn/part1/gain"),
        (build("/gn/part99*/gain", 1.0), "unknown_address", "the nearest is"),
        (build("/gn/subscrib", 7000), "unknown_address", "the nearest is /gn/subscribe"),
        (build("/gn/status/lod"), "unknown_address", "the nearest is /gn/status/load"),
        (build("/gn/n/part1/gian", 0.5), "unknown_address", "the nearest is /gn/n/part1/gain"),
        (build("/gn/part1/gain", 1.0, 2.0), "args", "takes 1 argument, got 2"),
        (build("/gn/part1/note"), "args", "takes i:pitch f:velocity"),
        (build("/gn/part1/gain", "loud"), "type", "takes a number"),
        (build("/gn/slot/a/prototype", 3), "type", "takes a word"),
        (build("/gn/synth/mode", "nice"), "range", "not one of"),
        (message(b"/gn/part1/gain", b"f", struct.pack(">f", math.nan)), "range", "not a finite number"),
        (message(b"/gn/part1/gain", b"b", struct.pack(">i", 4) + b"abcd"), "type", "blobs"),
        (build("/gn/" + "*a" * 24, 1.0), "range", "wildcards"),
        (b"garbage!", "malformed", "OSC packet ignored"),
        (build("/gn/hello", "pd", 70000), "range", "reply port 70000"),
        (build("/gn/hello", "a", "b"), "args", r"\[s:name\] \[i:reply_port\]".replace("\\", "")),
        (build("/gn/ping", "x"), "type", "takes a number"),
        (build("/gn/sync", 1, 2), "args", "takes [i:number]"),
    ],
)
def test_errors_name_the_address_the_cause_and_what_to_do(desk, datagram, code, says):
    ((addr, _, found, about, request),) = desk.send(datagram)
    assert (addr, found, request) == ("/gn/error", code, 0)
    assert says in about
    assert desk.events() == []
    assert desk.telemetry.snapshot()[f"osc_{code}"] == 1
    assert any(says in report.text for report in desk.telemetry.take_reports())


def test_errors_leave_nothing_for_the_garbage_collector(desk):
    """The core plays with the collector off, so a circle of references for each bad message would leak."""
    nan = message(b"/gn/part1/gain", b"f", struct.pack(">f", math.nan))
    bad = [build("/gn/nonsense"), build("/gn/part1/gain", "x"), build("/gn/part1/gain", 1.0, 2.0), nan]
    bad += [b"garbage!", message(b"/gn/x", b"s", b"\xff\0\0\0"), build("/gn/" + "*a" * 24)]
    bad += [build("/gn/hello", "a", "b"), bundle(b"", b"/x\0\0")]
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            for datagram in bad:
                desk.send(datagram)
                desk.now += 1.0
        assert gc.collect() < 50
    finally:
        gc.enable()


def test_errors_are_told_once_per_second_and_sender_but_always_counted(desk):
    told = [desk.say("/gn/nonsense", 1.0) for _ in range(50)]
    assert [len(t) for t in told] == [1] + [0] * 49
    assert len(desk.say("/gn/nonsense", 1.0, sender=("127.0.0.1", 5001))) == 1
    desk.now += 1.0
    assert len(desk.say("/gn/nonsense", 1.0)) == 1
    assert desk.telemetry.snapshot()["osc_unknown_address"] == 52


def test_errors_to_all_senders_together_are_limited(desk):
    told = sum(len(desk.say("/gn/nonsense", sender=("127.0.0.1", 1000 + n))) for n in range(500))
    assert told == ERRORS_PER_SECOND


def test_hello_registers_the_reply_port_and_says_who_is_there(desk):
    assert desk.say("/gn/hello") == [("/gn/hello/reply", "0.1.0", 1, 9770, 0, "evening")]
    desk.router.handle(build("/gn/hello", "pd", 6000.0), PEER, Received.now())
    desk.router.handle(build("/gn/ping", 7.0), PEER, Received.now())
    assert [(dest, addr) for dest, addr, _ in desk.out.sent] == [
        (("127.0.0.1", 6000), "/gn/hello/reply"),
        (("127.0.0.1", 6000), "/gn/pong"),
    ]
    assert desk.out.sent[-1][2] == (7,)


def test_another_programs_replies_are_not_answered(desk):
    """Two programs must not keep telling each other of errors for ever."""
    for addr in ("/gn/error", "/gn/pong", "/gn/synced", "/gn/hello/reply"):
        assert desk.say(addr, "x") == []
    assert desk.telemetry.snapshot()["osc_replies_ignored"] == 4


def test_sync_is_answered_when_what_came_before_is_applied(desk):
    desk.say("/gn/part1/gain", -1.0)
    assert desk.say("/gn/sync", 5) == []
    assert desk.router.tick()
    desk.inbox.drain()
    assert desk.router.tick()
    desk.inbox.drain()
    assert not desk.router.tick()
    assert desk.out.take() == [("/gn/synced", 5)]


def test_sync_waits_for_its_own_bundle_and_for_slow_work():
    settled: list[float] = []
    desk = Desk(settled=lambda received: received in settled)
    desk.send(bundle(build("/gn/sync", 9), build("/gn/part1/gain", -1.0)))
    desk.inbox.drain()
    desk.inbox.drain()
    assert desk.router.tick()
    settled.append(100.0)
    assert not desk.router.tick()
    assert desk.out.take() == [("/gn/synced", 9)]


def test_sync_at_rest_is_answered_at_once(desk):
    desk.say("/gn/sync", 3)
    assert not desk.router.tick()
    assert desk.out.take() == [("/gn/synced", 3)]


def test_waiting_syncs_are_bounded(desk):
    desk.say("/gn/part1/gain", -1.0)
    for n in range(10 * MAX_WAITING):
        desk.say("/gn/sync", n)
    desk.inbox.drain()
    desk.inbox.drain()
    desk.router.tick()
    assert desk.out.take() == [("/gn/synced", n) for n in range(9 * MAX_WAITING, 10 * MAX_WAITING)]


@pytest.mark.parametrize(
    ("ahead", "due", "counter"),
    [(0.25, 100.25, None), (9.9, 109.9, None), (-0.5, None, "osc_late"), (3600.0, None, "osc_far_ahead")],
)
def test_time_tags_near_late_and_far(desk, ahead, due, counter):
    desk.send(bundle(build("/gn/part1/hit", 1.0), timetag=timetag_at(WALL_S + desk.now + ahead)))
    (event,) = desk.inbox.drain()
    assert event.due == (pytest.approx(due, abs=1e-5) if due else None)
    assert desk.telemetry.snapshot() == ({} if counter is None else desk.telemetry.snapshot())
    if counter:
        assert desk.telemetry.snapshot()[counter] == 1


def test_a_clock_far_ahead_is_told_once_per_sender(desk):
    far = bundle(build("/gn/part1/hit", 1.0), timetag=2**64 - 1)
    told = [desk.send(far) for _ in range(5)]
    assert [len(t) for t in told] == [1, 0, 0, 0, 0]
    assert "taken as now" in told[0][0][3]
    assert [len(desk.send(far, sender=("127.0.0.1", 5001))) for _ in range(3)] == [1, 0, 0]
    assert desk.telemetry.snapshot()["osc_far_ahead"] == 8
    assert all(e.due is None for e in desk.inbox.drain())


def test_time_tags_keep_their_microseconds():
    received = Received(0.0, WALL_S * 1_000_000_000 + 123_456_789)
    tag = timetag_at(WALL_S) + (1 << 32)
    assert seconds_ahead(tag, received) == pytest.approx(1 - 0.123456789, abs=1e-6)


def test_one_datagram_cannot_ask_for_more_than_a_bounded_number_of_effects(desk):
    everything = build("/gn/part*/weight/*", 0.5)
    desk.send(bundle(*[everything] * 20))
    assert len(desk.inbox) == 512
    assert desk.telemetry.snapshot()["osc_range"] == 12


def test_the_client_table_is_bounded_and_forgets_the_one_silent_for_longest():
    clients = Clients()
    first = clients.get(("127.0.0.1", 1))
    first.name = "kept"
    for port in range(2, 3 * MAX_CLIENTS):
        clients.get(("127.0.0.1", port))
        assert clients.get(("127.0.0.1", 1)).name == "kept"
    assert len(clients) == MAX_CLIENTS
    assert clients.get(("127.0.0.1", 2)).name == ""


def test_the_author_of_a_slow_command_is_told_how_it_ended(desk):
    desk.say("/gn/slot/a/file", "kick.wav")
    source = desk.inbox.drain()[0].source
    desk.router.notify(source, "/gn/slot/a/file", "", "kick.wav")
    desk.router.notify(source, "/gn/slot/b/file", "io", "no such file")
    desk.router.notify("osc:127.0.0.1:1", "/gn/slot/c/file", "", "nobody asked")
    assert desk.router.tick() is False
    assert desk.out.take() == [
        ("/gn/done", "/gn/slot/a/file", 0, "kick.wav"),
        ("/gn/error", "/gn/slot/b/file", "io", "no such file", 0),
    ]


def test_the_author_of_a_quick_message_is_told_of_a_refusal_but_not_in_a_flood(desk):
    desk.say("/gn/slot/a/swap", "z")
    source = desk.inbox.drain()[0].source
    for _ in range(9):
        desk.router.refuse(source, "/gn/slot/a/swap", "range", "'z' is not a slot")
    desk.router.refuse(source, "/gn/model/unload", "not_found", "not loaded")
    desk.router.refuse("keys", "/gn/undo", "not_found", "there is nothing to undo")
    assert desk.router.tick() is False
    assert desk.out.take() == [
        ("/gn/error", "/gn/slot/a/swap", "range", "'z' is not a slot", 0),
        ("/gn/error", "/gn/model/unload", "not_found", "not loaded", 0),
    ]


def test_done_is_no_command(desk):
    assert desk.say("/gn/done", "/gn/slot/a/file", 0, "kick.wav") == []
    assert desk.events() == []


def test_a_request_number_comes_back_with_done_and_error(desk):
    desk.say("/gn/slot/a/clear", 7)
    desk.say("/gn/part1/hit", 0.5, 8.0)
    assert desk.router.tick()
    assert desk.events() == [("/gn/slot/a/clear",), ("/gn/part1/hit", 0.5)]
    assert desk.router.tick()
    desk.inbox.drain()
    assert not desk.router.tick()
    assert desk.out.take() == [("/gn/done", "/gn/slot/a/clear", 7, ""), ("/gn/done", "/gn/part1/hit", 8, "")]
    ((addr, about, code, _, request),) = desk.say("/gn/slot/a/prototype", 3, 9)
    assert (addr, about, code, request) == ("/gn/error", "/gn/slot/a/prototype", "type", 9)


def test_a_slow_command_takes_its_request_along(desk):
    desk.say("/gn/slot/a/file", "kick.wav", 7)
    (event,) = desk.inbox.drain()
    assert (event.args, event.request) == (("kick.wav",), 7)
    desk.inbox.drain()
    assert not desk.router.tick()
    assert desk.out.take() == [], "done is told when it is done"
    desk.router.notify(event.source, event.addr, "", "kick.wav", event.request)
    desk.router.tick()
    assert desk.out.take() == [("/gn/done", "/gn/slot/a/file", 7, "kick.wav")]


def test_what_is_no_request_number_is_an_argument_too_many(desk):
    for args in ((0.5, "x"), (0.5, 1.5), (0.5, 2.0**40), (0.5, 1, 2)):
        assert desk.say("/gn/part1/hit", *args)[0][2] == "args"
        desk.now += 1.0
    assert desk.events() == []


def test_late_notes_can_be_dropped_and_nothing_else(desk):
    desk.values["/gn/osc/late"] = "drop"
    late = timetag_at(WALL_S + desk.now - 0.2)
    ((_, _, code, text, _),) = desk.send(
        bundle(build("/gn/part1/hit", 1.0), build("/gn/part1/gain", -3.0), timetag=late)
    )
    assert (code, "200 ms late" in text, "dropped" in text) == ("range", True, True)
    assert desk.events() == [("/gn/part1/gain", -3.0)]
    assert desk.send(bundle(build("/gn/part1/note", 60, 0.0), timetag=late)) == [], "told once"
    assert desk.events() == [("/gn/part1/note", 60, 0.0, -1)]
    counts = desk.telemetry.snapshot()
    assert (counts["osc_late"], counts["osc_late_dropped"]) == (2, 1)


def test_play_takes_names_and_values_with_a_time_and_a_request(desk):
    play = build("/gn/play", "part", 2, "note", 64, "velocity", 0.5, 7)
    assert desk.send(bundle(play, timetag=timetag_at(WALL_S + desk.now + 0.5))) == []
    (event,) = desk.inbox.drain()
    assert (event.addr, event.request) == ("/gn/play", 7)
    assert event.args == ("part", 2, "note", 64.0, "velocity", 0.5)
    assert event.due == pytest.approx(100.5, abs=1e-6)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("part",), "args"),
        (("part", 1, "s"), "args"),
        (("loud", 1), "args"),
        (("s", 1), "type"),
        ((1, 2), "args"),
    ],
)
def test_odd_pairs_are_one_clear_error(desk, args, code):
    ((addr, about, found, text, _),) = desk.say("/gn/play", *args)
    assert (addr, about, found) == ("/gn/error", "/gn/play", code)
    assert text
    assert desk.events() == []
