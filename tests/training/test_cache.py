"""The feature cache: same content, same key; written whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import cache, synth

SPEC = FeatureSpec()


@pytest.fixture
def sounds(tmp_path):
    soundfile.write(tmp_path / "a.wav", synth.draw("kick", 0, 0)[:20000], 44100, subtype="FLOAT")
    path = str(tmp_path / "a.wav")
    return [("file", path, 1.0), ("file", path, 1.25), cache.synth_sound("rim", 2, 7)]


def test_rows_are_the_features_of_each_sound(sounds, tmp_path):
    rows = cache.build(sounds, SPEC, tmp_path / "cache", workers=1)
    assert rows.shape == (3, SPEC.frames, SPEC.bins)
    np.testing.assert_array_equal(rows[2], cache.features(synth.draw("rim", 2, 7), SPEC))
    assert np.abs(rows[0].astype(float) - rows[1]).max() > 0.1


def test_second_build_reads_the_first(sounds, tmp_path):
    cache.build(sounds, SPEC, tmp_path / "cache", workers=1)
    told = []
    cache.build(sounds, SPEC, tmp_path / "cache", workers=1, progress=lambda *a: told.append(a))
    assert told == []
    assert not list((tmp_path / "cache").glob("*.partial"))


def test_key_follows_content_and_settings(sounds, tmp_path):
    before = cache.key(sounds, SPEC)
    assert cache.key(sounds, FeatureSpec(hop=128)) != before
    assert cache.key(sounds[:2], SPEC) != before
    soundfile.write(tmp_path / "a.wav", synth.draw("kick", 1, 0)[:20000], 44100, subtype="FLOAT")
    assert cache.key(sounds, SPEC) != before


def test_cached_scale_continues_the_models_scale():
    from ghostnote.features import scale

    x = np.geomspace(SPEC.floor, 1, 50).astype(np.float32)
    np.testing.assert_allclose(cache.log_scale(x, SPEC), scale.compress(x, SPEC), atol=1e-6)
    assert cache.log_scale(np.float32([0.0]), SPEC)[0] == pytest.approx(-0.2)


def test_joined_parts_read_as_one():
    parts = [np.full((n, 2, 2), n, dtype=np.float16) for n in (3, 2)]
    joined = cache.Joined(parts)
    assert len(joined) == 5
    got = joined[np.array([0, 2, 3, 4])]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[:, 0, 0], [3, 3, 2, 2])
