"""Onsets while the signal comes in: soon, once each, and the same however it is cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.onsetkit import cymbal, hit, place
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


def test_a_cymbal_is_told_once():
    assert len(listen(place([(0.3, cymbal(RATE))], 2.5, RATE))) == 1


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
