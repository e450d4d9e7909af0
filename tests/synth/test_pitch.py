"""Pitch: samples between samples, and notes that sound where they should, from the lowest drum up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.core.engine import QUANTUM
from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.pitch import AFTER, BEFORE, SampleReader, ramp, ratio_of
from ghostnote.synth.pool import VoicePool
from ghostnote.synth.voice import Sound, Voice
from ghostnote.telemetry import Telemetry

SPEC = FeatureSpec()


def read(samples: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Samples of each row at its positions."""
    return SampleReader(samples).read(np.arange(len(samples)) * samples.shape[1], positions)


def sine(hz: float, seconds: float = 2.0) -> np.ndarray:
    """A sine that begins and ends softly, so that it has no other frequencies."""
    samples = 0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SPEC.sample_rate)) / SPEC.sample_rate)
    fade = np.sin(np.linspace(0, np.pi / 2, 2000)) ** 2
    samples[:2000] *= fade
    samples[-2000:] *= fade[::-1]
    return samples.astype(np.float32)


def play(sound: np.ndarray, semitones: np.ndarray, mode: str = "quality", voices: int = 1) -> np.ndarray:
    """What a part plays whose pitch is `semitones` in each quantum, shape (quanta * QUANTUM,)."""
    pool = VoicePool(SPEC, 16, QUANTUM, Telemetry())
    decoded = Sound.of(stft.magnitudes(sound, SPEC))
    for _ in range(voices):
        pool.start(lambda row: Voice(row, 1, decoded, mode, 1.0, 0), 0.0, 16)
    levels = np.full((2, 2), 1.0 / voices, dtype=np.float32)
    out = np.empty((len(semitones), QUANTUM, 2), dtype=np.float32)
    for block, pitch in zip(out, semitones, strict=True):
        pool.render(levels, np.full(2, pitch, dtype=np.float32), block)
    return out.reshape(-1, 2)[:, 0]


def strongest_hz(samples: np.ndarray) -> float:
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    return float(spectrum.argmax()) * SPEC.sample_rate / size


@pytest.mark.parametrize("semitones", [-12, -5, 7, 12, 24])
@pytest.mark.parametrize("hz", [60.0, 110.0, 440.0])
def test_a_tone_of_any_height_is_in_tune_and_keeps_its_level(mode, semitones, hz):
    heard = play(sine(hz), np.full(700, float(semitones)), mode)[8192 : 8192 + 32768]
    cents = 1200 * np.log2(strongest_hz(heard) / hz) - 100 * semitones
    assert abs(cents) < 25
    assert abs(20 * np.log10(np.sqrt(2 * np.mean(heard.astype(float) ** 2)) / 0.4)) < 1.5


@pytest.mark.parametrize("semitones", [-12.0, 12.0])
def test_length_stays(semitones):
    burst = sine(300.0, 0.6)
    heard = play(burst, np.full(1000, semitones))
    loud = np.flatnonzero(np.abs(heard) > 0.02)
    assert loud[-1] / SPEC.sample_rate == pytest.approx(0.6, abs=0.03)


def test_nothing_folds_back():
    heard = play(sine(9000.0), np.full(500, 24.0))
    assert np.abs(heard).max() < 1e-3


def test_a_glide_has_no_steps():
    pitch = np.concatenate([np.zeros(100), np.linspace(0, 12, 200), np.full(100, 12.0)])
    heard = play(sine(200.0), pitch)[4096:]
    bound = 0.4 * 2 * np.pi * 400.0 / SPEC.sample_rate
    assert np.abs(np.diff(heard)).max() < 1.3 * bound


@pytest.mark.parametrize("semitones", [0.0, 3.0])
def test_many_voices_sound_like_one(semitones):
    one = play(sine(200.0), np.full(200, semitones))
    four = play(sine(200.0), np.full(200, semitones), voices=4)
    assert np.abs(one - four).max() < 1e-5


@given(position=st.integers(BEFORE, 40), voices=st.integers(1, 4))
def test_whole_positions_are_exact(position, voices):
    samples = np.random.default_rng(0).standard_normal((voices, 40 + AFTER)).astype(np.float32)
    heard = read(samples, np.full((voices, 1), float(position)))
    assert np.array_equal(heard[:, 0], samples[:, position])


@given(position=st.floats(BEFORE, 900.0), cycles=st.floats(0.0, 0.35))
def test_a_sine_is_read_between_its_samples(position, cycles):
    samples = np.cos(2 * np.pi * cycles * np.arange(1000))[None].astype(np.float32)
    heard = read(samples, np.array([[position]]))
    assert abs(heard[0, 0] - np.cos(2 * np.pi * cycles * position)) < 0.01


@given(start=st.floats(7, 9), a=st.floats(0.2, 4), b=st.floats(0.2, 4))
def test_a_ramp_goes_from_one_speed_to_the_other(start, a, b):
    positions = ramp(np.array([start]), np.array([a]), np.array([b]), 64)[0]
    speeds = np.diff(positions)
    assert positions[0] == start
    assert positions[-1] == pytest.approx(start + 32 * (a + b))
    assert speeds.min() >= min(a, b) - 1e-9
    assert speeds.max() <= max(a, b) + 1e-9


def test_pitch_stays_within_what_can_be_paid_for():
    assert ratio_of(60.0) == ratio_of(24.0) == 4.0
    assert ratio_of(-60.0) == 0.125
