"""The first sample of an attack: exact in silence, above what was there before otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.onsetkit import cymbal, hit, place, swell
from ghostnote.features.onset_attack import attack

RATE = 44_100


@settings(max_examples=40)
@given(at=st.integers(2_000, 30_000), off=st.integers(-400, 1_500), which=st.integers(0, 2))
def test_exact_in_silence_wherever_it_is_looked_for(at, off, which):
    sound = [hit(RATE), cymbal(RATE), swell(RATE, rise_s=0.01)][which]
    recording = np.zeros(60_000, dtype=np.float32)
    recording[at : at + min(len(sound), 30_000)] = sound[:30_000]
    assert 0 <= attack(recording, RATE, at + off) - at <= 0.001 * RATE


@pytest.mark.parametrize("hz", [40.0, 60.0, 90.0, 1000.0, 6000.0])
@pytest.mark.parametrize("phase", [0.0, 0.25])
def test_low_and_high_over_noise(hz, phase, rng):
    t = np.arange(RATE // 2) / RATE
    sound = (0.5 * np.sin(2 * np.pi * (hz * t + phase)) * np.exp(-8 * t)).astype(np.float32)
    recording = place([(0.5, sound)], 1.2, RATE) + 1e-3 * rng.standard_normal(round(1.2 * RATE)).astype(
        np.float32
    )
    found = attack(recording, RATE, round(0.51 * RATE))
    assert -0.002 * RATE <= found - 0.5 * RATE <= 0.001 * RATE


def test_over_a_ringing_cymbal():
    recording = place([(0.1, cymbal(RATE)), (0.9, hit(RATE))], 1.5, RATE)
    assert abs(attack(recording, RATE, round(0.905 * RATE)) - 0.9 * RATE) < 0.002 * RATE


@pytest.mark.parametrize("n", [0, 1, 2, 50])
@pytest.mark.parametrize("near", [-100, 0, 1, 5_000])
def test_short_and_silent_signals(n, near):
    for samples in (np.zeros(n, dtype=np.float32), np.ones(n, dtype=np.float32)):
        assert 0 <= attack(samples, RATE, near) <= max(0, n - 1)
