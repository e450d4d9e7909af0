"""Parts of sound files as WAV for a browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from ghostnote.errors import AudioFileError, LibraryError
from ghostnote.library import wav as module
from ghostnote.library.wav import wav
from soundfolders import hit, write


def heard(data):
    return soundfile.read(io.BytesIO(data), always_2d=True)


def test_a_part_of_a_file(tmp_path):
    sound = np.linspace(-0.5, 0.5, 44100).astype(np.float32)
    samples, rate = heard(wav(write(tmp_path / "a.wav", sound), 0.5, 0.1))
    start, length = round((0.5 - module.BEFORE_S) * rate), round(0.1 * rate)
    assert len(samples) == round((0.1 + module.BEFORE_S + module.AFTER_S) * rate)
    assert np.allclose(samples[:length, 0], sound[start : start + length], atol=1e-4)
    assert samples[-1, 0] == 0.0


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".ogg", ".mp3"])
def test_formats(tmp_path, suffix):
    samples, rate = heard(wav(write(tmp_path / f"a{suffix}", hit(1)), 0.0, 0.1))
    assert rate == 44100
    assert np.abs(samples).max() > 0.3


@pytest.mark.parametrize(("rate", "out"), [(8000, 8000), (192000, 48000), (4000, 48000), (96000, 96000)])
def test_rates_that_browsers_play(tmp_path, rate, out):
    samples, found = heard(wav(write(tmp_path / "a.wav", hit(1, 0.5, rate), rate), 0.0, 0.4))
    assert found == out
    assert len(samples) / found == pytest.approx(0.43, abs=0.01)


@pytest.mark.parametrize(("channels", "out"), [(1, 1), (2, 2), (6, 1)])
def test_channels(tmp_path, channels, out):
    samples, _ = heard(wav(write(tmp_path / "a.wav", np.stack([hit(1)] * channels, axis=1)), 0.0, 0.1))
    assert samples.shape[1] == out


def test_a_file_at_an_address(tmp_path):
    pytest.importorskip("fsspec", reason="the extra remote is not installed")
    there = write(tmp_path / "a.wav", hit(1))
    assert wav(there.as_uri(), 0.0, 0.1) == wav(there, 0.0, 0.1)
    with pytest.raises((AudioFileError, LibraryError), match=r"none\.wav"):
        wav((tmp_path / "none.wav").as_uri(), 0.0, 0.1)


def test_no_more_than_is_useful(tmp_path):
    samples, rate = heard(wav(write(tmp_path / "a.wav", np.full(44100 * 15, 0.1)), 0.0, 1e9))
    assert len(samples) == round(module.LONGEST_S * rate)


def test_what_is_not_finite_is_silent(tmp_path):
    sound = hit(1)
    sound[10:20], sound[30] = np.nan, np.inf
    samples, _ = heard(wav(write(tmp_path / "a.wav", sound, subtype="FLOAT"), 0.0, 0.1))
    assert np.isfinite(samples).all()
    assert (samples[10:20] == 0.0).all()


@pytest.mark.parametrize(
    ("name", "onset_s", "said"),
    [
        ("missing.wav", 0.0, "there is no such file"),
        ("text.wav", 0.0, "not a sound file"),
        ("empty.wav", 0.0, "is empty"),
        (".", 0.0, "is a folder"),
        ("short.wav", 5.0, "ends before 5 s"),
    ],
)
def test_what_cannot_be(tmp_path, name, onset_s, said):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").touch()
    write(tmp_path / "short.wav", hit(1))
    with pytest.raises(AudioFileError, match=said):
        wav(tmp_path / name, onset_s, 0.1)
