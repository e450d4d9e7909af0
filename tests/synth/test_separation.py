"""Medians and noisiness are found again in what a decoder made of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.synth.separation import LooseReader
from ghostnote.synth.voice import Sound
from synth.poolkit import SPEC, TEXTURES

READER = LooseReader(SPEC, TEXTURES)
TIME = np.arange(SPEC.frames)[:, None]
BINS = np.arange(SPEC.bins)


def medians() -> np.ndarray:
    """Three partials over a slope, dying away faster at the top."""
    peaks = sum(np.exp(-(((BINS - bin_) / 1.5) ** 2)) for bin_ in (5, 23, 70))
    return ((peaks + 0.01 * np.exp(-BINS / 90)) * np.exp(-TIME / 60 * (1 + BINS / 300))).astype(np.float32)


def decoded(noisiness: np.ndarray | float, offset: int = 11) -> Sound:
    texture = TEXTURES.take(offset)
    magnitudes = (medians() * np.exp(noisiness * texture)).astype(np.float32)
    return Sound(magnitudes, SPEC.frames, texture=texture)


@pytest.mark.parametrize("noisy", [0.0, 0.5, 1.0])
def test_noisiness_is_found(noisy):
    found = READER.noisiness(decoded(noisy))
    assert np.abs(found[:200] - noisy).mean() < 0.1


def test_noisiness_may_differ_between_bottom_and_top():
    noisiness = np.broadcast_to(np.interp(BINS, [0, 40, 120], [0.0, 0.1, 1.0]), (SPEC.frames, SPEC.bins))
    found = READER.noisiness(decoded(noisiness))[:200]
    assert found[:, :20].mean() < 0.2
    assert found[:, 150:400].mean() > 0.8


def test_read_with_another_texture_it_is_the_sound_that_would_have_been_decoded_with_that():
    sound, other = decoded(1.0, offset=11), decoded(1.0, offset=200)
    frames = np.arange(2, 200)
    found = READER.read([sound] * len(frames), frames.tolist(), (200.0 + frames).tolist())
    loud = other.magnitudes[frames] > 1e-5
    off_db = np.abs(20 * np.log10(np.maximum(found, 1e-9) / np.maximum(other.magnitudes[frames], 1e-9)))
    assert off_db[loud].mean() < 0.6
    own_db = np.abs(20 * np.log10(sound.magnitudes[frames] / other.magnitudes[frames]))
    assert own_db[loud].mean() > 4.0


def test_read_with_its_own_texture_it_is_as_decoded():
    sound, frames = decoded(0.7), np.arange(0, SPEC.frames)
    found = READER.read([sound] * len(frames), frames.tolist(), (11.0 + frames).tolist())
    assert np.allclose(found, sound.magnitudes, rtol=1e-3)


@given(st.lists(st.integers(0, SPEC.frames - 1), min_size=1, max_size=6))
def test_in_which_order_frames_are_asked_for_does_not_matter(frames):
    whole, one_by_one = READER.noisiness(decoded(1.0)), decoded(1.0)
    for frame in frames:
        READER.read([one_by_one], [float(frame)], [0.0])
    found = READER.noisiness(one_by_one)
    assert np.allclose(found, whole, rtol=1e-3, atol=1e-4)


@given(st.lists(st.tuples(st.floats(-50.0, 400.0), st.floats(0.0, 3000.0)), min_size=1, max_size=5))
def test_many_sounds_are_read_as_each_alone(where):
    sounds = [decoded(0.2 * k, offset=31 * k) for k in range(len(where))]
    together = READER.read(sounds, [at for at, _ in where], [clock for _, clock in where])
    assert np.isfinite(together).all()
    assert (together >= 0.0).all()
    for sound, (at, clock), frame in zip(sounds, where, together, strict=True):
        assert np.allclose(READER.read([sound], [at], [clock])[0], frame, rtol=1e-4, atol=1e-9)
        if not -1.0 <= at <= SPEC.frames:
            assert not frame.any()


def test_a_sound_of_unknown_texture_keeps_its_own_and_silence_stays_silence():
    sound = Sound(decoded(1.0).magnitudes, SPEC.frames)
    assert np.array_equal(READER.read([sound], [40.0], [7.0])[0], sound.magnitudes[40])
    silent = Sound(np.zeros_like(sound.magnitudes), 0, texture=TEXTURES.take(0))
    assert not READER.read([silent] * 3, [0.0, 50.5, 343.0], [1.0, 2.0, 3.0]).any()
