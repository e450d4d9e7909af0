"""Random points lie where the model's sounds are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ghostnote.core.space import axes_of, likely_point
from ghostnote.decode.manifest import Kind


def test_axes_are_directions_times_spreads(model):
    axes = axes_of(model.manifest, 2)
    first = model.manifest.axes[0]
    assert axes.names == tuple(a.name for a in model.manifest.axes[:2])
    assert axes.steps.shape == (2, model.manifest.latent_size)
    assert np.allclose(axes.steps[0], first.direction * first.spread)


def test_likely_points_have_the_models_mean_and_spreads(model):
    manifest = model.manifest
    rng = np.random.default_rng(0)
    size = manifest.latent_size
    points = np.stack([likely_point(manifest, rng.standard_normal(size + 1)) for _ in range(2000)])
    assert np.abs(points.mean(axis=0) - manifest.latent_mean).max() < 0.2
    along = (points - manifest.latent_mean) @ np.stack([a.direction for a in manifest.axes]).T
    assert along.std(axis=0) == pytest.approx([a.spread for a in manifest.axes], rel=0.1)


def test_likely_points_are_of_the_models_kinds_as_often_as_there_are_sounds_of_them(model):
    size = model.manifest.latent_size
    far, near = np.full(size, 9.0, np.float32), np.zeros(size, np.float32)
    steps = np.zeros((2, size), np.float32)
    steps[0, 0], steps[1, 1] = 0.5, 0.1
    kinds = Kind(0.25, far, steps), Kind(0.75, near, np.zeros((0, size), np.float32))
    manifest = replace(model.manifest, kinds=kinds)
    rng = np.random.default_rng(0)
    points = np.stack([likely_point(manifest, rng.standard_normal(size + 1)) for _ in range(2000)])
    assert points.dtype == np.float32
    is_far = points.mean(axis=1) > 4.5
    assert is_far.mean() == pytest.approx(0.25, abs=0.03)
    assert not points[~is_far].any(), "a kind without steps is one sound"
    assert (points[is_far] - far).std(axis=0)[:3] == pytest.approx([0.5, 0.1, 0.0], rel=0.15, abs=1e-6)
