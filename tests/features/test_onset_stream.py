"""Onsets while the signal comes in: soon, once each, and the same however it is cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.onsetkit import cymbal, hit, place, swell
from ghostnote.errors import UsageError
from ghostnote.features.onset_stream import Onset, OnsetStream, StreamOptions

RATE = 48_000
BEATS = [0.4, 0.75, 1.3, 1.5, 2.2]


def beats(rate: int = RATE) -> np.ndarray:
    return place([(t, hit(rate, 120 + 60 * k, seed=k)) for k, t in enumerate(BEATS)], 3.0, rate)


def listen(samples: np.ndarray, rate: int = RATE, block: int = 256, **options) -> list[Onset]:
    stream = OnsetStream(rate, StreamOptions(**options))
    return [o for at in range(0, len(samples), block) for o in stream.process(samples[at : at + block])]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 96_000, 192_000])
def test_hits_are_told_within_20_ms(rate):
    found = listen(beats(rate), rate)
    assert len(found) == len(BEATS)
    for onset, at in zip(found, BEATS, strict=True):
        assert abs(onset.at / rate - at) < 0.002
        assert 0 < onset.decided / rate - at < 0.02
        assert onset.strength >= 1


def test_hops_are_at_most_5_ms():
    assert OnsetStream(RATE).bands.hop <= 0.005 * RATE


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("seconds", [0.6, 1.9, 3.5])
def test_a_cymbal_is_told_once(seed, seconds):
    assert len(listen(place([(0.3, cymbal(RATE, seconds, seed))], 4.0, RATE))) == 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), gap_s=st.floats(0.09, 0.3), rate=st.sampled_from([44_100, 48_000]))
def test_each_hit_of_a_roll_is_told_once(seed, gap_s, rate):
    rng = np.random.default_rng(seed)
    times = 0.3 + gap_s * np.arange(10)
    sounds = [
        (t, np.float32(rng.uniform(0.4, 1.0)) * hit(rate, 150, seed=seed + k)) for k, t in enumerate(times)
    ]
    found = [o.at / rate for o in listen(place(sounds, 4.0, rate), rate)]
    assert found == pytest.approx(times.tolist(), abs=0.01)


def test_level_does_not_matter_where_the_threshold_follows(rng):
    samples = beats() + np.float32(0.003) * rng.standard_normal(3 * RATE).astype(np.float32)
    louder = listen(samples, threshold_db=-50.0)
    softer = listen(np.float32(0.01) * samples, threshold_db=-90.0)
    assert [round(o.at / RATE, 2) for o in louder] == [0.0, *BEATS]
    assert [(o.at, o.decided) for o in softer] == [(o.at, o.decided) for o in louder]
    assert [o.strength for o in softer] == pytest.approx([o.strength for o in louder], abs=0.01)


@pytest.mark.parametrize("hops", [1, 17, 400])
def test_what_comes_later_is_told_later(hops):
    by = hops * OnsetStream(RATE).bands.hop
    later = listen(np.concatenate([np.zeros(by, dtype=np.float32), beats()]))
    assert [(o.at - by, o.decided - by) for o in later] == [(o.at, o.decided) for o in listen(beats())]


def test_what_comes_up_slowly_is_no_onset(rng):
    noise, other = rng.standard_normal((2, 6 * RATE)).astype(np.float32)
    up = np.clip(np.arange(6 * RATE) / RATE - 2.0, 0.0, 1.5).astype(np.float32)
    bed = np.float32(0.003) * noise
    assert [o for o in listen(bed + np.float32(0.02) * up * other) if o.at > 0.5 * RATE] == []


def test_vibrato_and_tremolo_are_no_onsets():
    t = np.arange(5 * RATE) / RATE
    swing = 2 * np.pi * 5.5
    tone = sum(
        np.sin(2 * np.pi * 330 * k * t - 0.02 * 330 * k * 2 * np.pi / swing * np.cos(swing * t)) / k
        for k in range(1, 9)
    )
    wavering = (0.1 * tone * (1 + 0.3 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)
    assert [o for o in listen(wavering) if o.at > 0.5 * RATE] == []


def test_soft_and_slow_ones_are_told_over_noise(rng):
    noise = np.float32(0.002) * rng.standard_normal(4 * RATE).astype(np.float32)
    sounds = [(1.0, np.float32(0.1) * swell(RATE, rise_s=0.03)), (2.5, np.float32(0.05) * hit(RATE))]
    found = [o.at / RATE for o in listen(noise + place(sounds, 4.0, RATE)) if o.at > 0.5 * RATE]
    assert found == pytest.approx([1.0, 2.5], abs=0.03)


def test_more_sensitive_tells_more(rng):
    noise = np.float32(0.01) * rng.standard_normal(6 * RATE).astype(np.float32)
    sounds = [(0.5 + 0.25 * k, np.float32(10.0 ** (-k / 12)) * hit(RATE, seed=k)) for k in range(20)]
    counts = [len(listen(noise + place(sounds, 6.0, RATE), sensitivity=s)) for s in (0.0, 0.5, 1.0)]
    assert counts[0] < counts[1] < counts[2]


@settings(max_examples=20)
@given(sizes=st.lists(st.integers(0, 3_000), min_size=1, max_size=40))
def test_blocks_do_not_matter(sizes):
    samples = beats()[: 2 * RATE]
    stream, found, at = OnsetStream(RATE), [], 0
    for size in sizes:
        found += stream.process(samples[at : at + size])
        at = min(len(samples), at + size)
    found += stream.process(samples[at:])
    assert found == listen(samples, block=len(samples))


def test_noise_that_comes_up_is_got_used_to(rng):
    noise = rng.standard_normal(6 * RATE).astype(np.float32)
    noise *= np.repeat([1e-4, 0.01, 0.1], 2 * RATE).astype(np.float32)
    assert len(listen(noise)) <= 2
    loud = noise + place([(5.0, hit(RATE)), (5.5, hit(RATE))], 6.0, RATE)
    times = [o.at / RATE for o in listen(loud) if o.at > 4.1 * RATE]
    assert times == pytest.approx([5.0, 5.5], abs=0.005)


def test_options():
    soft = np.float32(0.01) * beats()
    assert len(listen(soft)) == len(BEATS)
    assert not listen(soft, threshold_db=-40.0)
    roll = place([(0.2 + 0.1 * k, hit(RATE, seed=k)) for k in range(8)], 2.0, RATE)
    assert len(listen(roll)) == 8
    assert len(listen(roll, hold_s=0.15)) == 4
    with pytest.raises(UsageError, match="hold_s 0: from"):
        StreamOptions(hold_s=0.0)
    with pytest.raises(UsageError, match="rate 10 Hz"):
        OnsetStream(10)


def test_broken_samples_do_not_stop_it():
    samples = beats()
    samples[100:200] = np.nan
    samples[300] = np.inf
    assert [round(o.at / RATE, 2) for o in listen(samples)][-5:] == BEATS


def test_silence_and_nothing():
    assert listen(np.zeros(RATE, dtype=np.float32)) == []
    assert OnsetStream(RATE).process(np.zeros(0, dtype=np.float32)) == []
