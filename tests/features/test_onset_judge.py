"""The small network that judges onsets, and its weights."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features.onset_evidence import FEATURES
from ghostnote.features.onset_judge import Judge, shipped


def small() -> dict[str, np.ndarray]:
    """Takes the first feature as it is: mean and largest of two frames, summed, less 1."""
    band, again = np.zeros((FEATURES, 2)), np.eye(2)
    band[0, 0] = 1.0
    weights = {
        "band": band,
        "band_offset": np.zeros(2),
        "again": again,
        "again_offset": np.zeros(2),
        "frames": np.ones((2, 4, 1)),
        "frames_offset": np.zeros(1),
        "onset": np.ones((1, 1)),
        "onset_offset": -np.ones(1),
    }
    return {name: value.astype(np.float32) for name, value in weights.items()}


def test_what_it_says_by_hand():
    judge = Judge(small())
    evidence = np.zeros((3, FEATURES), dtype=np.float32)
    evidence[:, 0] = [3.0, 0.0, -5.0]
    assert judge.step(evidence) == pytest.approx(1.0 + 3.0 - 1.0)
    assert judge.step(0.0 * evidence) == pytest.approx(3.0)
    assert judge.step(0.0 * evidence) == pytest.approx(-1.0)


def test_the_number_of_bands_does_not_matter(rng):
    evidence = rng.standard_normal((20, 23, FEATURES)).astype(np.float32)
    one, twice = Judge(), Judge()
    for frame in evidence:
        assert one.step(frame) == pytest.approx(twice.step(np.repeat(frame, 2, axis=0)), abs=1e-3)


def test_the_weights_that_come_with_the_engine_fit():
    weights = shipped()
    assert set(weights) == set(small())
    units = weights["band"].shape[1]
    assert weights["band"].shape == (FEATURES, units)
    assert weights["frames"].shape[1] == 2 * units
    assert weights["onset"].shape == (weights["frames"].shape[2], 1)
    assert all(np.isfinite(value).all() for value in weights.values())
