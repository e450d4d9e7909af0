"""Conversions between units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.units import SILENT_DB, clamp, db_to_gain, gain_to_db, semitones_to_ratio


@pytest.mark.parametrize(
    ("db", "gain"), [(0.0, 1.0), (20.0, 10.0), (-20.0, 0.1), (SILENT_DB, 0.0), (-300.0, 0.0)]
)
def test_decibels(db, gain):
    assert db_to_gain(db) == pytest.approx(gain)


@given(st.floats(SILENT_DB + 0.01, 60.0))
def test_decibels_invert(db):
    assert gain_to_db(db_to_gain(db)) == pytest.approx(db, abs=1e-9)


@pytest.mark.parametrize("gain", [0.0, -1.0, 1e-30])
def test_silence_has_a_level(gain):
    assert gain_to_db(gain) == SILENT_DB


@pytest.mark.parametrize(("semitones", "ratio"), [(0, 1.0), (12, 2.0), (-24, 0.25), (7, 1.4983)])
def test_intervals(semitones, ratio):
    assert semitones_to_ratio(semitones) == pytest.approx(ratio, rel=1e-4)


@given(st.floats(allow_nan=False), st.floats(-10, 0), st.floats(1, 10))
def test_clamp_stays_inside(value, low, high):
    assert low <= clamp(value, low, high) <= high
