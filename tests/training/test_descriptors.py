"""Descriptors: each follows what it is named after, and a change of level changes none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training.descriptors import NAMES, describe

SPEC = FeatureSpec()
TIME = np.arange(SPEC.samples) / SPEC.sample_rate
PLACE = {name: k for k, name in enumerate(NAMES)}


def heard(samples):
    return describe(stft.magnitudes(np.asarray(samples, dtype=np.float32), SPEC), SPEC)


def tone(hz=220.0, decay_s=0.2, attack_s=0.0, partials=6):
    sound = sum(np.sin(2 * np.pi * hz * k * TIME) / k for k in range(1, partials + 1))
    rise = np.minimum(TIME / attack_s, 1.0) if attack_s else 1.0
    return 0.2 * sound * np.exp(-TIME / decay_s) * rise


def noise(cutoff_hz=4000.0, decay_s=0.2):
    white = np.random.default_rng(3).standard_normal(SPEC.samples)
    return (
        0.2
        * sosfilt(butter(4, cutoff_hz, fs=SPEC.sample_rate, output="sos"), white)
        * np.exp(-TIME / decay_s)
    )


@pytest.mark.parametrize(
    ("name", "sounds"),
    [
        ("brighter", [noise(cutoff_hz=hz) for hz in (500, 1500, 4000, 12000)]),
        ("longer", [tone(decay_s=s) for s in (0.03, 0.1, 0.3, 0.6)]),
        ("noisier", [tone() + share * noise() for share in (0.0, 0.3, 1.0, 10.0)]),
        ("higher", [tone(hz=hz) for hz in (80, 110, 220, 240, 440)]),
        ("softer", [tone(attack_s=s) for s in (0.0, 0.02, 0.05, 0.2)]),
    ],
)
def test_descriptor_rises_with_what_it_is_named_after(name, sounds):
    values = [heard(sound)[PLACE[name]] for sound in sounds]
    assert values == sorted(values)
    assert min(np.diff(values)) > 0.02


def test_level_changes_nothing():
    np.testing.assert_allclose(heard(tone()), heard(0.1 * tone()), atol=0.05)


def test_octaves_are_octaves():
    low, high = heard(tone(hz=220.0)), heard(tone(hz=440.0))
    assert high[PLACE["higher"]] - low[PLACE["higher"]] == pytest.approx(1.0, abs=0.15)


def test_noise_is_rough_and_a_tone_is_not():
    assert heard(noise())[PLACE["noisier"]] > 0.8
    assert heard(tone())[PLACE["noisier"]] < 0.4


def test_silence_is_finite():
    assert np.isfinite(heard(np.zeros(SPEC.samples))).all()
