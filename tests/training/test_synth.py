"""The procedural drums: finite, in range, seeded, starting at their onset, and like their class."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import synth
from ghostnote_training.corpus import CLASSES


@pytest.mark.parametrize("label", sorted(synth.MAKERS))
def test_sounds_are_finite_in_range_and_start_at_once(label):
    for index in range(4):
        x = synth.draw(label, index, seed=3)
        assert x.shape == (FeatureSpec().samples,)
        assert x.dtype == np.float32
        assert np.isfinite(x).all()
        assert 0.01 < np.abs(x).max() <= 1.0
        assert abs(x[0]) >= np.abs(x).max() * 0.0099


def test_every_class_has_a_maker():
    assert set(CLASSES) <= set(synth.MAKERS)


def test_a_sound_is_a_function_of_label_index_and_seed():
    first = synth.draw("snare", 5, seed=1)
    np.testing.assert_array_equal(first, synth.draw("snare", 5, seed=1))
    others = [synth.draw("snare", 6, 1), synth.draw("snare", 5, 2), synth.draw("clap", 5, 1)]
    assert all(np.abs(first - other).max() > 0.01 for other in others)


def test_unknown_class_is_an_error():
    with pytest.raises(KeyError, match="theremin"):
        synth.draw("theremin", 0, 0)


def _centroid(label: str) -> float:
    spec = FeatureSpec()
    hz = np.arange(spec.bins) * spec.sample_rate / spec.n_fft
    found = []
    for index in range(12):
        power = np.square(stft.magnitudes(synth.draw(label, index, 8), spec)).sum(axis=0)
        found.append(float((power * hz).sum() / power.sum()))
    return float(np.median(found))


def test_classes_lie_where_drums_lie():
    centroids = [_centroid(label) for label in ("kick", "tom_high", "snare", "hihat_closed")]
    assert centroids == sorted(centroids)
    assert centroids[0] < 300 < 3000 < centroids[-1]
