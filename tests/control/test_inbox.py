"""The inbox is bounded, keeps order, loses only hits, and lets silence through."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlkit import event
from ghostnote.control.events import Event, is_button_release, next_batch
from ghostnote.control.inbox import Inbox
from ghostnote.state.registry import check, resolve
from ghostnote.telemetry import Telemetry

CONTINUOUS = ["/gn/part1/gain", "/gn/part2/pan", "/gn/master/gain"]


def drain_all(inbox: Inbox, limit: int = 128) -> list[Event]:
    found: list[Event] = []
    while part := inbox.drain(limit):
        found += part
    return found


def test_events_come_out_in_the_order_they_went_in(inbox):
    sent = [event("/gn/part1/hit", n / 100) for n in range(100)]
    for one in sent:
        inbox.put([one])
    assert drain_all(inbox, limit=7) == sent
    assert inbox.drain() == []


def test_a_batch_is_never_split(inbox):
    batch = [event("/gn/part1/hit", 0.5) for _ in range(10)]
    inbox.put([event("/gn/part2/hit", 0.1)])
    inbox.put(batch)
    assert len(inbox.drain(limit=5)) == 1
    assert inbox.drain(limit=5) == batch


def test_drain_is_bounded_by_its_limit(inbox):
    for n in range(50):
        inbox.put([event("/gn/part1/gain", -float(n))])
    assert [len(inbox.drain(limit=20)) for _ in range(4)] == [20, 20, 10, 0]


def test_a_full_inbox_keeps_what_each_model_has_in_a_slot_and_each_slot_of_a_scene(telemetry):
    inbox = Inbox(telemetry, capacity=2)
    sent = [
        *(event("/gn/slot/a/detail", name, "d1:x") for name in ("drums", "general")),
        *(event("/gn/scene/point", 0.0, "x", slot, "o", "d1:x", 1.0) for slot in ("a/drums", "b/drums")),
    ]
    for one in sent:
        inbox.put([one])
    inbox.put([event("/gn/part1/hit", 0.5) for _ in range(8)])
    assert {(e.addr, *e.args[:3]) for e in drain_all(inbox)} >= {(e.addr, *e.args[:3]) for e in sent}


def test_a_full_inbox_keeps_the_latest_value_of_each_address(telemetry):
    inbox = Inbox(telemetry, capacity=8)
    for n in range(100):
        inbox.put([event("/gn/part1/gain", -n / 10), event("/gn/part2/pan", n / 100)])
    assert len(inbox) <= 8 + 2
    applied = {e.addr: e.args for e in drain_all(inbox)}
    assert applied == {"/gn/part1/gain": (-9.9,), "/gn/part2/pan": (0.99,)}
    assert telemetry.snapshot()["inbox_coalesced"] > 0
    assert "inbox_dropped" not in telemetry.snapshot()


def test_a_full_inbox_drops_the_oldest_hits_and_says_so(telemetry):
    inbox = Inbox(telemetry, capacity=8)
    for n in range(100):
        inbox.put([event("/gn/part1/hit", n / 100)])
    assert [e.args[0] for e in drain_all(inbox)] == [n / 100 for n in range(92, 100)]
    assert telemetry.snapshot()["inbox_dropped"] == 92
    assert any(r.key == "inbox_full" for r in telemetry.take_reports())


def test_a_full_inbox_never_loses_a_release(telemetry):
    inbox = Inbox(telemetry, capacity=4)
    inbox.put([event("/gn/part3/off", 61, -1)])
    inbox.put([event("/gn/part3/note", 62, 0.0, -1)])
    for _ in range(50):
        inbox.put([event("/gn/part1/hit", 1.0)])
    assert [(e.addr, e.args[0]) for e in drain_all(inbox)[:2]] == [
        ("/gn/part3/off", 61),
        ("/gn/part3/note", 62),
    ]


def test_the_backlog_comes_before_what_is_newer(telemetry):
    inbox = Inbox(telemetry, capacity=2)
    for n in range(6):
        inbox.put([event("/gn/part1/gain", -float(n))])
    assert [e.args[0] for e in drain_all(inbox, limit=1)] == [-3.0, -4.0, -5.0]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(CONTINUOUS), st.integers(0, 99)),
            st.just(None),
        ),
        max_size=60,
    ),
    st.integers(1, 10),
    st.integers(1, 5),
)
def test_the_last_value_wins_whatever_is_coalesced(steps, capacity, limit):
    """Property: after any interleaving of puts and drains, each address ends on the value last put."""
    inbox = Inbox(Telemetry(), capacity=capacity)
    put: dict[str, int] = {}
    seen: dict[str, int] = {}
    for step in steps:
        if step is None:
            seen.update((e.addr, e.args[0]) for e in inbox.drain(limit))
        else:
            put[step[0]] = step[1]
            inbox.put([event(*step)])
        assert len(inbox) <= capacity + 3
    seen.update((e.addr, e.args[0]) for e in drain_all(inbox, limit))
    assert seen == put


@pytest.mark.parametrize("silence", ["/gn/panic", "/gn/hush"])
def test_silence_overtakes_a_flood_and_ends_it(telemetry, silence):
    inbox = Inbox(telemetry, capacity=256)
    for n in range(1000):
        inbox.put([event("/gn/part1/hit", 1.0), event("/gn/part1/gain", -n / 100)])
    inbox.put([event(silence, 1.0)])
    drained = drain_all(inbox, limit=4)
    assert drained[0].addr == silence
    assert not [e for e in drained if e.addr == "/gn/part1/hit"]
    assert [e.args[0] for e in drained if e.addr == "/gn/part1/gain"][-1] == -9.99
    assert telemetry.snapshot()["inbox_silenced"] > 0


def test_hits_received_before_a_silence_that_overtook_them_are_dropped(inbox):
    inbox.put([event("/gn/panic", 1.0, received=5.0)])
    inbox.put([event("/gn/part1/hit", 1.0, received=4.9), event("/gn/part1/gain", -3.0, received=4.9)])
    inbox.put([event("/gn/part1/hit", 1.0, received=5.1)])
    assert [(e.addr, e.received) for e in drain_all(inbox)] == [
        ("/gn/panic", 5.0),
        ("/gn/part1/gain", 4.9),
        ("/gn/part1/hit", 5.1),
    ]


def test_only_panic_forgets_what_is_scheduled(inbox):
    inbox.put([event("/gn/part1/hit", 1.0, due=9.0)])
    inbox.put([event("/gn/hush", 1.0)])
    assert [e.addr for e in drain_all(inbox)] == ["/gn/hush", "/gn/part1/hit"]
    inbox.put([event("/gn/part1/hit", 1.0, due=9.0)])
    inbox.put([event("/gn/panic", 1.0)])
    assert [e.addr for e in drain_all(inbox)] == ["/gn/panic"]


def test_hushing_one_part_leaves_the_others_alone(inbox):
    inbox.put([event("/gn/part1/hit", 1.0), event("/gn/part2/hit", 1.0)])
    inbox.put([event("/gn/part1/hush", 1.0)])
    assert [e.addr for e in drain_all(inbox)] == ["/gn/part1/hush", "/gn/part2/hit"]


def test_what_follows_a_silence_in_its_own_bundle_sounds(inbox):
    inbox.put([event("/gn/hush", 1.0), event("/gn/part1/hit", 1.0)])
    assert [e.addr for e in inbox.drain()] == ["/gn/hush", "/gn/part1/hit"]


def test_a_flood_of_panics_stays_bounded(inbox):
    for _ in range(10_000):
        inbox.put([event("/gn/panic", 1.0)])
    assert len(inbox) == 1


def test_applied_follows_one_drain_behind(inbox):
    first = inbox.put([event("/gn/part1/hit", 1.0)])
    second = inbox.put([event("/gn/part1/hit", 1.0)])
    assert inbox.applied < first
    inbox.drain(limit=1)
    assert inbox.applied < first
    inbox.drain(limit=1)
    assert first <= inbox.applied < second
    inbox.drain()
    assert inbox.applied >= second


def test_the_reader_never_waits_for_a_writer(inbox):
    inbox.put([event("/gn/part1/hit", 1.0)])
    with inbox._lock:
        assert inbox.drain() == []
    assert len(inbox.drain()) == 1


def test_writers_in_threads_lose_nothing(telemetry):
    inbox = Inbox(telemetry, capacity=100_000)

    def write(part: int) -> None:
        for n in range(1000):
            inbox.put([event(f"/gn/part{part}/hit", n / 1000)])

    writers = [threading.Thread(target=write, args=(part,)) for part in range(1, 5)]
    for writer in writers:
        writer.start()
    found: list[Event] = []
    while any(w.is_alive() for w in writers) or len(inbox):
        found += inbox.drain(64)
    for part in range(1, 5):
        values = [e.args[0] for e in found if e.addr == f"/gn/part{part}/hit"]
        assert values == [n / 1000 for n in range(1000)]


def test_batch_ids_are_never_repeated():
    assert len({next_batch() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("addr", "args", "released"),
    [
        ("/gn/panic", (), False),
        ("/gn/panic", (1,), False),
        ("/gn/panic", (0,), True),
        ("/gn/part1/hit", (0.0,), True),
        ("/gn/part1/hit", (0.2,), False),
        ("/gn/part1/note", (0, 0.0), False),
        ("/gn/part1/gain", (0.0,), False),
    ],
)
def test_buttons_act_when_pressed(addr, args, released):
    target = resolve(addr)
    assert target is not None
    assert is_button_release(target, check(target, args)[0]) is released


def test_a_parts_hush_takes_its_notes_from_names_and_values_along(inbox):
    inbox.put([event("/gn/play", "part", 2, "gain", -3.0)])
    inbox.put([event("/gn/play", "gain", -3.0)])
    inbox.put([event("/gn/play", "part", 2, "velocity", 0.0, "d1", 1.0)])
    inbox.put([event("/gn/part2/hush", 1.0)])
    assert [(e.addr, e.args[:2]) for e in inbox.drain()] == [
        ("/gn/part2/hush", (1.0,)),
        ("/gn/play", ("gain", -3.0)),
        ("/gn/play", ("part", 2)),
    ]
