"""One sound out of a recording: from where it begins, for as long as it lasts, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ghostnote.errors import AudioFileError
from ghostnote.features import audio_file
from ghostnote.features.spec import FeatureSpec

SPEC = FeatureSpec()
RATE = SPEC.sample_rate


def hit(rate: int = RATE, seconds: float = 0.5) -> np.ndarray:
    """A decaying sine that starts at full level, shape (n,)."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.8 * np.cos(2 * np.pi * 440.0 * t) * np.exp(-8 * t)).astype(np.float32)


def put(path, samples, rate=RATE):
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize("rate", [RATE, 48000])
def test_one_sound_of_a_recording_is_what_was_put_there(tmp_path, rate):
    """Quiet before something loud, it is neither cut at the front nor followed by the other one."""
    recording = np.zeros(round(3.0 * rate), dtype=np.float32)
    quiet, loud = 0.01 * hit(rate, 0.3), hit(rate, 0.5)
    recording[rate : rate + len(quiet)] = quiet
    recording[rate + len(quiet) : rate + len(quiet) + len(loud)] = loud
    path = put(tmp_path / "a.wav", recording, rate)
    sound = audio_file.sound_at(path, SPEC, 1.0, 0.3)
    wanted = audio_file.fit(quiet, rate, SPEC)
    fade = round(audio_file.FADE_S * RATE) + round(0.01 * RATE)
    end = round(0.3 * RATE) - fade
    assert np.allclose(sound[:end], wanted[:end], atol=2e-4)
    assert not sound[round(0.3 * RATE) + 2 :].any()


def test_one_sound_of_a_recording_that_ends_sooner(tmp_path):
    path = put(tmp_path / "a.wav", hit())
    assert np.array_equal(audio_file.sound_at(path, SPEC, 0.0, 9.0), audio_file.load(path, SPEC))
    with pytest.raises(AudioFileError, match="ends before 4 s"):
        audio_file.sound_at(path, SPEC, 4.0, 1.0)
