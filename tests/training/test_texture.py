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


def test_field_is_as_wide_and_rough_as_rayleigh_noise():
    spec = FeatureSpec()
    draws = np.log(np.random.default_rng(0).rayleigh(size=200_000))
    t = texture.field(spec, 4)
    expected = np.abs(draws - np.median(draws)).mean()
    assert abs(np.abs(t).mean() - expected) < 0.02
    independent = draws[: draws.size // 3 * 3].reshape(3, -1)
    bend = np.abs(independent[0] - 2 * independent[1] + independent[2]).mean()
    assert 0.5 * bend < texture.roughness(spec) < bend  # frames overlap, so they are smoother
