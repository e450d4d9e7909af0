"""Settings of playheads: what glides, what is plain, which stretch is played."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.synth.head import HEAD_NAMES, Head
from synth.poolkit import QUANTUM, SMOOTHING_S, SPEC

DEFAULTS: dict[str, float | str] = {
    "mode": "oneshot",
    "rate": 1.0,
    "reverse": 0,
    "freeze": 0,
    "start": 0.0,
    "length": 2.0,
    "loop_fade": 0.05,
    "tilt": 0.0,
    "formant": 0.0,
}
ANY = {
    "mode": st.sampled_from(["oneshot", "hold", "loop"]),
    "rate": st.floats(0.0, 4.0),
    "reverse": st.integers(0, 1),
    "freeze": st.integers(0, 1),
    "start": st.floats(0.0, 1.0),
    "length": st.floats(0.02, 2.0),
    "loop_fade": st.floats(0.0, 0.5),
    "tilt": st.floats(-12.0, 12.0),
    "formant": st.floats(-12.0, 12.0),
}
CHANGES = st.lists(
    st.sampled_from(sorted(ANY)).flatmap(lambda name: st.tuples(st.just(name), ANY[name])), max_size=20
)


def new() -> Head:
    return Head(SPEC, QUANTUM, SMOOTHING_S)


def test_every_setting_is_known_here():
    assert set(DEFAULTS) == HEAD_NAMES == set(ANY)


@given(CHANGES)
def test_whatever_was_set_the_defaults_are_plain_again(changes):
    head = new()
    for name, value in changes:
        head.set(name, value)
        head.step()
    for name, value in DEFAULTS.items():
        head.set(name, value)
    head.jump()
    assert head.plain
    assert not head.moving
    assert head.stretch(SPEC.frames).end == SPEC.frames


@given(CHANGES, st.integers(4, SPEC.frames))
def test_a_stretch_lies_within_its_sound_and_a_loop_has_a_length(changes, full_frames):
    head = new()
    for name, value in changes:
        head.set(name, value)
    stretch = head.stretch(full_frames)
    assert 0.0 <= stretch.first < stretch.end <= SPEC.frames
    if head.loop:
        assert stretch.end <= full_frames
        assert stretch.end - stretch.first >= 3.0
        assert 0.0 <= stretch.fade <= stretch.end - stretch.first


@pytest.mark.parametrize(("name", "value", "of"), [("rate", 3.0, "speed"), ("tilt", 9.0, "tilt")])
def test_a_change_glides_with_its_time_constant_and_arrives(name, value, of):
    head = new()
    before = getattr(head, of)
    head.set(name, value)
    assert head.moving
    course = []
    while head.moving:
        head.step()
        course.append(getattr(head, of))
    gone = (course[6] - before) / (value - before)
    assert gone == pytest.approx(1 - np.exp(-7 * QUANTUM / (SPEC.sample_rate * SMOOTHING_S[name])), abs=0.01)
    assert course[-1] == value
    assert len(course) < 100


def test_a_knob_that_is_turned_back_at_once_leaves_all_as_it_was():
    head = new()
    head.set("rate", 2.0)
    head.set("rate", 1.0)
    assert head.plain
    assert not head.moving


def test_freeze_goes_before_rate_and_reverse():
    head = new()
    for name in ("reverse", "freeze"):
        head.set(name, 1)
    head.jump()
    assert (head.speed, head.stands) == (0.0, True)
    head.set("freeze", 0)
    head.jump()
    assert (head.speed, head.stands) == (-1.0, False)
