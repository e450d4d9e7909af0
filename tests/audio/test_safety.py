"""Whatever comes in, what goes to the device is finite, below the ceiling, and starts from silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.audio.limiter import Limiter
from ghostnote.audio.safety import DC_HZ, SANE_PEAK, SafetyChain
from ghostnote.units import db_to_gain

RATE = 48_000
CEILING = np.float32(db_to_gain(-0.3))
HOSTILE = [np.nan, np.inf, -np.inf, 1e30, -1e30, 3.4e38, 1e-40, -1e-42, 1e-310, 0.0, 2.0, -50.0]


def opened(channels: int = 2) -> SafetyChain:
    """A chain whose opening fade is over."""
    chain = SafetyChain(RATE, channels)
    chain.process(np.zeros((RATE // 10, channels), dtype=np.float32))
    return chain


def chunked(chain: SafetyChain, sound: np.ndarray, sizes: list[int]) -> np.ndarray:
    out, at, k = [], 0, 0
    while at < len(sound):
        size = sizes[k % len(sizes)]
        out.append(chain.process(sound[at : at + size].copy()))
        at, k = at + size, k + 1
    return np.concatenate(out)


def dc_blocked(sound: np.ndarray) -> np.ndarray:
    """The DC block, frame by frame."""
    pole = np.exp(-2.0 * np.pi * DC_HZ / RATE)
    out, last_in, last_out = np.zeros(sound.shape), np.zeros(sound.shape[1]), np.zeros(sound.shape[1])
    for n, frame in enumerate(sound.astype(np.float64)):
        last_out = frame - last_in + pole * last_out
        last_in = frame
        out[n] = last_out
    return out


def tone(hz: float, level: float, frames: int) -> np.ndarray:
    wave = level * np.sin(2.0 * np.pi * hz / RATE * np.arange(frames))
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


@settings(deadline=None, max_examples=80)
@given(
    st.integers(0, 2**31),
    st.lists(st.tuples(st.integers(0, 1999), st.integers(0, 1), st.sampled_from(HOSTILE)), max_size=30),
    st.sampled_from([0.0, 1e-3, 1.0, 40.0]),
    st.lists(st.integers(1, 700), min_size=1, max_size=5),
)
def test_output_is_always_finite_and_below_the_ceiling(seed, faults, level, sizes):
    sound = (np.random.default_rng(seed).standard_normal((2000, 2)) * level).astype(np.float32)
    for frame, channel, value in faults:
        sound[frame, channel] = value
    out = chunked(opened(), sound, sizes)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= CEILING


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 1300), min_size=1, max_size=6), st.booleans())
def test_chunks_do_not_matter(seed, sizes, with_faults):
    rng = np.random.default_rng(seed)
    sound = (rng.standard_normal((4000, 2)) * rng.choice([0.1, 1.0, 10.0])).astype(np.float32)
    sound[2500:] *= 0.01
    if with_faults:
        sound[rng.integers(0, 4000, 3), 0] = np.nan
    whole = SafetyChain(RATE, 2).process(sound.copy())
    np.testing.assert_allclose(chunked(SafetyChain(RATE, 2), sound, sizes), whole, atol=1e-6, rtol=0)


def test_silence_stays_silence_and_its_state_clean():
    chain = opened()
    chain.process(np.ones((64, 2), dtype=np.float32))
    for _ in range(RATE * 2 // 512):
        last = chain.process(np.zeros((512, 2), dtype=np.float32))
    assert not last.any()
    assert chain.reduction_db == 0.0


def test_quiet_sound_is_only_delayed_and_high_passed(rng):
    chain = opened()
    sound = (rng.standard_normal((6000, 2)) * 0.05).astype(np.float32)
    out = chunked(chain, sound, [128])
    delay = chain.latency_frames
    np.testing.assert_allclose(out[delay:], dc_blocked(sound)[:-delay], atol=2e-7)
    assert chain.reduction_db == 0.0
    assert delay <= 0.0007 * RATE


def test_sound_just_below_the_ceiling_is_not_limited():
    chain = opened()
    out = chain.process(tone(1000.0, 0.95, 9600))
    assert chain.reduction_db == 0.0
    assert np.abs(out).max() > 0.945


def test_a_constant_offset_dies_out():
    chain = opened()
    out = chain.process(np.full((RATE, 2), 0.5, dtype=np.float32))
    assert np.abs(out[RATE // 2 :]).max() < 1e-6


def test_starts_from_silence_without_a_step():
    out = SafetyChain(RATE, 2).process(np.ones((4800, 2), dtype=np.float32))
    assert not out[0].any()
    assert np.abs(np.diff(out, axis=0)).max() < 0.001


def test_loud_sound_is_turned_down_not_clipped():
    chain = opened()
    chunked(chain, tone(1000.0, 4.0, 9600), [128])
    out = chunked(chain, tone(1000.0, 4.0, 9600), [128])[:, 0].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    harmonics = [spectrum[200 * k - 4 : 200 * k + 5].max() for k in (2, 3, 4, 5)]
    assert max(harmonics) < 0.02 * spectrum[200]
    assert chain.reduction_db == pytest.approx(20.0 * np.log10(4.0 / CEILING), abs=0.3)
    assert np.abs(out).max() > 0.9


def test_both_channels_are_turned_down_alike():
    sound = tone(500.0, 3.0, 4800)
    sound[:, 1] *= 0.25
    out = opened().process(sound)
    np.testing.assert_allclose(out[:, 1], 0.25 * out[:, 0], atol=1e-6)


def test_gain_comes_back_after_a_peak():
    chain = opened()
    quiet = tone(1000.0, 0.1, RATE)
    quiet[4800:4810] = 8.0
    out = chunked(chain, quiet, [128])
    assert np.abs(out[4900:5400]).max() < 0.05
    assert np.abs(out[-9600:]).max() == pytest.approx(0.1, rel=0.01)


def test_bad_frames_are_faded_around_and_counted():
    chain = opened()
    sound = tone(500.0, 0.5, 9600)
    sound[4800:4805, 0] = np.nan
    out = chunked(chain, sound, [128])
    delay = chain.latency_frames
    assert not out[4800 + delay : 4805 + delay].any()
    assert np.abs(np.diff(out, axis=0)).max() < 0.06
    assert chain.faults == 5
    assert np.abs(out[3000:4700]).max() == pytest.approx(0.5, rel=0.01)
    assert np.abs(out[-1000:]).max() > 0.3


def test_absurd_levels_do_not_leave_an_offset_behind():
    chain = opened()
    sound = np.zeros((RATE, 2), dtype=np.float32)
    sound[10] = 1e30
    out = chain.process(sound)
    assert np.abs(out[RATE // 5 :]).max() < 0.01
    assert chain.faults == 1
    assert SANE_PEAK < 1e30


def test_gain_is_ramped_over_20_ms():
    chain = opened()
    chunked(chain, tone(997.0, 0.5, 4800), [128])
    chain.set_gain(0.0)
    sound = np.full((4800, 2), 0.5, dtype=np.float32) * np.where(np.arange(4800) % 2, 1, -1)[:, None]
    out = np.abs(chunked(chain, sound.astype(np.float32), [128])[chain.latency_frames :, 0])
    assert out[round(0.010 * RATE)] == pytest.approx(0.25, abs=0.01)
    assert not out[round(0.0201 * RATE) : 4000].any()
    assert np.abs(np.diff(out)).max() < 0.02


@pytest.mark.parametrize("gain", [np.nan, np.inf, -1.0])
def test_a_senseless_gain_is_ignored(gain):
    chain = opened()
    chain.set_gain(gain)
    assert np.abs(chain.process(tone(1000.0, 0.5, 4800))[3000:]).max() == pytest.approx(0.5, rel=0.01)


def test_panic_silences_the_next_block_and_ends_with_the_sound():
    chain = opened()
    loud = tone(300.0, 0.9, 128)
    chain.process(loud.copy())
    chain.panic()
    for _ in range(10):
        assert not chain.process(loud.copy()).any()
    chain.process(np.zeros((128, 2), dtype=np.float32))
    hit = chunked(chain, tone(300.0, 0.5, 4800), [128])
    assert not hit[0].any()
    assert np.abs(np.diff(hit, axis=0)).max() < 0.05
    assert np.abs(hit[1000:]).max() == pytest.approx(0.5, rel=0.01)


def test_resume_ends_a_panic_while_the_input_still_sounds():
    chain = opened()
    chain.panic()
    assert not chain.process(tone(300.0, 0.5, 128)).any()
    chain.resume()
    out = chain.process(tone(300.0, 0.5, 4800))
    assert not out[0].any()
    assert np.abs(out[3000:]).max() == pytest.approx(0.5, rel=0.01)


def test_meters_show_level_and_reduction():
    chain = opened()
    for _ in range(200):
        chain.process(tone(1000.0, 0.5, 480))
    assert chain.meters.peak == pytest.approx(0.5, rel=0.02)
    assert chain.meters.rms == pytest.approx(0.5 / np.sqrt(2.0), rel=0.02)
    for _ in range(200):
        chain.process(np.zeros((480, 2), dtype=np.float32))
    assert chain.meters.peak < 0.01
    assert chain.meters.rms < 0.02


def test_works_in_place_and_on_any_length():
    chain = opened()
    for n in (0, 1, 5, 5000):
        block = np.full((n, 2), 3.0, dtype=np.float32)
        assert chain.process(block) is block
        assert len(block) == n


def test_the_limiter_alone_never_overshoots(rng):
    limiter = Limiter(RATE, 1, 0.5, 0.5)
    sound = rng.standard_normal((1, 20_000)) * np.exp(rng.standard_normal((1, 20_000)))
    sound = sound.astype(np.float32)
    out = np.empty_like(sound)
    for k in range(0, 20_000, 500):
        limiter.process(sound[:, k : k + 500], out[:, k : k + 500])
    assert np.abs(out).max() <= 0.5 * (1.0 + 2e-7)


@pytest.mark.parametrize("size", [1, 7, 24, 25, 1000])
def test_the_limiter_below_its_ceiling_changes_no_bit(rng, size):
    limiter = Limiter(RATE, 2, 1.0, 0.5)
    sound = rng.uniform(-0.99, 0.99, (2, 1000)).astype(np.float32)
    out = np.empty_like(sound)
    for k in range(0, 1000, size):
        limiter.process(sound[:, k : k + size], out[:, k : k + size])
    delay = limiter.delay_frames
    assert not out[:, :delay].any()
    assert out[:, delay:].tobytes() == sound[:, :-delay].tobytes()


def test_the_limiters_gain_comes_back_alike_in_any_pieces(rng):
    """The short way while it comes back, which whole pieces of this length never take."""
    sound = rng.uniform(-0.4, 0.4, (2, 8000)).astype(np.float32)
    sound[:, 100:140] = 5.0
    sound[:, 4000] = -3.0
    wholes, pieces = np.empty_like(sound), np.empty_like(sound)
    for size, out in ((1000, wholes), (64, pieces)):
        limiter = Limiter(RATE, 2, 0.5, 0.5)
        for k in range(0, 8000, size):
            limiter.process(sound[:, k : k + size], out[:, k : k + size])
    np.testing.assert_allclose(pieces, wholes, atol=3e-7, rtol=0)
    gain = pieces[0, 3000:3900] / sound[0, 3000 - limiter.delay_frames : 3900 - limiter.delay_frames]
    assert 0.3 < gain[0] < 0.7
    assert (np.diff(gain) > -1e-6).all()


def test_the_limiter_comes_to_rest():
    limiter = Limiter(RATE, 1, 0.5, 0.5)
    limiter.process(np.full((1, 10), 5.0, dtype=np.float32), np.empty((1, 10), dtype=np.float32))
    assert not limiter.idle
    quiet = np.full((1, 70), 0.4, dtype=np.float32)
    out = np.empty_like(quiet)
    for _ in range(2 * RATE // 70):
        limiter.process(quiet, out)
    assert limiter.idle
    assert limiter.reduction_db == 0.0
    assert out.tobytes() == quiet.tobytes()
