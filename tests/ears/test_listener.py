"""Sounds while they come in: begun once, asked about at their milestones, the same however they are cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.onsetkit import cymbal, hit, place
from ghostnote.ears.listener import MILESTONES_S, SHOWN, WINDOW_EDGES, Listener
from ghostnote.ears.options import ListenOptions
from ghostnote.ears.sounds import Began, Question
from ghostnote.errors import UsageError
from ghostnote.features.spec import FeatureSpec

SPEC = FeatureSpec()
RATE = SPEC.sample_rate


def listen(samples: np.ndarray, block: int = 256, finish: bool = True, **options):
    listener = Listener(SPEC, ListenOptions(**options))
    found = [e for at in range(0, len(samples), block) for e in listener.process(samples[at : at + block])]
    return [*found, *(listener.finish() if finish else ())]


def asked(found, number: int) -> list[Question]:
    return [e for e in found if isinstance(e, Question) and e.number == number]


def plain(found) -> list[tuple]:
    return [
        (e.number, e.at, e.decided)
        if isinstance(e, Began)
        else (e.number, e.at, e.frames, e.final, e.asked, e.samples.tobytes())
        for e in found
    ]


def test_a_sound_that_goes_on_is_asked_about_at_its_milestones_and_when_it_is_whole():
    sound = place([(0.5, cymbal(RATE, seconds=3.0)), (0.501, 0.2 * hit(RATE, seconds=3.0))], 4.0, RATE)
    questions = asked(listen(sound, sensitivity=0.3), 1)
    assert [q.frames for q in questions] == [*SHOWN, SPEC.frames]
    assert [q.final for q in questions] == [False, False, False, True]
    for q, age_s in zip(questions[:3], MILESTONES_S, strict=True):
        assert q.asked - q.at == round(age_s * RATE) == len(q.samples)
        assert q.age_s == len(q.samples) / RATE
        np.testing.assert_array_equal(q.samples, sound[q.at : q.asked])


def test_it_is_in_a_hurry_from_an_onset_to_the_last_early_answer():
    sound = place([(0.5, cymbal(RATE, seconds=3.0)), (0.501, 0.2 * hit(RATE, seconds=3.0))], 2.0, RATE)
    listener = Listener(SPEC, ListenOptions(sensitivity=0.3))
    began, early, hurried = False, 0, []
    for at in range(0, len(sound), 64):
        for one in listener.process(sound[at : at + 64]):
            began = began or isinstance(one, Began)
            early += isinstance(one, Question) and not one.final
        assert listener.hurried is (began and early < len(MILESTONES_S))
        hurried.append(listener.hurried)
    assert 0.08 * RATE / 64 < sum(hurried) <= MILESTONES_S[-1] * RATE / 64 + 1


def test_a_short_sound_is_whole_when_it_has_died_away():
    tick = hit(RATE, seconds=0.05)
    questions = asked(listen(place([(0.5, tick)], 3.0, RATE), finish=False), 1)
    assert questions[-1].final
    assert 0.1 < questions[-1].age_s < 0.3


def test_a_sound_ends_where_the_next_begins_on_the_last_whole_window():
    found = listen(place([(0.5, cymbal(RATE)), (0.8, hit(RATE)), (0.9, hit(RATE, 90))], 2.0, RATE))
    begun = [e for e in found if isinstance(e, Began)]
    assert [b.number for b in begun] == [1, 2, 3]
    for one, following in pairwise(begun):
        last = asked(found, one.number)[-1]
        assert last.final
        assert last.frames in WINDOW_EDGES
        assert one.at + (last.frames - 1) * SPEC.hop + SPEC.n_fft // 2 <= following.at


def test_questions_come_in_order_and_each_sound_has_one_last_one():
    sounds = [(0.3 + 0.17 * k, hit(RATE, 100 + 40 * k, seed=k)) for k in range(8)]
    found = listen(place(sounds, 2.5, RATE))
    begun = {e.number for e in found if isinstance(e, Began)}
    assert begun == set(range(1, len(begun) + 1))
    assert len(begun) >= 7
    for number in begun:
        questions = asked(found, number)
        assert [q.final for q in questions].count(True) == 1
        assert questions[-1].final
        assert all(a.frames < b.frames for a, b in pairwise(questions[:-1]))


@settings(max_examples=15)
@given(sizes=st.lists(st.integers(0, 5_000), min_size=1, max_size=30))
def test_blocks_do_not_matter(sizes):
    samples = place([(0.2, hit(RATE)), (0.45, cymbal(RATE, 0.5)), (1.0, hit(RATE, 90))], 1.6, RATE)
    listener, found, at = Listener(SPEC), [], 0
    for size in sizes:
        found += listener.process(samples[at : at + size])
        at = min(len(samples), at + size)
    found += [*listener.process(samples[at:]), *listener.finish()]
    assert plain(found) == plain(listen(samples, len(samples)))


@pytest.mark.parametrize("block", [1, 64, 100, 441, 1000])
def test_blocks_do_not_matter_where_a_sound_dies_away(block):
    samples = place([(0.2, hit(RATE, seconds=0.06)), (0.7, hit(RATE, 90, seconds=0.1))], 1.5, RATE)
    found = listen(samples, block)
    assert [e.age_s < 0.45 for e in found if isinstance(e, Question) and e.final] == [True, True]
    assert plain(found) == plain(listen(samples, len(samples)))


def test_what_was_there_before_moves_everything_and_changes_nothing():
    samples = place([(0.5, hit(RATE)), (1.0, hit(RATE, 90))], 2.0, RATE)
    later = np.concatenate([np.zeros(30 * RATE // 7 * 132 // 132, dtype=np.float32), samples])
    moved = [q for q in listen(later) if isinstance(q, Question)]
    for one, other in zip([q for q in listen(samples) if isinstance(q, Question)], moved, strict=True):
        assert one.frames == other.frames
        assert other.at - one.at == len(later) - len(samples)
        np.testing.assert_array_equal(one.samples, other.samples)


def test_silence_and_what_is_no_number_are_nothing():
    assert listen(np.zeros(2 * RATE, dtype=np.float32)) == []
    broken = np.full(RATE, np.nan, dtype=np.float32)
    broken[::2] = np.inf
    assert listen(broken) == []


def test_quiet_sounds_are_below_the_threshold():
    quiet = 0.01 * place([(0.5, hit(RATE))], 1.5, RATE)
    assert [e for e in listen(quiet, threshold_db=-60.0) if isinstance(e, Began)]
    assert listen(quiet, threshold_db=-30.0) == []


def test_options_out_of_range_are_refused():
    with pytest.raises(UsageError, match=r"unknown 1\.5"):
        ListenOptions(unknown=1.5)
    with pytest.raises(UsageError, match="sensitivity"):
        ListenOptions(sensitivity=-1.0)
