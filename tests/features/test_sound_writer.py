"""Sound files out: what is written is read back, and nothing half written is left behind."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ghostnote.errors import AudioFileError
from ghostnote.features import sound_writer
from ghostnote.features.spec import FeatureSpec

RATE = FeatureSpec().sample_rate


def hit() -> np.ndarray:
    """A decaying sine of half a second, shape (n,)."""
    t = np.arange(RATE // 2) / RATE
    return (0.8 * np.cos(2 * np.pi * 440 * t) * np.exp(-8 * t)).astype(np.float32)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "A.WAV"])
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_written_is_read(tmp_path, name, channels):
    samples = hit() if channels is None else np.repeat(hit()[:, None], channels, axis=1)
    sound_writer.write(tmp_path / name, samples, RATE)
    assert soundfile.info(tmp_path / name).subtype == "PCM_24"
    values, rate = soundfile.read(tmp_path / name, dtype="float32")
    assert rate == RATE
    assert np.abs(values - (samples[:, 0] if channels == 1 else samples)).max() < 2**-22
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_beyond_full_scale_clips(tmp_path):
    sound_writer.write(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5], np.float32), RATE)
    values, _ = soundfile.read(tmp_path / "a.wav")
    assert values == pytest.approx([1.0, -1.0, 0.5], abs=1e-6)


def test_written_twice_is_the_same_bytes(tmp_path):
    for name in ("a.wav", "b.wav"):
        sound_writer.write(tmp_path / name, hit(), RATE)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


UNWRITABLE = {
    "suffix": ("a.mp3", hit(), RATE, r"cannot write a \.mp3; end it in \.wav or \.flac"),
    "no suffix": ("a", hit(), RATE, "cannot write a file without suffix"),
    "no folder": ("nowhere/a.wav", hit(), RATE, "cannot be written .*No such file"),
    "nan": ("a.wav", np.array([0.0, np.nan], np.float32), RATE, "hold NaN or infinity"),
    "no samples": ("a.wav", np.zeros(0, np.float32), RATE, "no samples"),
    "three axes": ("a.wav", np.zeros((2, 2, 2), np.float32), RATE, "samples of shape"),
    "nine channels in flac": ("a.flac", np.zeros((9, 9), np.float32), RATE, "cannot be written"),
    "rate 0": ("a.wav", hit(), 0, "cannot be written"),
}


@pytest.mark.parametrize("case", UNWRITABLE, ids=lambda case: case.replace(" ", "-"))
def test_refuses_to_write(tmp_path, case):
    name, samples, rate, match = UNWRITABLE[case]
    with pytest.raises(AudioFileError, match=match) as caught:
        sound_writer.write(tmp_path / name, samples, rate)
    assert str(tmp_path / name) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioFileError, match="is a folder"):
        sound_writer.write(tmp_path / "a.wav", hit(), RATE)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    sound_writer.write(tmp_path / "a.wav", hit(), RATE)
    before = (tmp_path / "a.wav").read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(AudioFileError, match="No space left on device"):
        sound_writer.write(tmp_path / "a.wav", hit() * 0.5, RATE)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_name_that_is_too_long_is_refused_like_any_other(tmp_path):
    with pytest.raises(AudioFileError, match="cannot be written"):
        sound_writer.write(tmp_path / ("a" * 300 + ".wav"), hit(), RATE)
    assert list(tmp_path.iterdir()) == []


def test_the_refusal_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(AudioFileError) as refusal:
        sound_writer.write(tmp_path / "a.wav", hit(), 0)
    assert ".part" not in str(refusal.value)
