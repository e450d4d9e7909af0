"""The mix: gains go in straight lines from quantum to quantum, and what does not sound adds nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.synth.mixing import PRESS_S, Mixer

QUANTUM, ROWS, PARTS = 64, 5, 3
RAMP = np.arange(1, QUANTUM + 1) / QUANTUM


class Rig:
    """A mixer with steady envelopes and one constant for the samples of all rows."""

    def __init__(self) -> None:
        self.mixer = Mixer(ROWS, QUANTUM)
        self.block = np.ones((ROWS, QUANTUM), dtype=np.float32)
        self.levels = np.ones((2, PARTS + 1), dtype=np.float32)
        self.envelope = np.ones(ROWS, dtype=np.float32)

    def mix(self, after: np.ndarray | None = None) -> np.ndarray:
        out = np.full((QUANTUM, 2), 7.0, dtype=np.float32)
        before = self.envelope
        self.envelope = before if after is None else after
        self.mixer.mix(self.block, self.levels, before, self.envelope, out)
        return out


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_rows_that_were_not_started_are_silent(rig):
    assert not rig.mix().any()


def test_a_row_sounds_with_its_parts_level_and_its_velocity_from_the_first_sample(rig):
    rig.levels[:, 2] = 0.5, 0.25
    rig.mixer.start(3, 2, 0.5)
    for _ in range(3):
        assert np.array_equal(rig.mix(), np.tile(np.float32([0.25, 0.125]), (QUANTUM, 1)))


def test_a_level_moves_over_one_quantum_and_stays(rig):
    rig.mixer.start(0, 1, 1.0)
    rig.mix()
    rig.levels[0, 1] = 0.0
    moving, after = rig.mix(), rig.mix()
    assert np.allclose(moving[:, 0], 1.0 - RAMP, atol=1e-6)
    assert np.allclose(moving[:, 1], 1.0)
    assert not after[:, 0].any()


def test_an_envelope_moves_over_one_quantum_and_stays(rig):
    rig.mixer.start(0, 1, 1.0)
    rig.mix()
    assert np.allclose(rig.mix(np.full(ROWS, 0.5, dtype=np.float32))[:, 0], 1.0 - 0.5 * RAMP, atol=1e-6)
    assert np.allclose(rig.mix(), 0.5)


def test_a_pressed_row_gets_to_its_velocity_in_small_steps(rig):
    rig.mixer.start(0, 1, 0.5)
    rig.mix()
    rig.mixer.press(0, 1.0)
    heard = np.concatenate([rig.mix()[:, 0] for _ in range(120)])
    assert np.all(np.diff(heard) >= 0.0)
    assert np.diff(heard).max() < 0.0015
    assert heard[7 * QUANTUM] == pytest.approx(1.0 - 0.5 * np.exp(-7 * QUANTUM / (44100 * PRESS_S)), abs=0.02)
    assert heard[-1] == 1.0


def test_a_row_pressed_before_it_sounds_begins_so_and_a_copy_is_pressed_as_well(rig):
    rig.mixer.start(0, 1, 0.5)
    rig.mixer.press(0, 0.25)
    assert np.all(rig.mix() == 0.25)
    rig.mixer.press(0, 1.0)
    rig.mixer.copy(0, 2)
    for _ in range(120):
        heard = rig.mix()
    assert np.allclose(heard, 2.0)


def test_a_dropped_row_is_silent_at_once_and_a_new_note_on_it_does_not_ramp(rig):
    rig.mixer.start(0, 1, 1.0)
    rig.mixer.start(1, 2, 0.5)
    rig.mix()
    rig.mixer.drop(0)
    assert np.array_equal(rig.mix(), np.full((QUANTUM, 2), 0.5))
    rig.mixer.start(0, 3, 0.25)
    assert np.array_equal(rig.mix(), np.full((QUANTUM, 2), 0.75))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["start", "drop", "level", "envelope", "none"]),
            st.integers(0, ROWS - 1),
            st.integers(1, PARTS),
            st.floats(0.0, 1.0, width=32),
        ),
        max_size=25,
    )
)
def test_any_course_is_the_sum_of_its_rows(moves):
    """Against the plain sum, in which nothing is kept from quantum to quantum but the gains."""
    rig, chance = Rig(), np.random.default_rng(0)
    playing: dict[int, tuple[int, float]] = {}
    last: dict[int, np.ndarray] = {}
    for move, row, part, value in moves:
        after = None
        if move == "start":
            rig.mixer.drop(row)
            rig.mixer.start(row, part, value)
            playing[row] = part, value
            last.pop(row, None)
        elif move == "drop":
            rig.mixer.drop(row)
            playing.pop(row, None)
        elif move == "level":
            rig.levels[row % 2, part] = value
        elif move == "envelope":
            after = rig.envelope.copy()
            after[row] = value
        rig.block = chance.standard_normal((ROWS, QUANTUM)).astype(np.float32)
        before = rig.envelope
        heard = rig.mix(after)
        wanted = np.zeros((QUANTUM, 2))
        for number, (of_part, velocity) in playing.items():
            goal = rig.levels[:, of_part] * velocity
            start = last.get(number, goal * before[number])
            last[number] = goal * rig.envelope[number]
            gain = start + (last[number] - start) * RAMP[:, None]
            wanted += gain * rig.block[number][:, None]
        assert np.allclose(heard, wanted, atol=1e-5)
