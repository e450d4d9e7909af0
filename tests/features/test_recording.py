"""Whole recordings cut into sounds: chunk by chunk as in one piece, and trouble further on is told."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ghostnote.errors import AudioFileError
from ghostnote.features import recording
from ghostnote.features.segmentation import SegmentOptions, segments
from soundfolders import RATE, hit
from soundfolders import recording as hits

OPTIONS = SegmentOptions()


def test_cuts_are_the_segments_of_the_whole(tmp_path):
    samples = hits(6)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    found = list(recording.sounds(tmp_path / "a.wav", OPTIONS))
    whole = segments(samples, RATE, OPTIONS)
    assert [round(cut.onset_s * RATE) for cut in found] == [segment.start for segment in whole]
    assert [len(cut.samples) for cut in found] == [segment.end - segment.start for segment in whole]


@pytest.mark.parametrize("block", [1000, 1 << 18])
def test_chunks_lose_and_double_nothing(tmp_path, monkeypatch, block):
    soundfile.write(tmp_path / "a.flac", np.stack([hits(20)] * 2, axis=1), RATE)
    whole = [cut.onset_s for cut in recording.sounds(tmp_path / "a.flac", OPTIONS)]
    monkeypatch.setattr(recording, "CHUNK_S", 3.1)
    monkeypatch.setattr(recording, "OVERLAP_S", 1.0)
    monkeypatch.setattr(recording, "_BLOCK", block)
    chunks = [cut.onset_s for cut in recording.sounds(tmp_path / "a.flac", OPTIONS)]
    assert len(whole) == 20
    assert chunks == pytest.approx(whole, abs=1e-3)


def test_what_is_wrong_further_on_is_told(tmp_path):
    samples = np.concatenate([hits(3), np.full(100, np.nan, dtype=np.float32)])
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(AudioFileError, match="holds NaN"):
        list(recording.sounds(tmp_path / "a.wav", OPTIONS))


@pytest.mark.parametrize(("samples", "said"), [(np.zeros(5000), "is silent"), (np.zeros(0), "no samples")])
def test_nothing_in_it(tmp_path, samples, said):
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    with pytest.raises(AudioFileError, match=said):
        list(recording.sounds(tmp_path / "a.wav", OPTIONS))


def test_a_short_sound_is_one(tmp_path):
    soundfile.write(tmp_path / "a.wav", hit(1), RATE)
    (cut,) = recording.sounds(tmp_path / "a.wav", OPTIONS)
    assert cut.onset_s == 0.0
