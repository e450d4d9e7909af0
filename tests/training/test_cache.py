"""The feature cache: same content and settings, same row; only what is missing is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ghostnote.errors import DatasetError
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import audio, cache, synth
from ghostnote_training.cache import Sound

SPEC = FeatureSpec()


@pytest.fixture
def sounds(tmp_path):
    soundfile.write(tmp_path / "a.wav", synth.draw("kick", 0, 0)[:20000], 44100, subtype="FLOAT")
    path = str(tmp_path / "a.wav")
    return [Sound("file", path, 1.0), Sound("file", path, 1.25), cache.synth_sound("rim", 2, 7)]


def key(sound, spec=SPEC):
    return cache.key(sound, spec, cache.content(Path(sound.what)))


def test_rows_are_the_features_of_each_sound(sounds, tmp_path):
    rows = cache.build(sounds, SPEC, tmp_path / "cache", workers=1)
    assert rows.shape == (3, SPEC.frames, SPEC.bins)
    np.testing.assert_array_equal(rows[2], cache.features(synth.draw("rim", 2, 7), SPEC))
    assert np.abs(rows[0].astype(float) - rows[1]).max() > 0.1
    swapped = rows.take([2, 0])
    np.testing.assert_array_equal(swapped[1], rows[0])


def test_only_what_is_missing_is_computed(sounds, tmp_path):
    told = []
    folder = tmp_path / "cache"
    cache.build(sounds[:2], SPEC, folder, workers=1, progress=lambda *a: told.append(a))
    cache.build(sounds[:2], SPEC, folder, workers=1, progress=lambda *a: told.append(a))
    assert told == [(1, 2), (2, 2)]
    rows = cache.build([*sounds, sounds[0]], SPEC, folder, workers=1, progress=lambda *a: told.append(a))
    assert told[2:] == [(1, 1)]
    np.testing.assert_array_equal(rows[0], rows[3])
    assert not list(folder.glob("*.partial"))


def test_key_follows_content_settings_and_place_but_not_the_name(sounds, tmp_path):
    one, fast, _ = sounds
    keys = {
        key(one),
        key(fast),
        key(one, FeatureSpec(hop=128)),
        key(one._replace(start=5)),
        key(one._replace(end=9)),
    }
    keys |= {key(one._replace(pace=0.5)), key(one._replace(kind="machined"))}
    assert len(keys) == 7
    before = key(one)
    renamed = tmp_path / "b.wav"
    Path(one.what).rename(renamed)
    assert key(one._replace(what=str(renamed))) == before
    soundfile.write(renamed, synth.draw("kick", 1, 0)[:20000], 44100, subtype="FLOAT")
    assert key(one._replace(what=str(renamed))) != before


def test_a_damaged_row_is_made_again(sounds, tmp_path):
    folder = tmp_path / "cache"
    good = np.array(cache.build(sounds[:1], SPEC, folder, workers=1)[0])
    (file,) = folder.glob("*.rows")
    data = bytearray(file.read_bytes())
    data[-1000] ^= 255
    file.write_bytes(data)
    rows = cache.build(sounds[:1], SPEC, folder, workers=1)
    np.testing.assert_array_equal(rows[0], good)
    assert rows.repaired == 1
    again = cache.build(sounds[:1], SPEC, folder, workers=1)
    np.testing.assert_array_equal(again[0], good)
    assert again.repaired == 0


def test_a_damaged_row_of_a_sound_that_is_gone_is_told(sounds, tmp_path):
    rows = cache.build(sounds[:1], SPEC, tmp_path / "cache", workers=1)
    for file in [*(tmp_path / "cache").glob("*.rows"), Path(sounds[0].what)]:
        file.unlink()
    with pytest.raises(DatasetError, match=r"features of .*a\.wav are damaged"):
        rows[0]


def test_a_sound_that_cannot_be_read_is_named(sounds, tmp_path):
    gone = Sound("file", str(tmp_path / "gone.wav"), 1.0)
    with pytest.raises(DatasetError, match=r"gone\.wav: No such file.*1 of 4 sounds"):
        cache.build([*sounds, gone], SPEC, tmp_path / "cache", workers=1)


def test_too_little_room_is_told_before_anything_is_computed(sounds, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "SPARE_BYTES", 1 << 60)
    with pytest.raises(DatasetError, match="GB of features do not fit"):
        cache.build(sounds, SPEC, tmp_path / "cache", workers=1)


def test_another_pace_keeps_pitch_and_changes_length(tmp_path):
    time_s = np.arange(SPEC.sample_rate) / SPEC.sample_rate
    soundfile.write(tmp_path / "t.wav", np.sin(2e3 * np.pi * time_s) * np.exp(-3 * time_s), SPEC.sample_rate)

    def measure(pace):
        row = cache.row(Sound("file", str(tmp_path / "t.wav"), 1.0, pace=pace), SPEC).astype(float)
        level = row.max(axis=1)
        return int((level > level.max() - 0.2).sum()), int(row[20].argmax())

    frames, pitch = measure(1.0)
    slow, same = measure(0.5)
    assert same == pitch
    assert slow == pytest.approx(2 * frames, rel=0.05)


def test_a_cut_is_what_is_between_its_frames(tmp_path):
    one, two = synth.draw("kick", 0, 0)[:8000], synth.draw("clap", 0, 0)[:8000]
    soundfile.write(tmp_path / "two.wav", np.concatenate([one, two]), 44100, subtype="FLOAT")
    whole = cache.render(Sound("file", str(tmp_path / "two.wav"), 1.0), SPEC)
    second = cache.render(Sound("file", str(tmp_path / "two.wav"), 1.0, 8000, 16000), SPEC)
    expected = audio.remove_offset(two, 44100)
    np.testing.assert_allclose(second[200:7000], expected[200:7000], atol=0.02)
    assert np.abs(whole[:8000]).max() > 0.01
    assert not second[8100:].any()


def test_cached_scale_continues_the_models_scale():
    from ghostnote.features import scale

    x = np.geomspace(SPEC.floor, 1, 50).astype(np.float32)
    np.testing.assert_allclose(cache.log_scale(x, SPEC), scale.compress(x, SPEC), atol=1e-6)
    assert cache.log_scale(np.float32([0.0]), SPEC)[0] == pytest.approx(-0.2)


def test_half_precision_costs_less_than_a_tenth_of_a_decibel():
    x = np.geomspace(SPEC.floor / 10, 1.4, 20000).astype(np.float32)
    exact = cache.log_scale(x, SPEC)
    error_db = np.abs(exact.astype(np.float16).astype(np.float32) - exact).max() * 100.0
    assert error_db < 0.06


def test_joined_parts_read_as_one():
    parts = [np.full((n, 2, 2), n, dtype=np.float16) for n in (3, 2)]
    joined = cache.Joined(parts)
    assert len(joined) == 5
    got = joined[np.array([0, 2, 3, 4])]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[:, 0, 0], [3, 3, 2, 2])
