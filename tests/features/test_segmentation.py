"""Cutting recordings: what begins is found, what rings is left whole, at any level, rate and length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.onsetkit import cymbal, hit, place, swell
from ghostnote.errors import AudioFileError, UsageError
from ghostnote.features.segmentation import Segment, SegmentOptions, cut, onsets, segments

RATE = 44_100
RATES = [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000]
BEATS = [0.4, 0.75, 1.3, 1.5, 2.2]


def beats(rate: int = RATE) -> np.ndarray:
    return place([(t, hit(rate, 120 + 60 * k, seed=k)) for k, t in enumerate(BEATS)], 3.0, rate)


@pytest.mark.parametrize("rate", RATES)
def test_hits_are_found_at_their_sample_at_any_rate(rate):
    found = onsets(beats(rate), rate)
    assert found.dtype == np.int64
    assert len(found) == len(BEATS)
    assert np.abs(found / rate - BEATS).max() < 0.001


@pytest.mark.parametrize("rate", RATES)
def test_a_cymbal_stays_in_one_piece(rate):
    recording = place([(0.3, cymbal(rate))], 2.5, rate)
    assert len(onsets(recording, rate)) == 1
    (only,) = segments(recording, rate)
    assert 0.297 < only.start / rate <= 0.3
    assert only.end / rate > 2.1


def test_a_hit_over_a_ringing_cymbal_ends_it():
    recording = place([(0.3, cymbal(RATE)), (1.1, hit(RATE)), (1.9, hit(RATE))], 3.0, RATE)
    found = segments(recording, RATE)
    assert [round(s.start / RATE, 2) for s in found] == [0.3, 1.1, 1.9]
    assert found[0].end == found[1].start
    assert found[1].end == found[2].start


@pytest.mark.parametrize("rise_s", [0.02, 0.06, 0.12])
def test_soft_onsets_are_found(rise_s):
    recording = place(
        [(0.5, swell(RATE, rise_s=rise_s)), (1.8, swell(RATE, 330.0, rise_s=rise_s))], 3.0, RATE
    )
    found = onsets(recording, RATE) / RATE
    assert len(found) == 2
    assert np.abs(found - [0.5, 1.8]).max() < 0.05


def test_a_sound_is_cut_before_its_attack_never_into_it():
    recording = beats()
    for segment, at in zip(segments(recording, RATE), BEATS, strict=True):
        assert 0 <= round(at * RATE) - segment.start <= 0.002 * RATE


def test_lengths():
    recording = place(
        [(0.2, np.ones(1, np.float32)), (1.0, cymbal(RATE, 6.0)), (7.7, hit(RATE, 90.0, 3.0))], 8.0, RATE
    )
    found = segments(recording, RATE)
    assert [s.end - s.start for s in found[:2]] == [round(0.05 * RATE), 2 * RATE]
    assert found[2].end == len(recording)
    longer = segments(recording, RATE, SegmentOptions(max_length_s=3.0, min_length_s=0.2))
    assert [s.end - s.start for s in longer[:2]] == [round(0.2 * RATE), 3 * RATE]


def test_sounds_do_not_overlap_and_lie_inside():
    recording = beats()
    found = segments(recording, RATE)
    assert all(0 <= s.start < s.end <= len(recording) for s in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_a_fade_at_the_end_only():
    tone = np.sin(np.arange(RATE) * 0.1).astype(np.float32)
    piece = cut(tone, RATE, Segment(100, 20_100))
    assert piece.shape == (20_000,)
    fade = round(0.01 * RATE)
    assert np.array_equal(piece[:-fade], tone[100 : 20_100 - fade])
    assert abs(piece[-1]) < 1e-6
    assert np.array_equal(tone, np.sin(np.arange(RATE) * 0.1).astype(np.float32))
    assert np.array_equal(cut(tone, RATE, Segment(0, 50), SegmentOptions(fade_s=0.0)), tone[:50])


def test_steady_sound_is_one_sound(rng):
    noise = 0.1 * rng.standard_normal(5 * RATE).astype(np.float32)
    assert len(onsets(noise, RATE)) <= 1
    assert segments(noise, RATE) == [Segment(0, 2 * RATE)]
    tone = np.sin(np.arange(4 * RATE) * 0.05).astype(np.float32)
    assert len(segments(tone, RATE)) == 1


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
def test_steady_noise_has_at_most_one_onset(seed, colour):
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(6 * RATE))
    hz = np.maximum(np.fft.rfftfreq(6 * RATE, 1 / RATE), 30.0)
    noise = np.fft.irfft(spectrum * hz ** -{"white": 0.0, "pink": 0.5, "brown": 1.0}[colour])
    assert len(onsets((0.1 * noise / noise.std()).astype(np.float32), RATE)) <= 1


def test_silence_has_none():
    for n in (0, 1, 7, 500, 3 * RATE):
        silence = np.zeros(n, dtype=np.float32)
        assert onsets(silence, RATE).shape == (0,)
        assert segments(silence, RATE) == []
    hiss = 1e-5 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert segments(hiss, RATE) == []


@settings(max_examples=30)
@given(at=st.integers(0, 3 * RATE - 1), rate=st.sampled_from(RATES), sign=st.sampled_from([-0.9, 0.01, 1.0]))
def test_one_click_is_one_onset(at, rate, sign):
    click = np.zeros(3 * rate, dtype=np.float32)
    at = at * rate // RATE
    click[at] = sign
    assert onsets(click, rate).tolist() == [at]


@settings(max_examples=25)
@given(k=st.integers(0, 2 * RATE))
def test_what_comes_later_is_found_later(k):
    recording = beats()
    moved = np.concatenate([np.zeros(k, dtype=np.float32), recording])
    assert (onsets(moved, RATE) - onsets(recording, RATE)).tolist() == [k] * len(BEATS)


@settings(max_examples=25)
@given(db=st.floats(-20.0, 20.0), seed=st.integers(0, 99))
def test_level_does_not_matter(db, seed):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.2, 0.7, 6))
    recording = place(
        [(t, rng.uniform(0.05, 1.0) * hit(RATE, seed=k)) for k, t in enumerate(times)], 5.0, RATE
    )
    recording += 1e-3 * rng.standard_normal(len(recording)).astype(np.float32)
    louder = (recording * np.float32(10.0 ** (db / 20.0))).astype(np.float32)
    assert onsets(louder, RATE).tolist() == onsets(recording, RATE).tolist()


@settings(max_examples=60)
@given(
    n=st.integers(0, 3000),
    rate=st.integers(8_000, 192_000),
    seed=st.integers(0, 2**32 - 1),
    burst=st.floats(0.0, 1.0),
)
def test_any_length_and_rate(n, rate, seed, burst):
    rng = np.random.default_rng(seed)
    samples = (rng.standard_normal(n) * (rng.random(n) < burst)).astype(np.float32)
    found = onsets(samples, rate)
    assert (np.diff(found) >= round(0.06 * rate)).all()
    assert ((found >= 0) & (found < max(n, 1))).all()
    assert all(0 <= s.start < s.end <= n for s in segments(samples, rate))


def test_sensitivity_and_gap():
    loud, soft = hit(RATE), np.float32(0.02) * hit(RATE, 400.0, seed=1)
    rng = np.random.default_rng(0)
    bed = 0.003 * rng.standard_normal(3 * RATE).astype(np.float32)
    recording = bed + place([(0.5, loud), (1.5, soft), (2.2, loud)], 3.0, RATE)
    counts = [len(onsets(recording, RATE, SegmentOptions(sensitivity=s))) for s in (0.0, 0.5, 1.0)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]
    roll = place([(0.2 + 0.1 * k, hit(RATE, seed=k)) for k in range(8)], 2.0, RATE)
    assert len(onsets(roll, RATE)) == 8
    assert len(onsets(roll, RATE, SegmentOptions(min_gap_s=0.15))) == 4


def test_a_long_recording_is_cut_as_its_parts_are():
    recording = beats()
    many = np.concatenate([recording] * 12)
    expected = np.concatenate([onsets(recording, RATE) + k * len(recording) for k in range(12)])
    assert onsets(many, RATE).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sensitivity": 1.5}, "sensitivity 1.5: from 0 to 1"),
        ({"min_gap_s": 0.0}, "min_gap_s 0: from"),
        ({"max_length_s": -1.0}, "max_length_s -1: from"),
        ({"min_length_s": 3.0}, "min_length_s 3: from 0 to 2"),
        ({"fade_s": float("nan")}, "fade_s nan"),
    ],
)
def test_options_that_make_no_sense(options, text):
    with pytest.raises(UsageError, match=text):
        SegmentOptions(**options)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_broken_samples_are_refused(bad):
    samples = np.zeros(100, dtype=np.float32)
    samples[50] = bad
    with pytest.raises(AudioFileError, match="NaN or infinity"):
        segments(samples, RATE)


def test_other_shapes_and_rates_are_refused():
    with pytest.raises(UsageError, match=r"shape \(10, 2\): a mono"):
        onsets(np.zeros((10, 2), dtype=np.float32), RATE)
    with pytest.raises(UsageError, match="rate 0 Hz"):
        onsets(np.zeros(10, dtype=np.float32), 0)
