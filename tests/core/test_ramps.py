"""Glides and what moves them: exact ends, each value in its own domain, the same for live and render."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enginekit import RATE, Bench, entry, first_sound, rendered, steepest
from ghostnote.core.engine import QUANTUM
from ghostnote.core.ramps import COARSE_STEPS, FINE_STEPS, Ramps, Way
from ghostnote.state.registry import DEFAULTS, TARGETS
from ghostnote.state.table import Parameter

MOVING = sorted(
    a for a, t in TARGETS.items() if isinstance(t.row, Parameter) and t.part and t.row.kind == "f"
)


def between(row: Parameter, start: float, goal: float, t: float) -> float:
    return Way(row, start, goal).at(t)


def row_of(addr: str) -> Parameter:
    row = TARGETS[f"/gn/{addr}"].row
    assert isinstance(row, Parameter)
    return row


@given(addr=st.sampled_from(MOVING), x=st.floats(0, 1), y=st.floats(0, 1), t=st.floats(0, 1))
def test_on_the_way_a_value_is_between_its_ends_and_exact_at_them(addr, x, y, t):
    row = TARGETS[addr].row
    start, goal = float(row.from_unit(x)), float(row.from_unit(y))
    assert between(row, start, goal, 0.0) == start
    assert between(row, start, goal, 1.0) == goal
    assert min(start, goal) <= between(row, start, goal, t) <= max(start, goal)


def test_each_kind_of_value_moves_in_its_own_domain():
    assert between(row_of("part1/gain"), -40.0, 0.0, 0.25) == -30.0, "equal steps in dB"
    assert between(row_of("part1/pitch"), -12.0, 12.0, 0.5) == 0.0
    halfway = between(row_of("part1/release"), 0.01, 1.0, 0.5)
    assert halfway == pytest.approx(0.1), "equal ratios of a time"
    assert between(row_of("part1/attack"), 0.0, 1.0, 0.5) == pytest.approx(math.sqrt(1e-3)), (
        "from 0 as from 1 ms"
    )


@given(values=st.lists(st.tuples(st.sampled_from(MOVING), st.integers(1, 40)), min_size=1, max_size=200))
def test_every_ramp_arrives_on_time_whatever_else_moves(values):
    ramps, due = Ramps(), {}
    for addr, quanta in values:
        ramps.go(addr, 0.0, 1.0, quanta)
        due[addr] = quanta
    seen = {}
    for step in range(1, 41):
        moved = ramps.step()
        arriving = sum(quanta == step for quanta in due.values())
        assert len(moved) <= FINE_STEPS + COARSE_STEPS + arriving
        seen.update({addr: (step, value) for addr, value, _ in moved})
    assert {addr: step for addr, (step, value) in seen.items() if value == 1.0} == due
    assert len(ramps) == 0


def test_a_stopped_ramp_stays_where_it_is():
    ramps = Ramps()
    ramps.go("/gn/part1/gain", 0.0, -20.0, 10)
    ramps.step()
    ramps.stop("/gn/part1/gain")
    assert ramps.step() == []
    assert ramps.goals() == {}


def test_without_glide_a_value_is_there_at_once(model):
    bench = Bench(model)
    bench.now("part1/pitch", 5.0)
    bench.quanta(1)
    assert bench.engine.values["/gn/part1/pitch"] == 5.0


def test_a_glide_reaches_its_value_in_its_time_and_is_seen_on_the_way(model):
    bench = Bench(model)
    bench.now("part1/glide", 0.1)
    bench.now("part1/pitch", 10.0)
    quanta = math.ceil(0.1 * RATE / QUANTUM)
    path = []
    for _ in range(quanta + 3):
        bench.quanta(1)
        path.append(float(bench.engine.values["/gn/part1/pitch"]))
    assert path[0] == 0.0, "it begins with the quantum in which it was asked for"
    assert path[quanta] == path[-1] == 10.0
    assert all(a < b for a, b in pairwise(path[: quanta + 1]))
    assert np.allclose(np.diff(path[: quanta + 1]), 10.0 / quanta)


def test_feedback_hears_of_every_step_with_its_author(model):
    bench = Bench(model)
    reader = bench.engine.changes.reader()
    bench.now("part1/glide", 0.01)
    bench.engine.schedule(0, TARGETS["/gn/part1/pan"], (1.0,), "osc:someone")
    bench.quanta(1)
    reader.take()
    bench.quanta(1)
    assert reader.take() == [("/gn/part1/pan", "osc:someone")]


def test_the_log_has_the_cause_alone(model):
    bench = Bench(model)
    bench.now("part1/glide", 0.05)
    bench.now("part1/gain", -20.0)
    bench.seconds(0.1)
    assert [(a.addr, a.args) for a in bench.applied] == [
        ("/gn/part1/glide", (0.05,)),
        ("/gn/part1/gain", (-20.0,)),
    ]


def test_a_new_value_turns_a_glide_round_where_it_is(model):
    bench = Bench(model)
    bench.now("part1/glide", 0.1)
    bench.now("part1/pan", 1.0)
    bench.seconds(0.05)
    midway = float(bench.engine.values["/gn/part1/pan"])
    assert 0.3 < midway < 0.7
    bench.now("part1/pan", -1.0)
    bench.quanta(2)
    assert 0.0 < midway - float(bench.engine.values["/gn/part1/pan"]) < 0.1
    bench.now("part1/glide", 0.0)
    bench.now("part1/pan", 0.5)
    bench.quanta(1)
    assert bench.engine.values["/gn/part1/pan"] == 0.5
    bench.seconds(0.1)
    assert bench.engine.values["/gn/part1/pan"] == 0.5, "what was set without a glide stays"


def test_words_and_switches_do_not_glide(model):
    bench = Bench(model)
    bench.now("part1/glide", 1.0)
    bench.now("part1/mode", "hold")
    bench.now("part1/mute", 1)
    bench.quanta(1)
    assert bench.engine.values["/gn/part1/mode"] == "hold"
    assert bench.engine.values["/gn/part1/mute"] == 1


def test_a_glide_of_a_sounding_part_has_no_steps(model):
    """A second of the part's pan, gain and point on their way: no sample step above those of both ends."""
    bench = Bench(model)
    bench.now("part1/hit")
    calm = bench.seconds(0.1)
    bench.now("part1/glide", 0.2)
    bench.now("part1/gain", -12.0)
    bench.now("part1/pan", -0.8)
    bench.now("part1/program", 1)
    moving = bench.seconds(0.2)
    after = bench.seconds(0.05)
    assert steepest(moving) < 1.7 * max(steepest(calm[2000:]), steepest(after))


def test_what_is_set_at_time_zero_does_not_glide(model):
    hit = entry(0.01, "part1/hit")
    glided = rendered(model, [entry(0.0, "part1/glide", 5.0), entry(0.0, "part1/gain", -20.0), hit], 0.05)
    plain = rendered(model, [entry(0.0, "part1/gain", -20.0), hit], 0.05)
    assert np.array_equal(glided, plain)


def test_a_glide_of_no_time_is_no_glide(model):
    hit, turn = entry(0.01, "part1/hit"), entry(0.02, "part1/pitch", 4.0)
    glided = rendered(model, [entry(0.0, "part1/glide", 0.0), hit, turn], 0.08)
    assert np.array_equal(glided, rendered(model, [hit, turn], 0.08))
    slow = rendered(model, [entry(0.0, "part1/glide", 0.03), hit, turn], 0.08)
    assert first_sound(slow - glided) >= round(0.02 * RATE) - QUANTUM


def test_a_snapshot_holds_where_a_glide_goes(model):
    from ghostnote.core import snapshot

    bench = Bench(model)
    bench.now("part1/glide", 5.0)
    bench.now("part1/gain", -20.0)
    bench.quanta(3)
    assert -1.0 < float(bench.engine.values["/gn/part1/gain"]) < DEFAULTS["/gn/part1/gain"]
    assert snapshot.take(bench.engine)["values"]["/gn/part1/gain"] == -20.0
