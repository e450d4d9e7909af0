"""Framing and transform: where frame k lies, levels, and exact inverses."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec

SPEC = FeatureSpec()
SMALL = FeatureSpec(n_fft=64, hop=16, frames=12)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32) * 0.2


@pytest.mark.parametrize("spec", [SPEC, SMALL, FeatureSpec(n_fft=256, hop=128, frames=9)])
def test_istft_is_the_exact_inverse(spec):
    x = noise(spec.samples)
    count = spec.samples - spec.n_fft // 2 - spec.hop
    np.testing.assert_allclose(stft.istft(stft.stft(x, spec), spec)[:count], x[:count], atol=2e-6)


def test_full_scale_sine_has_magnitude_one_at_its_bin():
    t = np.arange(SPEC.samples)
    x = np.cos(2 * np.pi * 40 / SPEC.n_fft * t).astype(np.float32)
    middle = stft.magnitudes(x, SPEC)[SPEC.frames // 2]
    assert middle[40] == pytest.approx(1.0, abs=1e-4)
    assert int(middle.argmax()) == 40


def test_frame_k_is_centred_on_sample_k_hop():
    x = np.zeros(SMALL.samples, dtype=np.float32)
    x[5 * SMALL.hop] = 1.0
    frames = stft.frame(x, SMALL)
    assert int(np.abs(frames).max(axis=1).argmax()) == 5
    assert int(np.abs(frames[5]).argmax()) == SMALL.n_fft // 2


def test_frame_zero_sees_silence_before_the_sound():
    frames = stft.frame(np.ones(SMALL.samples, dtype=np.float32), SMALL)
    assert not frames[0, : SMALL.n_fft // 2].any()
    assert frames[0, SMALL.n_fft // 2] == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 191, 192, 193, 5000])
def test_any_length_gives_the_asked_frames(count):
    assert stft.stft(noise(count), SMALL).shape == (12, 33)
    assert stft.stft(noise(count), SMALL, frames=3).shape == (3, 33)


def test_short_sounds_are_padded_with_silence():
    x = noise(100)
    padded = np.concatenate([x, np.zeros(SMALL.samples - 100, dtype=np.float32)])
    np.testing.assert_array_equal(stft.stft(x, SMALL), stft.stft(padded, SMALL))


def test_level_is_kept():
    x = noise(SMALL.samples)
    np.testing.assert_allclose(
        stft.magnitudes(x * 0.25, SMALL), stft.magnitudes(x, SMALL) * 0.25, rtol=1e-4, atol=1e-8
    )
