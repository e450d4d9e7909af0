"""A part keeps its weights, its mixture and its chance: what is kept must be as if computed anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.core.part import Part
from ghostnote.features.spec import FeatureSpec
from ghostnote.latent.mixer import Axes, mix, shift
from ghostnote.latent.slots import SlotBank
from ghostnote.state.registry import DEFAULTS
from ghostnote.state.table import AXES, SLOTS
from ghostnote.synth.voice import Sound

SIZE = 6
NOISE = np.random.default_rng(4)
CHANGES = st.one_of(
    st.tuples(st.sampled_from([f"weight/{s}" for s in SLOTS]), st.floats(-2.0, 2.0)),
    st.tuples(st.sampled_from([f"axis/{a}" for a in AXES]), st.floats(-4.0, 4.0)),
    st.tuples(st.just("normalize"), st.integers(0, 1)),
    st.tuples(st.sampled_from([f"fill {s}" for s in SLOTS]), st.floats(-1.0, 1.0)),
    st.tuples(st.sampled_from([f"clear {s}" for s in SLOTS]), st.just(0.0)),
    st.tuples(st.just("new model"), st.floats(-1.0, 1.0)),
)


def new_part(number: int = 3) -> Part:
    return Part(number, Sound.silent(FeatureSpec(frames=4)))


def new_axes(count: int = 3) -> Axes:
    return Axes(AXES[:count], NOISE.standard_normal((count, SIZE)).astype(np.float32))


@given(st.lists(CHANGES, max_size=30))
def test_the_point_is_that_of_the_values_after_any_changes(changes):
    part, slots, axes, rest = new_part(), SlotBank(SLOTS, SIZE), new_axes(), np.ones(SIZE, dtype=np.float32)
    values = {n.removeprefix("/gn/part3/"): v for n, v in DEFAULTS.items() if n.startswith("/gn/part3/")}
    for name, value in changes:
        if name.startswith("fill"):
            slots.put(name[-1], np.full(SIZE, value), "set")
        elif name.startswith("clear"):
            slots.clear(name[-1])
        elif name == "new model":
            slots, axes, rest = SlotBank(SLOTS, SIZE), new_axes(), np.full(SIZE, value, dtype=np.float32)
        else:
            values[name] = value
            part.set(name, value)
        part.set_point(slots, axes, rest)
        weights = np.float32([values[f"weight/{s}"] for s in SLOTS]) * slots.filled
        base = mix(slots.points, weights, bool(values["normalize"])) if weights.any() else rest
        steps = np.float32([values[f"axis/{a}"] for a in AXES[:3]])
        assert np.array_equal(part.point, shift(base, axes, steps))
    assert part.version == len(changes)


def test_a_take_is_the_same_until_the_chance_is_another():
    def chance(part: Part, seed: int = 0) -> tuple:
        take = part.take(seed, 300)
        return take.texture, None if take.epsilon is None else tuple(take.epsilon)

    part, other = new_part(), new_part(4)
    for one in (part, other):
        one.set_point(SlotBank(SLOTS, SIZE), new_axes(), np.ones(SIZE, dtype=np.float32))
    still = chance(part)
    part.hits += 1
    assert chance(part) == still, "without variance every hit is the same"
    part.set("variance", 0.5)
    second = chance(part)
    assert second[1] is not None
    assert chance(part) == second
    part.hits += 1
    third, seeded = chance(part), chance(part, seed=1)
    other.set("variance", 0.5)
    other.hits = part.hits
    assert len({still, second, third, seeded, chance(other)}) == 5
    part.hits -= 1
    assert chance(part) == second
    part.set("variance", 0.0)
    assert chance(part) == still


def test_noise_has_the_size_of_the_point():
    part = new_part()
    part.set("variance", 1.0)
    for size in (SIZE, 2 * SIZE):
        axes = Axes((), np.zeros((0, size), dtype=np.float32))
        part.set_point(SlotBank(SLOTS, size), axes, np.ones(size, dtype=np.float32))
        assert part.take(0, 300).epsilon.shape == (size,)


@pytest.mark.parametrize(("name", "value"), [("mode", "hold"), ("choke", 3), ("release", 0.25)])
def test_values_are_what_was_set_and_defaults_before(name, value):
    part = new_part()
    read = part.word if isinstance(value, str) else part.value
    assert read(name) == DEFAULTS[f"/gn/part3/{name}"]
    part.set(name, value)
    assert read(name) == value
