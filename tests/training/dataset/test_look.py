"""Looking at files: what is wrong with each is said, and nothing is raised."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.features.segmentation import SegmentOptions
from ghostnote_training.dataset.look import Glance, look
from soundfolders import RATE, hit, recording, write


def see(path, cuts=None):
    return look(Glance(path, cuts, 2.0))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {}),
        ("a.aiff", {}),
        ("a.flac", {"subtype": "PCM_24"}),
        ("a.ogg", {}),
        ("a.mp3", {}),
        ("b.wav", {"subtype": "DOUBLE"}),
    ],
)
@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (8000, 2), (48000, 2)])
def test_formats_rates_and_channels(tmp_path, name, options, rate, channels):
    sound = np.repeat(hit(1, 0.5, rate)[:, None], channels, axis=1)
    found = see(write(tmp_path / name, sound, rate, **options))
    assert (found.trouble, found.rate, found.channels) == ("", rate, channels)
    assert found.frames >= 0.5 * rate


def test_what_cannot_be_used_is_said(tmp_path):
    def trouble(name, samples=None, raw=None, **options):
        if raw is None:
            write(tmp_path / name, samples, **options)
        else:
            (tmp_path / name).write_bytes(raw)
        return see(tmp_path / name).trouble

    sound = hit(1)
    bad = sound.copy()
    bad[2000] = np.nan
    good = write(tmp_path / "good.flac", sound).read_bytes()
    assert trouble("text.wav", raw=b"just some words " * 50) == "broken"
    assert trouble("zero.wav", raw=b"") == "empty"
    assert trouble("none.wav", np.zeros(0, np.float32)) == "empty"
    assert trouble("one.wav", sound[10:11]) == "short"
    assert trouble("quiet.wav", np.zeros(9000, np.float32)) == "silent"
    assert trouble("offset.wav", np.full(9000, 0.4, np.float32)) == "silent"
    assert trouble("nan.wav", bad, subtype="FLOAT") == "not finite"
    assert trouble("cut.flac", raw=good[: len(good) // 2]) == "broken"
    assert trouble("noise.mp3", raw=np.random.default_rng(1).bytes(4000)) == "broken"
    assert see(tmp_path / "gone.wav").trouble == "broken"
    assert see(tmp_path).trouble == "broken"


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_damage_of_a_file_raises(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    kind = data.draw(st.sampled_from(["wav", "flac", "ogg", "aiff"]))
    raw = bytearray(write(folder / f"a.{kind}", hit(1, 0.05)).read_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        raw[data.draw(st.integers(0, min(len(raw) - 1, 200)))] = data.draw(
            st.sampled_from([0, 1, 127, 128, 255])
        )
    (folder / f"a.{kind}").write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    found = see(folder / f"a.{kind}", SegmentOptions())
    assert found.trouble or found.frames >= 32


def test_samples_are_known_again_in_other_files(tmp_path):
    sound = (np.round(hit(3) * 30000) / 32768).astype(np.float32)
    first = see(write(tmp_path / "a.wav", sound))
    assert see(write(tmp_path / "b.flac", sound)).samples == first.samples
    assert see(write(tmp_path / "c.wav", np.stack([sound, sound], 1))).samples == first.samples
    assert see(write(tmp_path / "d.wav", np.stack([sound, -sound], 1))).samples != first.samples
    assert see(write(tmp_path / "e.wav", sound, 48000)).samples != first.samples
    assert see(write(tmp_path / "f.wav", sound[1:])).samples != first.samples
    shutil.copy(tmp_path / "a.wav", tmp_path / "g.bin")
    assert see(tmp_path / "g.bin") == first


def test_where_it_sounds(tmp_path):
    late = np.concatenate([np.zeros(7 * RATE, np.float32), hit(1)])
    found = see(write(tmp_path / "late.wav", late))
    assert found.first == pytest.approx(7 * RATE, abs=300)
    assert found.first < found.last <= len(late)


def test_a_recording_is_cut_and_one_sound_is_not(tmp_path):
    cuts = SegmentOptions()
    path = write(tmp_path / "long.wav", recording(12))
    found = see(path, cuts)
    starts = np.array([start for start, _ in found.cuts]) / RATE
    np.testing.assert_allclose(starts, 0.05 + 0.6 * np.arange(12), atol=0.01)
    assert see(path).cuts == ()
    time = np.arange(4 * RATE) / RATE
    ring = (np.random.default_rng(2).normal(size=len(time)) * np.exp(-time) * 0.2).astype(np.float32)
    assert see(write(tmp_path / "cymbal.wav", ring), cuts).cuts == ()


def test_a_short_file_is_cut_only_where_it_clearly_holds_several(tmp_path):
    cuts = SegmentOptions()
    loop = recording(4, 0.4)
    assert len(see(write(tmp_path / "loop.wav", loop), cuts).cuts) == 4
    rattle = loop.copy()
    rattle[round(0.4 * RATE) :] *= 0.05
    assert see(write(tmp_path / "rattle.wav", rattle), cuts).cuts == ()
    assert see(write(tmp_path / "flam.wav", recording(2, 0.4)), cuts).cuts == ()


def test_what_is_far_below_the_peak_is_no_sound_of_a_recording(tmp_path):
    sound = recording(8)
    sound[round(0.6 * 3 * RATE) : round(0.6 * 4 * RATE)] *= 0.002
    starts = [start for start, _ in see(write(tmp_path / "a.wav", sound), SegmentOptions()).cuts]
    assert len(starts) == 7
    assert not any(0.6 * 3 * RATE < start < 0.6 * 4 * RATE for start in starts)


def test_long_recordings_are_cut_chunk_by_chunk(tmp_path, monkeypatch):
    path = write(tmp_path / "long.wav", recording(30))
    whole = see(path, SegmentOptions()).cuts
    monkeypatch.setattr("ghostnote_training.dataset.look.CHUNK_S", 6.0)
    monkeypatch.setattr("ghostnote_training.dataset.look.OVERLAP_S", 2.0)
    pieces = see(path, SegmentOptions()).cuts
    assert len(whole) == len(pieces) == 30
    np.testing.assert_allclose(np.array(pieces)[:, 0], np.array(whole)[:, 0], atol=0.01 * RATE)


def test_files_with_another_suffix_are_read_by_content(tmp_path):
    write(tmp_path / "a.wav", hit(1), format="FLAC")
    assert see(tmp_path / "a.wav").kind == "FLAC"
    assert soundfile.info(tmp_path / "a.wav").format == "FLAC"
