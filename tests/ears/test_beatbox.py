"""What beatbox makes of a sound: its part, how hard it is hit, and whether it plays."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.core.models import START_SLOTS
from ghostnote.ears.beatbox import SOFTEST, Judge, Rules, Sighting, likeliest, usual_parts, velocity

RULES = Rules(confidence=0.5, hold_s=0.05, guard_s=0.05)
DRUMS = (
    "kick", "snare", "hihat_closed", "hihat_open", "tom_low", "tom_mid", "tom_high", "clap", "rim",
)  # fmt: skip


def seen(at: float, age_s: float = 0.03, final: bool = False) -> Sighting:
    return Sighting(at, age_s, at + age_s + 0.003, 0.5, final, np.ones(1, dtype=np.float32))


def test_drums_get_the_parts_of_the_kit_and_toms_share():
    assert usual_parts(DRUMS, START_SLOTS) == (1, 2, 3, 4, 5, 5, 6, 7, 8)


def test_up_to_eight_classes_have_a_part_each_also_of_one_word():
    assert usual_parts(("pot lid", "pot side", "pan"), START_SLOTS) == (1, 2, 3)
    assert usual_parts(("ride", "kick", "crash"), START_SLOTS) == (2, 1, 3)
    assert usual_parts((), START_SLOTS) == ()


def test_more_classes_share_by_their_first_word_then_in_turn():
    classes = ("a 1", "b", "a 2", "c", "d", "e", "f", "g", "h", "i", "j")
    assert usual_parts(classes, START_SLOTS) == (1, 2, 1, 3, 4, 5, 6, 7, 8, 2, 3)


def test_classes_of_one_part_count_together_and_those_of_none_do_not():
    p = np.array([0.4, 0.3, 0.3], dtype=np.float32)
    assert likeliest(p, (1, 2, 2)) == (2, pytest.approx(0.6))
    assert likeliest(p, (0, 1, 2)) == (1, pytest.approx(0.3))
    assert likeliest(p, (0, 0, 0)) == (0, 0.0)


def test_level_becomes_velocity_whose_square_is_the_gain():
    assert velocity(10 ** (-12 / 20), -12.0, 1.0) == pytest.approx(1.0)
    assert velocity(10 ** (-32 / 20), -12.0, 1.0) ** 2 == pytest.approx(0.1)
    assert velocity(10 ** (-32 / 20), -12.0, 0.5) ** 2 == pytest.approx(0.1**0.5)
    assert velocity(10 ** (-32 / 20), -12.0, 0.0) == 1.0
    assert velocity(1.0, -12.0, 1.0) == 1.0
    assert velocity(0.0, -12.0, 1.0) == pytest.approx(SOFTEST, abs=0.02)


def test_a_sound_plays_once_at_the_first_answer_that_is_sure_enough():
    judge = Judge()
    assert judge.judge(seen(1.0, 0.03), 0.4, RULES) == "wait"
    assert judge.judge(seen(1.0, 0.06), 0.6, RULES) == "play"
    assert judge.judge(seen(1.0, 0.12), 0.9, RULES) == "done"
    assert judge.judge(seen(1.0, 0.9, final=True), 0.9, RULES) == "done"
    assert judge.judge(seen(2.0), 0.5, RULES) == "play"


def test_what_is_known_late_does_not_play():
    judge = Judge()
    assert judge.judge(seen(1.0, 0.9, final=True), 1.0, RULES) == "wait"
    assert judge.judge(seen(3.0, 0.045, final=True), 1.0, RULES) == "play"


def test_what_comes_too_soon_is_held_whatever_is_known_of_it_later():
    judge = Judge()
    assert judge.judge(seen(1.0), 1.0, RULES) == "play"
    assert judge.judge(seen(1.04), 1.0, RULES) == "held"
    assert judge.judge(seen(1.04, 0.06), 1.0, RULES) == "done"
    assert judge.judge(seen(1.051), 1.0, RULES) == "play"


def test_an_own_hit_at_the_microphone_does_not_play():
    judge = Judge()
    judge.own_hit(1.0)
    assert judge.judge(seen(0.99), 1.0, RULES) == "play"
    for at in (0.997, 1.01, 1.049):
        assert judge.judge(seen(at), 1.0, RULES) == "own"
    assert judge.judge(seen(1.06), 1.0, RULES) == "play"
    assert judge.is_own(1.01, 0.05)
    assert not judge.is_own(1.01, 0.0)


def test_without_a_guard_own_hits_are_not_looked_at():
    judge = Judge()
    judge.own_hit(1.0)
    assert judge.judge(seen(1.01), 1.0, Rules(0.5, 0.05, 0.0)) == "play"


def test_many_own_hits_are_remembered_for_as_long_as_a_sound_lasts():
    judge = Judge()
    for k in range(200):
        judge.own_hit(1.0 + 0.01 * k)
    assert judge.is_own(1.0, 0.001)
