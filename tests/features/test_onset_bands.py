"""Bands and their rise: geometry at every rate, steady noise near zero, beginnings far above."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features.onset_bands import Bands, Rise

RATES = [1_000, 8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000, 384_000]


def frames_of(samples: np.ndarray, bands: Bands) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(samples, bands.n_fft)[:: bands.hop]


def levels_of(samples: np.ndarray, bands: Bands) -> np.ndarray:
    return (10 * np.log10(bands.powers(frames_of(samples, bands)) + 1e-9)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_geometry_at_any_rate(rate):
    bands = Bands(rate)
    assert bands.n_fft % 2 == 0
    assert bands.n_fft >= 16
    assert 1 <= bands.hop <= max(1, 0.005 * rate)
    assert (np.diff(bands.edges) >= 1).all()
    assert bands.edges[0] >= 1
    assert bands.edges[-1] <= bands.n_fft // 2 + 1
    assert bands.spread_db.shape == (bands.count,)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_a_full_scale_sine_has_power_one_in_its_band(rate):
    bands = Bands(rate)
    band = bands.count // 2
    at = (bands.edges[band] + bands.edges[band + 1] - 1) // 2
    sine = np.sin(2 * np.pi * at * np.arange(bands.n_fft) / bands.n_fft).astype(np.float32)
    powers = bands.powers(sine[np.newaxis])[0]
    assert int(powers.argmax()) == band
    assert 0.99 < powers[band] < 1.6  # its two neighbouring bins may lie in the band too


def test_spread_is_that_of_noise(rng):
    bands = Bands(44_100)
    levels = levels_of(rng.standard_normal(60 * 44_100).astype(np.float32), bands)
    measured = levels.std(axis=0)
    own = np.sqrt(bands.spread_db**2 - 1.5**2)
    assert np.abs(own / measured - 1).max() < 0.15


def test_steady_sound_is_near_zero_and_a_beginning_is_not(rng):
    bands, rise = Bands(44_100), Rise()
    noise = rng.standard_normal(5 * 44_100).astype(np.float32)
    steady = rise.strength(levels_of(noise, bands), bands.spread_db)
    assert np.quantile(steady, 0.99) < 0.25
    noise[: len(noise) // 2] *= 0.03
    assert rise.strength(levels_of(noise, bands), bands.spread_db).max() > 3.0


def test_strength_does_not_depend_on_level_and_looks_back_only(rng):
    bands, rise = Bands(44_100), Rise()
    levels = levels_of(rng.standard_normal(44_100).astype(np.float32), bands)
    whole = rise.strength(levels, bands.spread_db)
    assert len(whole) == len(levels) - rise.history
    assert np.allclose(rise.strength(levels - 20, bands.spread_db), whole, atol=1e-4)
    for k in (0, 7, 50):
        part = levels[k : k + rise.history + 1]
        assert rise.strength(part, bands.spread_db)[0] == whole[k]
