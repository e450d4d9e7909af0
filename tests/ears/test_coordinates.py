"""Coordinates of a point on a model's principal axes."""

from __future__ import annotations

import numpy as np
import pytest

from bundles import build_bundle
from ghostnote.decode.model import load
from ghostnote.ears.coordinates import Coordinates


def axes(size: int, *names: str) -> list[dict]:
    return [
        {"name": name, "direction": [float(k == n) for k in range(size)], "spread": 0.5 + n}
        for n, name in enumerate(names)
    ]


def test_a_point_is_told_in_spreads_from_the_mean_on_the_axes_that_are_there(tmp_path):
    more = {"axes": axes(4, "d1", "brighter", "d2", "d9"), "latent_mean": [1.0, 0.0, -1.0, 0.0]}
    manifest = load(build_bundle(tmp_path / "tiny", latent_size=4, manifest=more)).manifest
    found = Coordinates(manifest)
    assert found.names == ("d1", "d2")
    assert found.of(np.array([2.0, 5.0, 1.5, 7.0], dtype=np.float32)) == pytest.approx([2.0, 1.0])


def test_a_model_without_principal_axes_has_none(tmp_path):
    found = Coordinates(load(build_bundle(tmp_path / "tiny", latent_size=4, manifest={"axes": []})).manifest)
    assert found.names == ()
    assert found.of(np.zeros(4, dtype=np.float32)).shape == (0,)
