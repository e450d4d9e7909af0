"""What bands say of a signal that comes in."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features.onset_bands import Bands
from ghostnote.features.onset_evidence import FEATURES, HOP_S, WINDOW_S, Evidence

RATE = 44_100
BANDS = Bands(RATE, window_s=WINDOW_S, hop_s=HOP_S)
LEAST = 1e-8


def frames(seconds: float) -> int:
    return round(seconds * RATE / BANDS.hop)


def follow(powers: np.ndarray, least: float = LEAST) -> np.ndarray:
    """What is said of powers (frames, bands), shape (frames, bands, FEATURES)."""
    evidence = Evidence(BANDS, least)
    return np.stack([evidence.step(power.astype(np.float32)).copy() for power in powers])


def burst(at: int, length: int, seconds: float, over: float = 1e-3) -> np.ndarray:
    powers = np.full((frames(seconds), BANDS.count), 1e-6)
    powers[at : at + length] = over
    return powers


def test_a_steady_signal_says_nothing():
    said = follow(burst(0, 0, 1.0))[frames(0.5) :]
    assert np.abs(said[:, :, :4]).max() < 0.05
    assert said[:, :, 6].max() < 0.2 * said.shape[0]


def test_a_rise_is_told_in_the_frame_in_which_it_comes():
    at = frames(0.5)
    said = follow(burst(at, 1000, 1.0))
    assert said[at, :, :4].min() > 4.0
    assert np.abs(said[at - 1, :, :4]).max() < 0.1
    assert said[frames(0.8), :, :4].max() < 0.1


def test_neighbours_that_were_loud_speak_against_a_rise():
    powers = burst(0, 0, 1.0)
    at = frames(0.5)
    powers[:at, 10], powers[at:, 11] = 1e-3, 1e-3
    said = follow(powers)[at]
    assert said[11, 0] < 0.1
    assert said[11, 1] > 4.0


def test_level_does_not_matter():
    powers = 1e-5 * np.random.default_rng(0).exponential(size=(200, BANDS.count))
    assert follow(100.0 * powers, 100.0 * LEAST) == pytest.approx(follow(powers), abs=2e-3)


def test_a_noise_floor_is_got_used_to():
    powers = burst(frames(1.0), frames(8.0), 9.0)
    over = follow(powers)[:, 5, 5]
    assert over[frames(1.0)] > 0.5
    assert over[-1] < 0.2
    assert np.diff(over[frames(1.2) :]).max() < 1e-3


def test_a_band_that_rose_is_remembered_for_a_while():
    at = frames(0.5)
    restless = follow(burst(at, 2, 3.0))[:, :, 6]
    before = restless[at].max()
    assert restless[at + frames(0.05)].max() <= before
    assert restless[at + frames(0.1)].min() > 4.0
    assert restless[at + frames(1.1)].max() < 0.5 * restless[at + frames(0.1)].min()


def test_shapes_at_other_rates():
    for rate in (8_000, 192_000):
        bands = Bands(rate, window_s=WINDOW_S, hop_s=HOP_S)
        said = Evidence(bands, LEAST).step(np.zeros(bands.count, dtype=np.float32))
        assert said.shape == (bands.count, FEATURES)
        assert np.isfinite(said).all()
