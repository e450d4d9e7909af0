"""Attack and release: straight lines, as long as asked for, continuous whatever happens in between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.synth.envelope import Envelopes

RATE, QUANTUM = 44100, 64
ROW = np.array([0])


def run(envelopes: Envelopes, quanta: int) -> np.ndarray:
    """Levels at the end of each quantum of row 0."""
    return np.array([envelopes.advance(ROW)[1][0] for _ in range(quanta)])


@pytest.fixture
def envelopes() -> Envelopes:
    return Envelopes(4, RATE, QUANTUM)


def test_without_attack_it_is_there_at_once(envelopes):
    envelopes.start(0, 0.0)
    before, after = envelopes.advance(ROW)
    assert (before[0], after[0]) == (1.0, 1.0)


@pytest.mark.parametrize("seconds", [0.003, 0.1, 2.0])
def test_an_attack_takes_its_time(envelopes, seconds):
    envelopes.start(0, seconds)
    quanta = seconds * RATE / QUANTUM
    levels = run(envelopes, int(quanta) + 2)
    assert np.flatnonzero(levels >= 1.0)[0] == pytest.approx(quanta, abs=1.5)
    assert np.all(np.diff(levels) >= 0.0)


@pytest.mark.parametrize("seconds", [0.003, 0.1, 4.0])
def test_a_release_takes_its_time_and_ends_in_silence(envelopes, seconds):
    envelopes.start(0, 0.0)
    envelopes.fall(0, seconds)
    assert not envelopes.silent(0)
    quanta = seconds * RATE / QUANTUM
    levels = run(envelopes, int(quanta) + 2)
    assert np.flatnonzero(levels <= 0.0)[0] == pytest.approx(quanta, abs=1.5)
    assert envelopes.silent(0)


def test_a_slower_release_does_not_prolong_a_faster_one(envelopes):
    envelopes.start(0, 0.0)
    envelopes.fall(0, 0.01)
    run(envelopes, 2)
    envelopes.fall(0, 4.0)
    run(envelopes, 8)
    assert envelopes.silent(0)


def test_a_faster_release_shortens_a_slower_one(envelopes):
    envelopes.start(0, 0.0)
    envelopes.fall(0, 4.0)
    run(envelopes, 2)
    envelopes.fall(0, 0.004)
    run(envelopes, 4)
    assert envelopes.silent(0)


def test_a_release_during_the_attack_falls_from_where_it_is(envelopes):
    envelopes.start(0, 0.1)
    level = run(envelopes, 20)[-1]
    envelopes.fall(0, 0.1)
    assert run(envelopes, 1)[0] < level
    assert level < 0.5


def test_a_voice_that_rises_again_goes_back_to_full(envelopes):
    envelopes.start(0, 0.0)
    envelopes.fall(0, 0.5)
    run(envelopes, 50)
    envelopes.rise(0, 0.02)
    assert run(envelopes, 20)[-1] == 1.0


def test_a_row_that_is_used_again_forgets_its_past(envelopes):
    envelopes.start(0, 0.0)
    envelopes.fall(0, 0.001)
    run(envelopes, 3)
    envelopes.start(0, 0.0)
    assert not envelopes.silent(0)
    assert run(envelopes, 3).tolist() == [1.0, 1.0, 1.0]
    envelopes.fall(0, 4.0)
    assert run(envelopes, 1)[0] > 0.99


def test_rows_do_not_touch_each_other(envelopes):
    envelopes.start(0, 0.0)
    envelopes.start(2, 0.1)
    envelopes.fall(0, 0.01)
    for _ in range(20):
        envelopes.advance(np.array([2, 0]))
    assert envelopes.silent(0)
    assert 0.0 < envelopes.level[2] < 1.0


@given(
    st.lists(
        st.tuples(st.sampled_from(["start", "rise", "fall"]), st.floats(0.0, 4.0), st.integers(1, 30)),
        max_size=20,
    )
)
def test_levels_stay_in_range_and_meet_at_the_seams(moves):
    envelopes = Envelopes(1, RATE, QUANTUM)
    last = None
    for move, seconds, quanta in moves:
        getattr(envelopes, move)(0, seconds)
        if move == "start":
            last = None
        for _ in range(quanta):
            before, after = envelopes.advance(ROW)
            assert 0.0 <= after[0] <= 1.0
            assert last is None or before[0] == last
            last = after[0]
