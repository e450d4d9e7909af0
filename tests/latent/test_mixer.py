"""Where a part stands in latent space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.latent.mixer import Axes, mix, shift

SIZE = 16
WEIGHTS = st.lists(st.floats(-2.0, 2.0, width=32), min_size=3, max_size=3)


@pytest.fixture
def points(rng):
    return rng.standard_normal((3, SIZE)).astype(np.float32)


def weights_of(*values):
    return np.array(values, dtype=np.float32)


@pytest.mark.parametrize("normalize", [True, False])
def test_one_slot_alone_is_that_slot(points, normalize):
    assert np.array_equal(mix(points, weights_of(0, 1, 0), normalize), points[1])


def test_normalised_weights_are_shares(points):
    expected = 0.25 * points[0] + 0.75 * points[2]
    assert np.allclose(mix(points, weights_of(0.5, 0, 1.5), True), expected, atol=1e-6)


def test_without_normalising_weights_add(points):
    assert np.allclose(
        mix(points, weights_of(0.5, 0, 1.5), False), 0.5 * points[0] + 1.5 * points[2], atol=1e-6
    )


def test_a_negative_weight_moves_away(points):
    assert np.allclose(mix(points, weights_of(2, -1, 0), True), 2 * points[0] - points[1], atol=1e-5)


def test_weights_that_cancel_are_left_as_they_are(points):
    result = mix(points, weights_of(1, -1, 0), True)
    assert np.allclose(result, points[0] - points[1], atol=1e-6)


def test_no_weight_is_the_middle(points):
    assert not mix(points, weights_of(0, 0, 0), True).any()


@given(values=WEIGHTS, normalize=st.booleans())
def test_the_result_is_always_finite(values, normalize):
    points = np.eye(3, SIZE, dtype=np.float32)
    result = mix(points, weights_of(*values), normalize)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


@given(values=WEIGHTS, order=st.permutations(range(3)), normalize=st.booleans())
def test_the_order_of_slots_does_not_matter(values, order, normalize):
    points = np.random.default_rng(1).standard_normal((3, SIZE)).astype(np.float32)
    weights = weights_of(*values)
    one, other = mix(points, weights, normalize), mix(points[order], weights[order], normalize)
    scale = np.abs(one).max() + np.abs(weights).max()
    assert np.allclose(one, other, atol=1e-4 * scale)


@given(values=WEIGHTS, factor=st.floats(0.25, 4.0))
def test_normalised_weights_may_be_scaled(values, factor):
    weights = weights_of(*values)
    if abs(weights.sum()) < 0.1:
        return
    points = np.random.default_rng(2).standard_normal((3, SIZE)).astype(np.float32)
    scaled = mix(points, weights * np.float32(factor), True)
    assert np.allclose(mix(points, weights, True), scaled, rtol=1e-3, atol=1e-3)


def test_axes_shift_by_their_spreads(rng, points):
    axes = Axes(("brighter", "longer"), rng.standard_normal((2, SIZE)).astype(np.float32))
    moved = shift(points[0], axes, weights_of(2, -1))
    assert np.allclose(moved, points[0] + 2 * axes.steps[0] - axes.steps[1], atol=1e-6)


def test_a_model_without_axes_shifts_nothing(points):
    axes = Axes((), np.zeros((0, SIZE), dtype=np.float32))
    assert np.array_equal(shift(points[0], axes, weights_of()), points[0])
