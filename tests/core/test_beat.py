"""The beat on its own: exact lines, no drift, taps, and a MIDI clock that jitters."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enginekit import RATE
from ghostnote.core.beat import STEPS, Beat
from ghostnote.core.pulses import PER_BEAT, Pulses

GRIDS = st.sampled_from([*STEPS, "1/1"])


def beat_at(tempo: float = 120.0, grid: str = "1/4") -> Beat:
    beat = Beat(RATE)
    beat.set_tempo(0, tempo)
    beat.grid = grid
    return beat


@given(grid=GRIDS, tempo=st.floats(20, 300), at=st.integers(0, 10**9), changed=st.integers(0, 10**6))
def test_lines_lie_where_the_grid_says_and_give_themselves_back(grid, tempo, at, changed):
    beat = beat_at(97.0, grid)
    beat.set_tempo(changed, tempo)
    at += changed
    line = beat.next_line(at)
    step = STEPS.get(grid, 4.0)
    assert line >= at
    assert line - at <= step * 60.0 * RATE / tempo + 1
    nearest = round(beat.position(line) / step)
    assert abs(beat.position(line) - nearest * step) * 60.0 * RATE / tempo < 1.01, (
        "within a sample of the grid"
    )
    assert beat.next_line(line) == line
    assert beat.next_line(line + 1) > line


def test_an_hour_of_beats_does_not_drift():
    beat, at = beat_at(120.0), 0
    for n in range(7200):
        assert beat.next_line(at) == math.ceil(n * RATE / 2)
        at = beat.next_line(at) + 1


def test_a_change_of_tempo_goes_on_from_where_it_was():
    beat = beat_at(120.0)
    beat.set_tempo(RATE, 60.0)
    assert beat.position(RATE) == pytest.approx(2.0)
    assert beat.position(2 * RATE) == pytest.approx(3.0)
    beat.set_running(2 * RATE, False)
    assert beat.position(9 * RATE) == pytest.approx(3.0)
    assert beat.next_line(9 * RATE + 5) == 9 * RATE + 5, "nothing waits for a beat that stands still"
    beat.set_running(9 * RATE, True)
    assert beat.position(10 * RATE) == pytest.approx(4.0)


def test_a_nudge_moves_later_beats():
    beat = beat_at(120.0)
    beat.nudge(0, 100.0)
    assert beat.next_line(1) == round(0.4 * RATE)
    beat.nudge(0, -100.0)
    assert beat.next_line(1) == round(0.5 * RATE)


def test_each_beat_is_told_once():
    beat, told = beat_at(120.0), []
    for end in range(64, 3 * RATE, 64):
        if (n := beat.beat_before(end)) is not None:
            told.append((n, end))
    assert [n for n, _ in told] == [0, 1, 2, 3, 4, 5]
    assert all(0 < end - n * RATE / 2 <= 64 for n, end in told)


def test_a_jump_is_not_a_beat_but_the_next_one_is_told():
    beat = beat_at(120.0)
    beat.beat_before(64)
    beat.move(64, 17.5)
    assert beat.beat_before(128) is None
    assert beat.beat_before(30000) == 18
    beat.move(RATE, 2.0)
    assert beat.beat_before(RATE + 64) == 2


@given(tempo=st.floats(40, 240), start=st.integers(0, 10**6), taps=st.integers(2, 12))
def test_taps_make_their_tempo(tempo, start, taps):
    beat, found = beat_at(120.0), None
    for n in range(taps):
        found = beat.tap(start + round(n * 60.0 * RATE / tempo))
    assert found is not None
    assert found[0] == pytest.approx(tempo, abs=0.05)
    assert found[1] == round(beat.position(start + round((taps - 1) * 60.0 * RATE / tempo)))


def test_one_tap_says_nothing_and_a_pause_begins_anew():
    beat = beat_at(120.0)
    assert beat.tap(0) is None
    assert beat.tap(10 * RATE) is None
    assert beat.tap(11 * RATE) == (60.0, 22.0)


def test_one_bad_tap_of_many_hardly_counts():
    beat = beat_at(120.0)
    for n in range(7):
        found = beat.tap(n * RATE // 2 + (RATE // 8 if n == 3 else 0))
    assert found[0] == pytest.approx(120.0, abs=0.1)


@pytest.mark.parametrize("tempo", [60.0, 120.5, 174.0])
def test_a_jittering_midi_clock_is_followed(rng, tempo):
    pulses, span = Pulses(RATE), 60.0 * RATE / tempo / PER_BEAT
    found = []
    for n in range(40 * PER_BEAT):
        at = 5000 + n * span
        answer = pulses.pulse(round(at + rng.uniform(0.0, 0.002) * RATE))
        if answer is not None and n > 8 * PER_BEAT:
            exact = (at - 5000 + 0.001 * RATE) / span / PER_BEAT
            found.append((answer[0] - tempo, (answer[1] - exact) * 60.0 / tempo))
    assert len(found) >= 30
    assert max(abs(t) for t, _ in found) < 0.1, "beats a minute"
    late = [seconds for _, seconds in found]
    assert max(late) - min(late) < 0.002


def test_a_midi_clock_that_changes_its_tempo_is_followed_within_two_beats():
    pulses, at = Pulses(RATE), 0.0
    answer = None
    for n in range(12 * PER_BEAT):
        at += 60.0 * RATE / (120.0 if n < 8 * PER_BEAT else 150.0) / PER_BEAT
        answer = pulses.pulse(round(at)) or answer
        if n == 10 * PER_BEAT:
            assert answer[0] == pytest.approx(150.0, abs=0.5)
    assert answer[0] == pytest.approx(150.0, abs=0.1)


def test_after_a_start_beats_are_counted_from_its_first_pulse():
    pulses = Pulses(RATE)
    span = 60.0 * RATE / 120.0 / PER_BEAT
    for n in range(50):
        pulses.pulse(round(n * span))
    pulses.go_to(0)
    answers = [pulses.pulse(round(70000 + n * span)) for n in range(PER_BEAT + 1)]
    found = [(n, a) for n, a in enumerate(answers) if a is not None]
    assert found
    assert all(a[1] == pytest.approx(n / PER_BEAT, abs=0.001) for n, a in found)


def test_after_a_song_position_they_are_counted_from_there():
    pulses = Pulses(RATE)
    for n in range(30):
        pulses.pulse(n * 900)
    pulses.go_to(37 * PER_BEAT)
    assert pulses.placed
    answers = [pulses.pulse(30 * 900 + n * 1000) for n in range(PER_BEAT)]
    assert not pulses.placed
    found = [(n, a) for n, a in enumerate(answers) if a is not None]
    assert found
    tempo = 60.0 * RATE / (1000 * PER_BEAT)
    for n, (told, beat) in found:
        assert told == pytest.approx(tempo, abs=0.01), "what was before says nothing of the tempo now"
        assert beat == pytest.approx(37.0 + n / PER_BEAT, abs=0.001)
