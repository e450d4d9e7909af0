"""The level scale: exact inverses above the floor, decibels as fractions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.features import scale
from ghostnote.features.spec import FeatureSpec

SPEC = FeatureSpec()


def test_floor_is_zero_and_full_scale_is_one():
    out = scale.compress(np.array([0.0, 1e-9, SPEC.floor, 1.0], dtype=np.float32), SPEC)
    np.testing.assert_allclose(out, [0.0, 0.0, 0.0, 1.0], atol=1e-6)


def test_ten_decibels_are_a_tenth_of_the_scale():
    out = scale.compress(np.array([1.0, 10**-0.5], dtype=np.float32), SPEC)
    np.testing.assert_allclose(out[0] - out[1], 0.1, atol=1e-6)


@given(st.floats(min_value=1.001e-5, max_value=8.0))
def test_expand_undoes_compress_above_the_floor(magnitude):
    value = np.array([magnitude], dtype=np.float32)
    np.testing.assert_allclose(scale.expand(scale.compress(value, SPEC), SPEC), value, rtol=2e-5)


@given(st.floats(min_value=1e-5, max_value=1.125))
def test_compress_undoes_expand(scaled):
    value = np.array([scaled], dtype=np.float32)
    np.testing.assert_allclose(scale.compress(scale.expand(value, SPEC), SPEC), value, atol=2e-6)


def test_shape_and_type_are_kept():
    out = scale.compress(np.ones((3, 5, 7), dtype=np.float32), SPEC)
    assert out.shape == (3, 5, 7)
    assert out.dtype == np.float32
