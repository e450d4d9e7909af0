"""Sounds and how long they can be heard."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.voice import AUDIBLE, FADE_FRAMES, Sound

SPEC = FeatureSpec(frames=20)


@pytest.mark.parametrize("last", [0, 7, 19])
def test_a_sound_lasts_to_its_last_audible_frame(last):
    magnitudes = np.full((20, SPEC.bins), AUDIBLE / 2, dtype=np.float32)
    magnitudes[last, 100] = 2 * AUDIBLE
    assert Sound.of(magnitudes).audible_frames == last + 1


def test_a_hole_does_not_end_a_sound():
    magnitudes = np.zeros((20, SPEC.bins), dtype=np.float32)
    magnitudes[[2, 15], 5] = 0.1
    assert Sound.of(magnitudes).audible_frames == 16


@pytest.mark.parametrize("frames", [1, 31, 32, 33, 100, 344])
def test_the_last_audible_frame_is_found_in_any_length(frames):
    for last in {0, frames // 2, frames - 1}:
        magnitudes = np.zeros((frames, SPEC.bins), dtype=np.float32)
        magnitudes[: last + 1, -1] = 0.1
        assert Sound.of(magnitudes).audible_frames == last + 1


def test_bad_numbers_hide_no_frame_but_their_own():
    magnitudes = np.zeros((100, SPEC.bins), dtype=np.float32)
    magnitudes[90, 7] = 0.1
    magnitudes[95] = np.nan
    assert Sound.of(magnitudes).audible_frames == 91


def test_silence_has_no_audible_frame():
    assert Sound.of(np.zeros((20, SPEC.bins), dtype=np.float32)).audible_frames == 0
    assert Sound.silent(SPEC).audible_frames == 0
    assert Sound.silent(SPEC).magnitudes.shape == (20, SPEC.bins)


def test_a_sound_that_has_not_died_away_is_faded_and_any_other_left_alone():
    endless = Sound.of(np.full((100, SPEC.bins), 0.1, dtype=np.float32)).magnitudes
    assert endless[-1].max() == 0.0
    assert np.all(np.diff(endless[:, 0]) <= 0.0)
    assert endless[-FADE_FRAMES - 1].min() == np.float32(0.1)
    ended = np.full((SPEC.frames, SPEC.bins), 0.1, dtype=np.float32)
    ended[-1] = 0.0
    assert np.array_equal(Sound.of(ended.copy()).magnitudes, ended)
