"""Meters: the peak of each part, whatever its notes do."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.synth.meters import PartMeters
from ghostnote.synth.mixing import Mixer


def test_the_largest_of_a_parts_notes_counts_until_someone_looks():
    meters = PartMeters(4, 64)
    block = np.zeros((4, 64), dtype=np.float32)
    block[0, 5], block[1, 9], block[2, 3] = 0.5, -0.8, 0.25
    gains = np.array([[1.0, 0.5, 2.0, 1.0], [0.5, 0.25, 1.0, 1.0]], dtype=np.float32)
    parts = np.array([3, 3, 1, 0])
    meters.hear(block, gains)
    meters.hear(0.5 * block, gains)
    peaks = meters.take(parts)
    assert peaks[3] == pytest.approx(0.5)
    assert peaks[1] == pytest.approx(0.5)
    assert peaks.sum() == pytest.approx(1.0)
    assert not meters.take(parts).any()


def test_a_row_that_goes_to_another_part_takes_no_peak_along():
    meters = PartMeters(2, 8)
    block, gains = np.full((2, 8), 0.5, dtype=np.float32), np.ones((2, 2), dtype=np.float32)
    meters.hear(block, gains)
    meters.change(0, 5)
    meters.hear(0.5 * block, gains)
    peaks = meters.take(np.array([6, 7]))
    assert peaks[[5, 6, 7]].tolist() == [0.5, 0.25, 0.5]


def test_meters_do_not_change_the_sound():
    sums = []
    for on in (False, True):
        mixer, out = Mixer(3, 64), np.zeros((64, 2), dtype=np.float32)
        if on:
            mixer.measure()
        mixer.start(1, 2, 0.7)
        block = np.random.default_rng(1).standard_normal((3, 64)).astype(np.float32)
        levels, steady = np.ones((2, 9), dtype=np.float32), np.ones(3, dtype=np.float32)
        for _ in range(3):
            mixer.mix(block, levels, steady, steady, out)
        sums.append(out.copy())
        heard = mixer.peaks()
        assert heard.any() == on
    assert np.array_equal(*sums)
    assert heard[2] == pytest.approx(np.abs(block[1]).max() * 0.7, rel=1e-5)
