"""What changed and who did it: nothing is lost, the latest author counts, and what waits is bounded."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from control.oscdesk import Desk
from core.enginekit import Bench
from ghostnote.core.changes import EVERYTHING, Changes
from ghostnote.state.registry import resolve
from ghostnote.state.table import SLOTS

_ADDRESSES = st.sampled_from(["/gn/a", "/gn/b", "/gn/c"])
_STEPS = st.lists(st.one_of(st.tuples(_ADDRESSES, st.sampled_from("xyz")), st.just("take")), max_size=40)


@given(_STEPS)
def test_each_take_has_every_address_once_with_its_latest_author(steps):
    changes = Changes()
    reader = changes.reader()
    expected: dict[str, str] = {}
    for step in steps:
        if step == "take":
            assert dict(reader.take()) == expected
            assert reader.take() == []
            expected = {}
        else:
            changes.note(*step)
            expected[step[0]] = step[1]


@given(st.integers(1, 20), st.integers(0, 60))
def test_too_many_changes_become_one_mark(capacity, count):
    changes = Changes()
    reader = changes.reader(capacity)
    for n in range(count):
        changes.note(f"/gn/{n}", "x")
    taken = reader.take()
    assert taken == ([(EVERYTHING, "")] if count > capacity else [(f"/gn/{n}", "x") for n in range(count)])
    changes.note("/gn/after", "y")
    assert reader.take() == [("/gn/after", "y")]


def test_every_reader_hears_everything_since_it_began_and_until_it_is_forgotten():
    changes = Changes()
    changes.note("/gn/before", "x")
    one, other = changes.reader(), changes.reader()
    changes.note("/gn/a", "x")
    changes.forget(other)
    changes.note("/gn/b", "x")
    assert [addr for addr, _ in one.take()] == ["/gn/a", "/gn/b"]
    assert [addr for addr, _ in other.take()] == ["/gn/a"]


def test_nothing_is_lost_between_two_threads():
    changes = Changes()
    reader = changes.reader()
    done = threading.Event()

    def write() -> None:
        for n in range(30_000):
            changes.note(f"/gn/{n % 50}", str(n))
        done.set()

    latest: dict[str, str] = {}
    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        latest.update(reader.take())
    writer.join()
    latest.update(reader.take())
    assert latest == {f"/gn/{n % 50}": str(n) for n in range(29_950, 30_000)}


def test_the_author_travels_with_a_message_to_its_changes_and_to_the_log(model):
    bench = Bench(model)
    bench.quanta(1)
    reader = bench.engine.changes.reader()
    for addr, args, source in (
        ("/gn/part1/gain", (-3.0,), "osc:127.0.0.1:5000"),
        ("/gn/part2/program", (1,), "midi:pads"),
        ("/gn/part3/hit", (1.0,), "midi:pads"),
    ):
        bench.engine.schedule(0, resolve(addr), args, source)
    bench.quanta(1)
    taken = dict(reader.take())
    assert taken.pop("/gn/part1/gain") == "osc:127.0.0.1:5000"
    assert taken == {f"/gn/part2/weight/{slot}": "via midi:pads" for slot in SLOTS}
    assert [a.source for a in bench.applied] == ["osc:127.0.0.1:5000", "midi:pads", "midi:pads"]
    bench.engine.set_value("/gn/part1/gain", 0.0)
    bench.engine.set_value("/gn/part1/pan", 0.0, "scene")
    assert reader.take() == [("/gn/part1/gain", ""), ("/gn/part1/pan", "scene")]


def test_who_sends_a_command_is_told_what_it_changed_and_who_sets_a_value_is_not(model):
    """As a surface with a program button and faders of the weights."""
    bench = Bench(model)
    bench.quanta(1)
    desk = Desk()
    desk.say("/gn/subscribe", "/gn/part2/weight")
    desk.say("/gn/subscribe", "/gn/slot/b/z")
    desk.ticks(20)
    reader = bench.engine.changes.reader()

    def do(addr: str, *args) -> set[str]:
        desk.say(addr, *args)
        for event in desk.inbox.drain():
            bench.engine.schedule(0, resolve(event.addr), event.args, event.source)
        bench.quanta(1)
        for changed, source in reader.take():
            value = bench.engine.values.get(changed, (0.0, 1.0))
            desk.change(changed, value, source)
        return {told for _, told, *_ in desk.ticks(4)}

    assert do("/gn/part2/program", 3) == {f"/gn/part2/weight/{slot}" for slot in SLOTS}
    assert do("/gn/part2/weight/a", 0.5) == set()
    assert do("/gn/slot/b/random", 7) == {"/gn/slot/b/z"}
    assert do("/gn/slot/b/z", *[0.1] * 64) == set()


def test_slots_and_models_tell_too(model, other_model):
    bench = Bench(model, load_model=lambda name: other_model)
    bench.quanta(1)
    reader = bench.engine.changes.reader()
    bench.now("slot/b/random")
    bench.now("slot/c/clear")
    bench.quanta(1)
    assert {addr for addr, _ in reader.take()} == {
        f"/gn/slot/{slot}/{what}" for slot in "bc" for what in ("z", "origin")
    }
    bench.now("slot/b/z", 1.0)
    bench.quanta(1)
    assert reader.take() == [], "a point that was refused changes nothing"
    bench.now("model/load", "other")
    bench.quanta(1)
    assert reader.take() == [(EVERYTHING, "")]
