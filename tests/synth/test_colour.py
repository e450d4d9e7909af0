"""Tilt and formant: colour moves, pitch does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.synth.colour import MOST_BOOST_DB, PIVOT_HZ, Colour
from synth.poolkit import SPEC

COLOUR = Colour(SPEC)
HERTZ = np.arange(SPEC.bins) * SPEC.sample_rate / SPEC.n_fft
BINS = np.arange(SPEC.bins)


def gain_db(tilt: float, hertz: float, ratio: float = 1.0) -> float:
    return float(20 * np.log10(COLOUR.tilt(tilt, ratio)[round(hertz * SPEC.n_fft / SPEC.sample_rate)]))


@pytest.mark.parametrize("tilt", [-12.0, -3.0, 2.0, 12.0])
def test_a_tilt_is_a_straight_line_through_the_pivot(tilt):
    at = BINS[1:]
    wanted = np.minimum(tilt * np.log2(np.maximum(HERTZ[at], 20.0) / PIVOT_HZ), MOST_BOOST_DB)
    assert 20 * np.log10(COLOUR.tilt(tilt, 1.0)[at]) == pytest.approx(wanted, abs=0.01)


def test_a_tilt_is_around_the_pivot_as_it_is_heard():
    """Played an octave up, what was at 500 Hz is at the pivot."""
    assert gain_db(6.0, 500.0, ratio=2.0) == pytest.approx(gain_db(6.0, 1000.0), abs=0.5)


def spectrum() -> np.ndarray:
    """Partials 8 bins apart under one broad formant at bin 120."""
    partials = sum(np.exp(-((BINS - bin_) ** 2) / 2.0) for bin_ in range(8, SPEC.bins, 8))
    return ((partials + 1e-3) * np.exp(-(((BINS - 120) / 80.0) ** 2)))[None].astype(np.float32)


@pytest.mark.parametrize("semitones", [-7.0, 5.0, 9.0])
def test_a_formant_moves_and_the_partials_stay(semitones):
    frames = spectrum()
    COLOUR.shift(frames, semitones)
    peaks = np.flatnonzero((frames[0, 1:-1] > frames[0, :-2]) & (frames[0, 1:-1] > frames[0, 2:])) + 1
    loud = peaks[frames[0, peaks] > 0.1 * frames.max()]
    assert not (loud % 8).any()
    centre = float((loud * frames[0, loud]).sum() / frames[0, loud].sum())
    assert centre == pytest.approx(120 * 2 ** (semitones / 12), rel=0.1)


@given(st.floats(-12.0, 12.0), st.floats(1e-6, 10.0))
def test_a_shift_is_finite_and_scales(semitones, level):
    plain, scaled = spectrum(), (level * spectrum()).astype(np.float32)
    COLOUR.shift(plain, semitones)
    COLOUR.shift(scaled, semitones)
    assert np.isfinite(scaled).all()
    assert (scaled >= 0.0).all()
    if level > 0.01:
        assert np.allclose(scaled, level * plain, rtol=0.05, atol=0.01 * level)


def test_silence_stays_silence():
    frames = np.zeros((3, SPEC.bins), dtype=np.float32)
    COLOUR.shift(frames, 7.0)
    assert not frames.any()
