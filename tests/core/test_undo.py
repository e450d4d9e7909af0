"""Undo and redo: gestures, recalls and slots as steps, and always a way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.scenekit import SceneBench, any_value, scramble
from ghostnote.core.history import STEPS
from ghostnote.scenes.scene import KEPT


@pytest.fixture
def bench(model, tmp_path) -> SceneBench:
    return SceneBench(model, tmp_path / "scenes")


def test_a_gesture_is_one_step_and_a_pause_begins_another(bench):
    for k in range(20):
        bench.do("part1/gain", -float(k))
        bench.quanta(10)
    bench.seconds(1.2)
    bench.do("part1/gain", -30.0)
    bench.do("undo")
    assert bench.engine.values["/gn/part1/gain"] == -19.0
    bench.do("undo")
    assert bench.engine.values["/gn/part1/gain"] == 0.0
    bench.do("redo")
    assert bench.engine.values["/gn/part1/gain"] == -19.0


def test_what_changes_nothing_is_no_step(bench):
    bench.do("part1/gain", -5.0)
    bench.do("part2/pan", 0.0)
    bench.do("undo")
    assert bench.engine.values["/gn/part1/gain"] == 0.0


def test_two_knobs_turned_at_once_are_two_steps_and_a_bundle_is_one(bench):
    for k in range(1, 10):
        bench.do("part1/gain", -float(k))
        bench.do("part2/pan", k / 10.0)
    bench.do("undo")
    assert bench.engine.values["/gn/part2/pan"] == 0.0
    assert bench.engine.values["/gn/part1/gain"] == -9.0
    bench.do("redo")
    for addr, value in (("part3/gain", -5.0), ("part4/gain", -5.0)):
        bench.at(bench.engine.now + 5, addr, value)
    bench.quanta(1)
    bench.do("undo")
    assert bench.engine.values["/gn/part3/gain"] == bench.engine.values["/gn/part4/gain"] == 0.0
    assert bench.engine.values["/gn/part2/pan"] == 0.9


def test_a_recall_is_one_step_with_its_slots(bench, rng):
    scramble(bench, rng)
    bench.do("scene/store", "one")
    scramble(bench, rng)
    before = bench.performance()
    bench.do("scene/recall", "one", 0.1)
    bench.quanta(10)
    bench.do("undo")
    assert bench.performance() == before, "also in the middle of its morph"
    bench.seconds(0.2)
    assert bench.performance() == before


def test_at_most_fifty_steps_are_kept_and_nothing_left_is_told(bench):
    for k in range(STEPS + 20):
        bench.do(f"part{k % 8 + 1}/gain", -float(k % 50) - 0.5)
        if k % 8 == 7:
            bench.seconds(1.1)
    for _ in range(STEPS):
        bench.do("undo")
    assert "nothing_to_undo" not in bench.counts
    bench.do("undo")
    assert bench.counts["nothing_to_undo"] == 1
    bench.do("part1/gain", -3.0)
    bench.do("redo")
    assert bench.counts["nothing_to_redo"] == 1, "a new step forgets what was undone"


STEP = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(sorted(KEPT)), st.floats(0, 1)),
    st.tuples(st.just("slot"), st.sampled_from("ab"), st.floats(-2, 2, width=32)),
    st.tuples(st.just("clear"), st.sampled_from("ab"), st.none()),
    st.tuples(st.just("recall"), st.sampled_from(["one", "two"]), st.sampled_from([0.0, 0.01])),
    st.tuples(st.just("wait"), st.none(), st.sampled_from([0.01, 1.1])),
)


@settings(max_examples=15)
@given(steps=st.lists(STEP, min_size=1, max_size=10))
def test_undoing_and_redoing_everything_leads_back(model, tmp_path_factory, steps):
    bench = SceneBench(model, tmp_path_factory.mktemp("scenes"))
    rng = np.random.default_rng(1)
    for name in ("one", "two"):
        scramble(bench, rng)
        bench.do("scene/store", name)
    start = bench.performance()
    for what, which, value in steps:
        if what == "set":
            bench.do(which.removeprefix("/gn/"), any_value(which, value))
        elif what == "slot":
            bench.do(f"slot/{which}/z", *[value] * 64)
        elif what == "clear":
            bench.do(f"slot/{which}/clear")
        elif what == "recall":
            bench.do("scene/recall", which, value)
            bench.seconds(0.02)
        else:
            bench.seconds(value)
    bench.seconds(0.02)
    if any(a.endswith("/glide") for a in (s[1] or "" for s in steps)):
        bench.seconds(10.1)
    end = bench.performance()
    undone = 0
    while "nothing_to_undo" not in bench.counts:
        bench.do("undo")
        undone += 1
    assert bench.performance() == start
    for _ in range(undone - 1):
        bench.do("redo")
    assert bench.performance() == end
    assert "nothing_to_redo" not in bench.counts
