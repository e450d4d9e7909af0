"""Where sounds are heard to begin, and which of them stand out."""

from __future__ import annotations

import numpy as np

from features.onsetkit import hit
from ghostnote.features.onset_truth import audible, begins

RATE = 44_100


def test_what_is_drowned_is_not_audible():
    t = np.arange(RATE) / RATE
    sound = (0.01 * np.sin(2 * np.pi * 1000 * t) * np.exp(-9 * t)).astype(np.float32)
    quiet = np.zeros(2 * RATE)
    quiet[RATE:] += sound
    assert audible(quiet, RATE, sound, RATE)
    noisy = quiet + np.random.default_rng(0).standard_normal(2 * RATE)
    assert not audible(noisy, RATE, sound, RATE)
    ringing = quiet + 0.5 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    assert not audible(ringing, RATE, sound, RATE)


def test_a_sound_begins_where_it_is_heard():
    assert begins(hit(RATE), RATE) < 0.005 * RATE
    late = np.concatenate([1e-3 * np.ones(3000, np.float32), hit(RATE)])
    assert 3000 <= begins(late, RATE) < 3000 + 0.005 * RATE
