"""Onsets and spectral changes found where they were put."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.bench.detect import FLOOR, ChangeOptions, onset, spectral_change

RATE = 48000


def tone(hz: float, seconds: float, level: float = 0.3) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize("start", [4801, 5000, 6100])
def test_an_onset_is_found_to_the_sample(start):
    sound = np.zeros(RATE, dtype=np.float32)
    sound[start:] = 0.5
    assert onset(sound, 4800, RATE) == start


def test_the_rest_of_the_hit_before_is_no_onset():
    sound = 0.01 * np.exp(-np.arange(RATE) / 900.0).astype(np.float32)
    sound[5200:5300] += 0.4
    assert onset(sound, 4800, RATE) == 5200


def test_silence_and_what_comes_too_late_are_no_onset():
    sound = np.zeros(RATE, dtype=np.float32)
    sound[20000:] = 0.5
    assert onset(sound, 4800, RATE) is None
    assert onset(np.full(RATE, 0.5 * FLOOR, dtype=np.float32), 4800, RATE) is None


@pytest.mark.parametrize("delay_ms", [0.0, 7.5, 21.0, 40.0])
def test_a_switch_between_tones_is_found_where_it_is(delay_ms):
    at = round(0.3 * RATE)
    switch = at + round(delay_ms * 1e-3 * RATE)
    sound = np.concatenate([tone(330.0, 1.0)[:switch], tone(2900.0, 1.0)[switch:]])
    found = spectral_change(sound, at, RATE)
    assert found is not None
    assert abs(found - max(switch, at)) <= 64


def test_a_cross_fade_counts_from_its_middle():
    at, low, high = (round(x * RATE) for x in (0.3, 0.31, 0.33))
    ramp = np.interp(np.arange(RATE), [low, high], [0.0, np.pi / 2])
    sound = (np.cos(ramp) * tone(330.0, 1.0) + np.sin(ramp) * tone(2900.0, 1.0)).astype(np.float32)
    found = spectral_change(sound, at, RATE)
    assert found is not None
    assert abs(found - (low + high) // 2) < 0.003 * RATE


def test_decay_does_not_move_the_change():
    at = round(0.3 * RATE)
    switch = at + 960
    sound = np.concatenate([tone(330.0, 1.0)[:switch], tone(2900.0, 1.0)[switch:]])
    fading = (sound * np.exp(-np.arange(RATE) / (0.08 * RATE))).astype(np.float32)
    assert abs((spectral_change(fading, at, RATE) or 0) - switch) <= 96


def test_noise_before_and_after_is_told_apart(rng):
    at = round(0.3 * RATE)
    switch = at + 1200
    noise = rng.standard_normal(RATE)
    bright = np.diff(noise, prepend=0.0)
    dull = np.convolve(noise, np.ones(16) / 16, mode="same")
    sound = np.where(np.arange(RATE) < switch, dull, 0.2 * bright).astype(np.float32)
    assert abs((spectral_change(sound, at, RATE) or 0) - switch) <= 256


def test_no_change_is_none():
    assert spectral_change(tone(440.0, 1.0), round(0.3 * RATE), RATE) is None


def test_a_recording_that_ends_too_soon_is_none():
    sound = np.concatenate([tone(330.0, 0.3), tone(2900.0, 0.1)])
    assert spectral_change(sound, round(0.3 * RATE), RATE) is None
    assert spectral_change(sound, 100, RATE, ChangeOptions(settle_s=0.05)) is None
