"""Named axes: found where they are known, without what they must not change, and in the shipped bundles."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from ghostnote.core.space import controls_of
from ghostnote.decode.manifest import Manifest
from ghostnote_training import axes, bundle
from ghostnote_training.axes import AxisOptions
from ghostnote_training.bundle import LatentSpace
from ghostnote_training.descriptors import NAMES

FEW = AxisOptions(points=40, measured=30, steps=7)


class Known(axes.Space):
    """Descriptors that are a known bent function of the coordinates; pitch goes along with brightness."""

    size = 8

    def __init__(self):
        self.mix = np.zeros((5, 8))
        self.mix[range(5), range(5)] = 1.0
        self.mix[0, 3] = 0.8
        self._space = LatentSpace(np.zeros(9), np.eye(9)[:8], np.arange(8, 0, -1.0))

    def describe(self, points):
        bent = points + 0.3 * np.sin(points)
        return bent @ self.mix.T


@pytest.fixture(scope="module")
def found():
    return axes.find(Known(), FEW)


def test_known_directions_are_found(found):
    wanted = np.linalg.pinv(Known().mix)
    for k, name in enumerate(NAMES):
        direction = wanted[:, k] / np.linalg.norm(wanted[:, k])
        assert found[name] @ direction > 0.98
        assert np.linalg.norm(found[name]) == pytest.approx(1.0)


def test_figures_are_of_the_axis_and_the_others(found):
    figures = axes.measure(Known(), found, FEW)
    assert list(figures) == list(NAMES)
    for name, one in figures.items():
        assert one["spearman"] >= 0.9
        assert one["share"] == 1.0
        others = [abs(change) for other, change in one["change"].items() if other != name]
        assert max(others) < 0.25 * one["change"][name]


def test_a_wrong_direction_has_bad_figures(found):
    swapped = {"brighter": -found["brighter"], "longer": found["softer"]}
    figures = axes.measure(Known(), swapped, FEW)
    assert figures["brighter"]["spearman"] < -0.9
    assert figures["longer"]["share"] < 0.5
    assert abs(figures["longer"]["change"]["softer"]) > abs(figures["longer"]["change"]["longer"])


def test_steps_in_latents_and_in_spreads_are_the_same():
    space, weights = Known(), np.arange(8) / 10.0
    direction, length = space.direction(weights)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    np.testing.assert_allclose(space.weights(direction * length), weights, atol=1e-6)


def test_axes_are_written_once_and_chance_does_not_follow_them(bundle_dir, tmp_path):
    folder = tmp_path / "drums"
    folder.mkdir()
    shutil.copy(bundle_dir / "model.json", folder)
    before = bundle.space_of(folder)
    for sign in (1.0, -1.0):
        named = {name: (np.eye(64, dtype=np.float32)[k] * sign, 2.0) for k, name in enumerate(NAMES)}
        bundle.write_axes(folder, named, {"some": "figures"})
    manifest = Manifest.from_file(folder / "model.json")
    assert [axis.name for axis in manifest.axes][-5:] == list(NAMES)
    assert len(manifest.axes) == len(before.spreads) + 5
    assert manifest.quality["axes"] == {"some": "figures"}
    np.testing.assert_array_equal(bundle.space_of(folder).axes, before.axes)
    controls = controls_of(manifest)
    np.testing.assert_allclose(controls.steps[controls.names.index("longer")], -2.0 * np.eye(64)[1])


def test_shipped_axes_raise_what_they_are_named_after(shipped):
    """Fewer points than in the card, which has the figures."""
    manifest = json.loads((shipped / "model.json").read_text(encoding="utf-8"))
    stored = manifest["quality"]["axes"]
    few = AxisOptions(measured=8, steps=5, seed=23)
    for name, one in axes.measure_bundle(shipped, axes.FeatureSpec(), few).items():
        assert one["spearman_median"] >= 0.9
        assert one["change"][name] > 0.4 * stored[name]["change"][name]
