"""Descriptors say what was put into a sound, whatever its level."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features.spec import FeatureSpec
from ghostnote.features.stft import magnitudes
from ghostnote.library.descriptors import describe

SPEC = FeatureSpec(frames=86)
TIME = np.arange(SPEC.samples) / SPEC.sample_rate


def of(samples: np.ndarray):
    samples = np.asarray(samples, dtype=np.float32)
    return describe(samples, magnitudes(samples, SPEC), SPEC, 0.25)


@pytest.mark.parametrize("hz", [45.0, 110.0, 440.0, 1234.5, 3000.0])
def test_pitch_of_tones_with_partials(hz):
    tone = sum(np.sin(2 * np.pi * k * hz * TIME) / k for k in (1, 2, 3)) * np.exp(-TIME * 5)
    assert of(0.3 * tone).pitch_hz == pytest.approx(hz, rel=0.01)


def test_noise_and_silence_have_no_pitch(rng):
    assert of(rng.standard_normal(SPEC.samples) * 0.2).pitch_hz == 0.0
    quiet = of(np.zeros(SPEC.samples))
    assert (quiet.pitch_hz, quiet.attack_s) == (0.0, 0.0)
    assert np.isfinite([quiet.loudness_db, quiet.centroid_hz, quiet.noisiness]).all()


def test_loudness_follows_the_level_and_nothing_else_does(rng):
    sound = 0.5 * rng.standard_normal(SPEC.samples) * np.exp(-TIME * 12)
    loud, soft = of(sound), of(0.1 * sound)
    assert loud.loudness_db - soft.loudness_db == pytest.approx(20.0, abs=0.01)
    for name in ("centroid_hz", "pitch_hz", "attack_s", "noisiness"):
        assert getattr(loud, name) == pytest.approx(getattr(soft, name), rel=0.01)
    assert of(np.sign(np.sin(2 * np.pi * 100 * TIME))).loudness_db == pytest.approx(0.0, abs=0.05)


def test_attack_centroid_and_noisiness_go_the_right_way(rng):
    slow = np.minimum(TIME / 0.1, 1.0) * np.sin(2 * np.pi * 300 * TIME)
    assert of(slow).attack_s == pytest.approx(0.09, abs=0.005)
    assert of(np.sin(2 * np.pi * 3000 * TIME)).centroid_hz == pytest.approx(3000, rel=0.05)
    noise, tone = of(rng.standard_normal(SPEC.samples)), of(np.sin(2 * np.pi * 300 * TIME))
    assert noise.noisiness == pytest.approx(0.96, abs=0.02)
    assert tone.noisiness < 0.3
