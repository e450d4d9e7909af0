"""Sounds as training sees them: offset removed, cut to the onset, fitted."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import audio

SPEC = FeatureSpec()


def test_leading_silence_is_cut_and_level_kept():
    x = np.zeros(2000, dtype=np.float32)
    x[:700] = 1e-4
    x[700:] = 0.5
    out = audio.cut_to_onset(x)
    assert len(out) == 1300
    assert out[0] == 0.5


def test_silence_stays():
    assert len(audio.cut_to_onset(np.zeros(10, dtype=np.float32))) == 10
    assert len(audio.cut_to_onset(np.zeros(0, dtype=np.float32))) == 0


@pytest.mark.parametrize("length", [0, 1, 5000, SPEC.samples, SPEC.samples + 5000])
def test_fit_gives_the_models_length(length):
    out = audio.fit(np.ones(length, dtype=np.float32), SPEC)
    assert out.shape == (SPEC.samples,)
    assert (out[-1] == 0.0) == (length != SPEC.samples)


def test_steady_offset_goes_and_bass_stays():
    t = np.arange(44100) / 44100
    x = (0.3 + 0.5 * np.sin(2 * np.pi * 50 * t)).astype(np.float32)
    out = audio.remove_offset(x, 44100)[22050:]
    assert abs(out.mean()) < 1e-3
    assert np.abs(out).max() == pytest.approx(0.5, rel=0.05)


def test_load_mixes_resamples_and_cuts(tmp_path):
    t = np.arange(24000) / 48000
    left = np.concatenate([np.zeros(4800), np.cos(2 * np.pi * 1000 * t)])
    soundfile.write(tmp_path / "x.wav", np.stack([left, left], axis=1) * 0.5, 48000, subtype="FLOAT")
    out = audio.load(tmp_path / "x.wav", SPEC)
    assert out.shape == (SPEC.samples,)
    spectrum = np.abs(np.fft.rfft(out[:22050]))
    assert int(spectrum.argmax()) * 2 == pytest.approx(1000, abs=4)
    assert np.abs(out[:200]).max() > 0.3
