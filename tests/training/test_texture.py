"""The texture field and the noisiness that the loss reads from it."""

from __future__ import annotations

import numpy as np

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import texture


def test_field_is_seeded_with_median_zero():
    spec = FeatureSpec(frames=60)
    t = texture.field(spec, 1)
    assert t.shape == (60, 513)
    assert abs(float(np.median(t))) < 1e-5
    np.testing.assert_array_equal(t, texture.field(spec, 1))
    assert np.abs(t - texture.field(spec, 2)).mean() > 0.3


def test_statistics_are_those_of_a_rayleigh_field():
    found = texture.measure(FeatureSpec())
    draws = np.log(np.random.default_rng(0).rayleigh(size=200_000))
    expected = np.abs(draws - np.median(draws)).mean()
    assert abs(found.deviation - expected) < 0.02
    assert found.roughness > found.deviation
    assert 0.2 < found.least < 1.0
