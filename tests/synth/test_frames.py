"""Reading frames: exact where frames are, smooth between, silent outside."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.synth.frames import FrameReader

BINS = 33
SOUND = np.abs(np.random.default_rng(0).standard_normal((50, BINS))).astype(np.float32)


def targets(sound: np.ndarray, position: float, count: int, step: float = 1.0) -> np.ndarray:
    return FrameReader(sound.shape[1]).read([sound], [position], count, step)[0]


positions = st.floats(-80, 120, allow_nan=False)
steps = st.floats(-3, 3, allow_nan=False)


@given(position=st.integers(-20, 70), count=st.integers(1, 9), step=st.integers(-3, 3))
def test_whole_positions_give_the_frames_themselves(position, count, step):
    read = targets(SOUND, float(position), count, float(step))
    for k, frame in enumerate(read):
        at = position + k * step
        assert np.array_equal(frame, SOUND[at] if 0 <= at < len(SOUND) else np.zeros(BINS))


@given(position=st.integers(-60, 70), count=st.integers(1, 9), other=positions)
def test_whole_positions_are_read_the_same_beside_others(position, count, other):
    """Alone they are slices, beside a voice between frames they go the general way."""
    reader = FrameReader(BINS)
    alone = reader.read([SOUND], [float(position)], count, 1.0, [1.0])[0]
    beside = reader.read([SOUND, SOUND], [float(position), other], count, 1.0, [1.0, 1.3])[0]
    assert np.array_equal(alone, beside)


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
    voices=st.lists(st.tuples(positions, st.floats(0.2, 4.0), st.integers(1, 50)), min_size=1, max_size=6),
    step=steps,
)
def test_many_voices_are_read_as_each_alone(voices, step):
    reader = FrameReader(BINS)
    sounds = [SOUND[:length] for _, _, length in voices]
    where = [position for position, _, _ in voices]
    ratios = [ratio for _, ratio, _ in voices]
    together = reader.read(sounds, where, 3, step, ratios)
    for i, (sound, position, ratio) in enumerate(zip(sounds, where, ratios, strict=True)):
        assert np.array_equal(together[i], reader.read([sound], [position], 3, step, [ratio])[0])


def test_a_ratio_spaces_frames_and_silences_what_would_fold_back():
    reader = FrameReader(BINS)
    up, down = reader.read([SOUND, SOUND], [4.0, 4.0], 3, 1.0, [2.0, 0.5])
    assert np.array_equal(up[[0, 2], : BINS // 2], SOUND[[4, 5], : BINS // 2])
    assert not up[:, BINS // 2 :].any()
    assert np.array_equal(down, SOUND[[4, 6, 8]])


def test_a_sound_is_not_changed_by_reading_it():
    before = SOUND.copy()
    read = targets(SOUND, 3.0, 5)
    read[:] = 7.0
    assert np.array_equal(SOUND, before)
