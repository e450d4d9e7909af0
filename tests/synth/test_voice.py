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
