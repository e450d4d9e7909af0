"""Gains glide to where the parameters put them, all the way; pitches are there at once."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.core.levels import Levels
from ghostnote.core.part import Part
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.voice import Sound

RATE, QUANTUM = 44100, 64


@pytest.fixture
def part() -> Part:
    return Part(2, Sound.silent(FeatureSpec(frames=4)))


def test_a_gain_glides_and_arrives(part):
    levels = Levels(QUANTUM, RATE)
    levels.follow(part)
    levels.jump()
    full = levels.gains[0, 2]
    part.set("gain", -6.0)
    levels.follow(part)
    assert levels.gains[0, 2] == full, "nothing moves between quanta"
    course = []
    for _ in range(200):
        levels.step()
        course.append(levels.gains[0, 2])
    assert np.all(np.diff(course) <= 0)
    # The time constant is 10 ms: 6.9 quanta.
    gone = (full - course[6]) / (full - part.level()[0])
    assert gone == pytest.approx(1 - np.exp(-7 * QUANTUM / (RATE * 0.01)), abs=0.01)
    assert course[-1] == pytest.approx(part.level()[0], rel=1e-5)


def test_what_has_arrived_stays_until_a_parameter_changes(part):
    levels = Levels(QUANTUM, RATE)
    levels.follow(part)
    for _ in range(400):
        levels.step()
    rested = levels.gains.copy()
    levels.step()
    assert np.array_equal(levels.gains, rested)
    part.set("pan", 1.0)
    levels.follow(part)
    levels.step()
    assert levels.gains[0, 2] < rested[0, 2]
    assert levels.gains[1, 2] > rested[1, 2]


def test_pitch_is_the_sum_of_pitch_and_bend(part):
    levels = Levels(QUANTUM, RATE)
    for name, value in (("pitch", -3.0), ("bend", 0.5), ("bend_range", 12.0)):
        part.set(name, value)
    levels.tune(part)
    assert levels.semitones.tolist() == [0, 0, 3, 0, 0, 0, 0, 0, 0]
