"""Reading frames: exact where frames are, smooth between, silent outside; pitch without a change of level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.frames import FrameReader, shift_bins, targets
from ghostnote.synth.phase import PhaseBank

BINS = 33
SOUND = np.abs(np.random.default_rng(0).standard_normal((50, BINS))).astype(np.float32)
positions = st.floats(-80, 120, allow_nan=False)
steps = st.floats(-3, 3, allow_nan=False)


@given(position=st.integers(-20, 70), count=st.integers(1, 9), step=st.integers(-3, 3))
def test_whole_positions_give_the_frames_themselves(position, count, step):
    read = targets(SOUND, float(position), count, float(step))
    for k, frame in enumerate(read):
        at = position + k * step
        assert np.array_equal(frame, SOUND[at] if 0 <= at < len(SOUND) else np.zeros(BINS))


@given(position=positions, count=st.integers(1, 9), step=steps)
def test_frames_are_finite_not_negative_and_silent_outside(position, count, step):
    read = targets(SOUND, position, count, step)
    assert read.shape == (count, BINS)
    assert read.dtype == np.float32
    assert np.isfinite(read).all()
    assert read.min() >= 0.0
    for k, frame in enumerate(read):
        if not -1 <= position + k * step <= len(SOUND):
            assert not frame.any()


@given(position=positions, fraction=st.floats(0, 1))
def test_what_does_not_change_is_read_as_it_is(position, fraction):
    still = np.repeat(SOUND[:1], 400, axis=0)
    read = targets(still, 150 + position, 3, fraction)
    assert np.allclose(read, SOUND[0], rtol=1e-5)


@given(position=st.floats(2, 40), count=st.integers(1, 4))
def test_a_straight_line_is_read_in_time_order(position, count):
    line = np.repeat(np.arange(50, dtype=np.float32)[:, None], BINS, axis=1)
    read = targets(line, position, count, 0.5)
    expected = position + 0.5 * np.arange(count)
    assert np.abs(read[:, 0] - expected).max() < 0.1


@settings(max_examples=30)
@given(
    voices=st.lists(st.tuples(positions, st.integers(-24, 24), st.integers(1, 50)), min_size=1, max_size=6),
    step=steps,
)
def test_many_voices_are_read_as_each_alone(voices, step):
    reader = FrameReader(BINS)
    sounds = [SOUND[:length] for _, _, length in voices]
    where = [position for position, _, _ in voices]
    pitch = [float(semitones) for _, semitones, _ in voices]
    together = reader.read(sounds, where, 3, step, pitch)
    for i, (sound, position, semitones) in enumerate(zip(sounds, where, pitch, strict=True)):
        assert np.array_equal(together[i], reader.read([sound], [position], 3, step, [semitones])[0])


def test_ratio_one_is_the_identity():
    assert np.array_equal(shift_bins(SOUND[None], np.ones(1))[0], SOUND)
    assert np.array_equal(targets(SOUND, 3.0, 5, ratio=1.0), SOUND[3:8])


@given(ratio=st.floats(0.25, 4.0))
def test_energy_outlives_a_shift(ratio):
    """A broad peak that stays below the highest bin keeps its energy."""
    bins = np.arange(513)
    peak = np.exp(-(((bins - 100) / 12) ** 2)).astype(np.float32)
    moved = shift_bins(peak[None, None], np.array([ratio]))[0, 0]
    assert int(moved.argmax()) == pytest.approx(100 * ratio, abs=2.0)
    assert np.sum(moved**2) == pytest.approx(np.sum(peak**2), rel=0.03)


def test_bins_from_beyond_the_highest_are_silent():
    flat = np.ones((1, 1, BINS), dtype=np.float32)
    down = shift_bins(flat, np.array([0.5]))[0, 0]
    assert down[: (BINS - 1) // 2 + 1].min() > 1.0
    assert not down[(BINS - 1) // 2 + 1 :].any()


def test_a_sound_is_not_changed_by_reading_it():
    before = SOUND.copy()
    read = targets(SOUND, 3.0, 5)
    read[:] = 7.0
    assert np.array_equal(SOUND, before)


@pytest.mark.parametrize("semitones", [-12.0, 7.0, 12.0])
def test_a_shifted_tone_sounds_at_its_new_pitch_and_about_its_level(mode, semitones):
    spec = FeatureSpec()
    t = np.arange(88200) / spec.sample_rate
    tone = (0.4 * np.sin(2 * np.pi * 880.0 * t)).astype(np.float32)
    sound = stft.magnitudes(tone, spec)[20:]
    bank, reader, row = PhaseBank(spec, mode, 1), FrameReader(spec), np.zeros(1, dtype=np.intp)
    out = []
    for j in range(40000 // bank.hop):
        count = bank.lookahead + 1 if j else bank.start_frames
        position = bank.first_frame(j) * bank.frame_step
        frames = reader.read([sound], [position], count, bank.frame_step, [semitones])
        out.append((bank.step if j else bank.start)(row, frames)[0])
    samples = np.concatenate(out)[4096 : 4096 + 32768].astype(np.float64)
    peak = np.abs(np.fft.rfft(samples * np.hanning(32768), 1 << 19)).argmax() * spec.sample_rate / (1 << 19)
    assert abs(1200 * np.log2(peak / 880.0) - 100 * semitones) < 50
    assert abs(20 * np.log10(np.sqrt(2 * np.mean(samples**2)) / 0.4)) < 3.0
