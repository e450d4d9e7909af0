"""Slots, programs and chance in the engine: where notes come from."""

from __future__ import annotations

import numpy as np
import pytest

from core.enginekit import DELAY, Bench, level
from ghostnote.core.engine import Engine
from ghostnote.decode.model import Model
from ghostnote.decode.worker import InlineDecoder
from ghostnote.telemetry import Telemetry


@pytest.fixture
def bench(model: Model) -> Bench:
    return Bench(model)


def test_reset_leaves_mix_and_level_alone(bench):
    for name, value in (
        ("bend", 1.0),
        ("variance", 1.0),
        ("axis/d1", 2.0),
        ("weight/b", 1.0),
        ("gain", -3.0),
    ):
        bench.now(f"part1/{name}", value)
    bench.now("part1/reset")
    bench.quanta(1)
    values = [
        bench.engine.values[f"/gn/part1/{n}"] for n in ("bend", "variance", "axis/d1", "weight/b", "gain")
    ]
    assert values == [0.0, 0.0, 0.0, 1.0, -3.0]


def test_program_puts_a_part_on_one_slot(bench):
    bench.now("part1/weight/b", 1.5)
    bench.now("part1/program", 3)
    bench.quanta(1)
    assert [bench.engine.values[f"/gn/part1/weight/{s}"] for s in "abcdefgh"] == [0, 0, 0, 1, 0, 0, 0, 0]
    assert np.array_equal(bench.engine.parts[1].point, bench.engine.slots.get("d").z)


def test_slots_store_draw_and_forget(bench, model):
    bench.now("part1/axis/d1", 1.0)
    bench.quanta(1)
    bench.now("slot/h/part", 1)
    bench.now("slot/g/prototype", "ride")
    bench.now("slot/f/random")
    bench.now("slot/e/random", 0)
    bench.now("slot/d/clear")
    bench.quanta(1)
    slots = bench.engine.slots
    assert np.array_equal(slots.get("h").z, bench.engine.parts[1].point)
    assert np.array_equal(slots.get("g").z, model.manifest.prototypes["ride"])
    assert np.array_equal(slots.get("f").z, slots.get("e").z), "draw 0 was the session's first"
    assert slots.get("d") is None
    assert [slots.get(s).origin for s in "hgf"] == ["part 1", "ride", "random 0"]


def test_random_draws_are_logged_with_their_number(bench):
    for _ in range(3):
        bench.now("slot/a/random")
    bench.quanta(1)
    assert [a.args for a in bench.applied] == [(0,), (1,), (2,)]


def test_an_unknown_prototype_is_told_and_changes_nothing(bench):
    before = bench.engine.slots.get("a")
    bench.now("slot/a/prototype", "cowbell")
    bench.quanta(1)
    assert bench.engine.slots.get("a") is before
    report = bench.telemetry.take_reports()[0].text
    assert "cowbell" in report
    assert "kick" in report


@pytest.mark.parametrize("z", [[], [1.0] * 63, [1e300] * 64])
def test_points_that_do_not_fit_are_told_and_change_nothing(bench, z):
    before = bench.engine.slots.get("a")
    bench.now("slot/a/z", *z)
    bench.quanta(1)
    assert bench.engine.slots.get("a") is before
    assert bench.counts["slot_refused"] == 1


def test_a_part_without_any_slot_rests_in_the_middle(bench, model):
    for slot in "abcdefgh":
        bench.now(f"slot/{slot}/clear")
    bench.quanta(20)
    assert np.array_equal(bench.engine.parts[1].point, model.manifest.latent_mean)


def test_a_new_seed_starts_chance_anew(bench):
    bench.now("part1/variance", 1.0)
    bench.seconds(0.05)
    heard = []
    for _ in range(2):
        bench.now("seed", 5)
        bench.seconds(0.05)
        bench.now("part1/hit")
        heard.append(bench.quanta(30))
        bench.now("panic")
        bench.quanta(4)
    assert np.array_equal(*heard)


def test_a_model_that_is_silent_plays_silence_and_ends(model):
    class Silent:
        """Decodes everything to nothing."""

        manifest, spec = model.manifest, model.spec

        def decode(self, z: np.ndarray, texture: np.ndarray, **_: object) -> np.ndarray:
            return np.zeros((model.spec.frames, model.spec.bins), dtype=np.float32)

    telemetry = Telemetry()
    engine = Engine(Silent(), InlineDecoder(Silent(), telemetry), decode_delay=DELAY, telemetry=telemetry)
    engine.prime(Silent().decode)
    bench = Bench(model)
    bench.engine = engine
    bench.now("part1/hit")
    assert level(bench.seconds(0.1)) < 1e-5
    assert engine.idle
