"""Attack, decay, sustain, release: straight lines, as long as asked for, whatever happens in between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.synth.envelope import Envelopes

RATE, QUANTUM = 44100, 64


def run(envelopes: Envelopes, quanta: int) -> np.ndarray:
    """Levels at the end of each quantum of row 0."""
    return np.array([envelopes.advance()[1][0] for _ in range(quanta)])


@pytest.fixture
def envelopes() -> Envelopes:
    return Envelopes(4, RATE, QUANTUM)


def test_without_attack_it_is_there_at_once(envelopes):
    envelopes.start(0, 0.0)
    before, after = envelopes.advance()
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
        envelopes.advance()
    assert envelopes.silent(0)
    assert 0.0 < envelopes.level[2] < 1.0


def test_where_nothing_moves_the_same_array_comes_twice(envelopes):
    """By this the mix knows that gains stay."""
    envelopes.start(1, 0.0)
    envelopes.start(2, 0.003)
    moving = [before is not after for before, after in (envelopes.advance() for _ in range(6))]
    assert moving == [True, True, True, False, False, False]
    envelopes.fall(1, 4.0)
    before, after = envelopes.advance()
    assert after[1] < before[1]
    assert after is not before


def test_a_dropped_row_is_silent_and_still(envelopes):
    envelopes.start(0, 2.0)
    envelopes.advance()
    envelopes.drop(0)
    assert envelopes.silent(0)
    envelopes.advance()
    before, after = envelopes.advance()
    assert before is after


@pytest.mark.parametrize("attack", [0.0, 0.05])
@pytest.mark.parametrize("decay", [0.003, 0.2])
def test_after_the_attack_it_falls_to_its_sustain_in_the_time_of_its_decay(envelopes, attack, decay):
    envelopes.start(0, attack, decay, 0.25)
    levels = run(envelopes, round((attack + decay) * RATE / QUANTUM) + 4)
    arrived = np.flatnonzero(levels == np.float32(0.25))[0]
    assert arrived == pytest.approx((attack + decay) * RATE / QUANTUM, abs=2.5)
    assert levels.max() == pytest.approx(1.0, abs=0.5 if attack == 0.0 else 1e-6)
    assert np.all(levels[arrived:] == np.float32(0.25))
    before, after = envelopes.advance()
    assert before is after


def test_a_sustain_of_nothing_ends_a_note(envelopes):
    envelopes.start(0, 0.0, 0.01, 0.0)
    run(envelopes, 10)
    assert envelopes.silent(0)


def test_a_sustain_may_move_and_what_was_released_does_not_come_back(envelopes):
    for row in (0, 1):
        envelopes.start(row, 0.0, 0.01, 0.5)
    run(envelopes, 10)
    envelopes.fall(1, 0.1)
    for row in (0, 1):
        envelopes.sustain(row, 0.8, 0.01)
    run(envelopes, 100)
    assert envelopes.level[0] == pytest.approx(0.8)
    assert envelopes.silent(1)


def test_a_sustain_that_moves_during_the_attack_waits_for_its_end(envelopes):
    envelopes.start(0, 0.05)
    run(envelopes, 5)
    envelopes.sustain(0, 0.5, 0.01)
    levels = run(envelopes, 60)
    assert levels.max() == 1.0
    assert levels[-1] == 0.5


def test_a_copy_goes_the_same_way(envelopes):
    envelopes.start(0, 0.02, 0.1, 0.3)
    for k in range(100):
        if k in (3, 30):
            envelopes.copy(0, k % 4)
        if k == 60:
            for row in (0, 2, 3):
                envelopes.fall(row, 0.05)
        _, after = envelopes.advance()
        assert k < 3 or after[3] == after[0]
        assert k < 30 or after[2] == after[0]
    assert envelopes.silent(3)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["start", "rise", "fall", "decay", "sustain"]),
            st.floats(0.0, 4.0),
            st.integers(1, 30),
        ),
        max_size=20,
    )
)
def test_levels_stay_in_range_and_meet_at_the_seams(moves):
    envelopes = Envelopes(1, RATE, QUANTUM)
    last = None
    for move, seconds, quanta in moves:
        if move == "decay":
            envelopes.start(0, seconds / 8, seconds, seconds / 4)
        elif move == "sustain":
            envelopes.sustain(0, seconds / 4, seconds)
        else:
            getattr(envelopes, move)(0, seconds)
        if move in ("start", "decay"):
            last = None
        for _ in range(quanta):
            before, after = envelopes.advance()
            assert 0.0 <= after[0] <= 1.0
            assert last is None or before[0] == last
            last = after[0]
