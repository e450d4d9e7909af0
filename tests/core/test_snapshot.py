"""Snapshots: everything comes back, and nothing does from a damaged one."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from core.enginekit import Bench
from ghostnote.core import snapshot
from ghostnote.errors import StateError


@pytest.fixture
def played(model) -> Bench:
    bench = Bench(model)
    for addr, args in {
        "part1/gain": (-6.0,),
        "part3/mode": ("hold",),
        "seed": (11,),
        "slot/a/random": (),
        "slot/b/z": [0.25] * 64,
        "slot/c/clear": (),
        "synth/voices": (5,),
    }.items():
        bench.now(addr, *args)
    bench.quanta(2)
    return bench


def test_everything_comes_back(model, played):
    state = snapshot.take(played.engine)
    fresh = Bench(model)
    snapshot.restore(fresh.engine, json.loads(json.dumps(state, allow_nan=False)))
    assert fresh.engine.values == played.engine.values
    assert snapshot.take(fresh.engine) == state
    fresh.engine.prime(model.decode)
    played.seconds(0.1)
    assert np.array_equal(fresh.engine.parts[1].point, played.engine.parts[1].point)


def test_a_restored_engine_sounds_the_same(model, played):
    fresh = Bench(model)
    snapshot.restore(fresh.engine, snapshot.take(played.engine))
    fresh.engine.prime(model.decode)
    played.seconds(0.2)
    for bench in (played, fresh):
        bench.now("part2/hit")
    assert np.allclose(played.seconds(0.05), fresh.seconds(0.05), atol=1e-6)


def test_a_fresh_engine_is_nearly_nothing(model):
    state = snapshot.take(Bench(model).engine)
    assert state["values"] == {}
    assert state["draws"] == 0


def test_slots_of_another_model_are_left(model, other_model, played):
    state = snapshot.take(played.engine)
    fresh = Bench(other_model)
    before = fresh.engine.slots.get("a")
    snapshot.restore(fresh.engine, state)
    assert fresh.engine.slots.get("a") is before
    assert fresh.engine.values["/gn/part1/gain"] == -6.0


def _with(**changes: object):
    return lambda state: {**state, **changes}


@pytest.mark.parametrize(
    "damage",
    [
        _with(schema="other"),
        _with(version=2),
        _with(values={"/gn/nothing": 1}),
        _with(values={"/gn/part1/hit": 1}),
        _with(values={"/gn/part1/pan": "left"}),
        _with(values={"/gn/part1/pan": None}),
        _with(values={"/gn/part1/pan": [1]}),
        _with(values={"/gn/part1/mode": "forever"}),
        _with(values=5),
        _with(values=None),
        _with(slots=5),
        _with(slots={"a": {"z": "x", "origin": ""}}),
        _with(slots={"a": {"origin": ""}}),
        _with(slots={"a": 7}),
        _with(slots={"a": {"z": [[1], [1, 2]], "origin": ""}}),
        _with(draws="many"),
        _with(draws=None),
        lambda state: {},
    ],
    ids=range(18),
)
def test_a_damaged_state_is_refused_and_changes_nothing(model, played, damage):
    state = damage(copy.deepcopy(snapshot.take(played.engine)))
    fresh = Bench(model)
    before = snapshot.take(fresh.engine)
    with pytest.raises(StateError, match="state"):
        snapshot.restore(fresh.engine, state)
    assert snapshot.take(fresh.engine) == before


def test_values_out_of_range_are_clipped_not_refused(model):
    """A narrower range in a later version must not cost a performer the whole state."""
    fresh = Bench(model)
    state = {**snapshot.take(fresh.engine), "values": {"/gn/part1/pan": 9.0}}
    snapshot.restore(fresh.engine, state)
    assert fresh.engine.values["/gn/part1/pan"] == 1.0


def test_a_point_that_the_model_cannot_decode_does_not_stop_the_start(model):
    """Otherwise a slot set to a wild point would make every restart fail."""
    from ghostnote.decode.session import OutputError

    def refuse(z: np.ndarray, texture: np.ndarray) -> np.ndarray:
        raise OutputError("inference gave NaN or infinity")

    bench = Bench(model)
    bench.engine.prime(refuse)
    assert bench.counts["prime_failed"] == 8
    bench.now("part1/hit")
    bench.seconds(0.1)
    bench.now("part1/hit")
    assert bench.quanta(4).any(), "and it is decoded later, when it can be"
