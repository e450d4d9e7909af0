"""Random points lie where the model's sounds are."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.core.space import axes_of, likely_point


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
    points = np.stack([likely_point(manifest, rng.standard_normal(size)) for _ in range(2000)])
    assert np.abs(points.mean(axis=0) - manifest.latent_mean).max() < 0.2
    along = (points - manifest.latent_mean) @ np.stack([a.direction for a in manifest.axes]).T
    assert along.std(axis=0) == pytest.approx([a.spread for a in manifest.axes], rel=0.1)
