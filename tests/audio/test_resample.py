"""Sample-rate conversion: in tune, clean, exact in its counts, and the same in any pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.audio import resample
from ghostnote.audio.resample import StreamResampler
from ghostnote.errors import DeviceError

RATES = [48_000, 96_000, 88_200, 22_050, 32_000, 192_000]


def sine(hz: float, rate: int, frames: int) -> np.ndarray:
    wave = np.sin(2.0 * np.pi * hz / rate * np.arange(frames))
    return np.stack([wave, -0.5 * wave], axis=1).astype(np.float32)


def measured_hz(sound: np.ndarray, rate: int, near_hz: float) -> float:
    """Frequency by the phase that a windowed correlation gains over the sound's length."""
    n = len(sound) // 2
    window = np.hanning(n)
    probe = np.exp(-2j * np.pi * near_hz / rate * np.arange(n)) * window
    first, second = probe @ sound[:n], probe @ sound[n : 2 * n]
    turn = np.angle(second / first * np.exp(-2j * np.pi * near_hz / rate * n))
    return near_hz + turn * rate / (2.0 * np.pi * n)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [110.0, 997.0, 7040.0])
def test_a_sine_stays_in_tune_and_at_its_level(rate, hz):
    out = StreamResampler(44_100, rate, 2).process(sine(hz, 44_100, 44_100))
    left = out[rate // 10 :, 0].astype(np.float64)
    cents = 1200.0 * np.log2(measured_hz(left, rate, hz) / hz)
    assert abs(cents) < 0.01
    assert np.sqrt(2.0 * np.mean(left**2)) == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(out[:, 1], -0.5 * out[:, 0], atol=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_pass_band_is_flat_and_images_are_80_db_down(rate):
    low = min(44_100, rate) / 2
    worst = -200.0
    for share in (0.05, 0.5, 0.8, 0.9):
        hz = share * low
        out = StreamResampler(44_100, rate, 1).process(sine(hz, 44_100, 44_100)[:, :1])
        tail = out[rate // 4 :, 0].astype(np.float64)
        tail = tail[: len(tail) // 2 * 2]
        spectrum = np.abs(np.fft.rfft(tail * np.blackman(len(tail)))) / (0.42 * len(tail) / 2)
        freqs = np.fft.rfftfreq(len(tail), 1.0 / rate)
        wanted = np.abs(freqs - hz) < 60.0
        assert 10.0 * np.log10(2.0 * np.mean(tail**2)) == pytest.approx(0.0, abs=0.02)
        worst = max(worst, 20.0 * np.log10(spectrum[~wanted].max()))
    assert worst < -80.0


@pytest.mark.parametrize("hz", [26_000.0, 30_000.0, 40_000.0])
def test_what_would_alias_is_80_db_down(hz):
    out = StreamResampler(96_000, 44_100, 1).process(sine(hz, 96_000, 96_000)[:, :1])
    assert 20.0 * np.log10(np.abs(out[5000:]).max()) < -80.0


@pytest.mark.parametrize("rate", RATES)
def test_delay_is_small_and_declared(rate):
    resampler = StreamResampler(44_100, rate, 1)
    hz = 200.0
    out = resampler.process(sine(hz, 44_100, 44_100)[:, :1])[rate // 2 :, 0].astype(np.float64)
    at = rate // 2 + np.arange(len(out))
    n = len(out) // (rate // 100) * (rate // 100)
    phase = np.angle(np.sum(out[:n] * np.exp(-2j * np.pi * hz / rate * at[:n]))) + np.pi / 2
    assert -phase / (2.0 * np.pi * hz) == pytest.approx(resampler.delay_s, abs=2e-6)
    assert resampler.delay_s < 0.0002


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([*RATES, 44_100, 37_800]),
    st.lists(st.integers(0, 1500), min_size=1, max_size=12),
    st.integers(0, 2**31),
)
def test_pieces_give_the_same_samples(rate, sizes, seed):
    sound = np.random.default_rng(seed).standard_normal((sum(sizes), 2)).astype(np.float32)
    whole = StreamResampler(44_100, rate, 2).process(sound.copy())
    pieces = StreamResampler(44_100, rate, 2)
    cuts = np.split(sound, np.cumsum(sizes)[:-1])
    got = np.concatenate([pieces.process(cut) for cut in cuts])
    np.testing.assert_allclose(got, whole, atol=4e-6, rtol=0)
    assert got.shape == whole.shape
    assert len(whole) == -(-len(sound) * rate // 44_100)


@pytest.mark.parametrize("rate", [48_000, 22_050])
def test_a_ratio_whose_matrix_would_be_large_sounds_the_same(rate, monkeypatch, rng):
    sound = rng.standard_normal((5000, 2)).astype(np.float32)
    by_matrix = StreamResampler(44_100, rate, 2).process(sound)
    monkeypatch.setattr(resample, "_MAX_BAND", 0)
    gathered = StreamResampler(44_100, rate, 2).process(sound)
    np.testing.assert_allclose(gathered, by_matrix, atol=4e-6, rtol=0)


def test_an_odd_rate_is_in_tune_and_its_memory_bounded():
    resampler = StreamResampler(44_100, 47_980, 1)
    out = resampler.process(sine(997.0, 44_100, 44_100)[:, :1])[4798:, 0].astype(np.float64)
    assert abs(1200.0 * np.log2(measured_hz(out, 47_980, 997.0) / 997.0)) < 0.01
    arrays = [a for a in vars(resampler).values() if isinstance(a, np.ndarray)]
    assert sum(a.nbytes for a in arrays) < 16e6


def test_what_is_not_finite_passes_without_a_warning_and_is_forgotten():
    resampler = StreamResampler(44_100, 48_000, 2)
    for value in (np.nan, np.inf, 3e38):
        resampler.process(np.full((64, 2), value, dtype=np.float32))
        resampler.process(np.zeros((128, 2), dtype=np.float32))
        assert not resampler.process(np.zeros((64, 2), dtype=np.float32)).any()


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([*RATES, 44_100]), st.lists(st.integers(1, 700), min_size=1, max_size=20))
def test_needed_is_just_enough(rate, wishes):
    resampler = StreamResampler(44_100, rate, 1)
    spare = 0
    for wish in wishes:
        missing = wish - spare
        need = resampler.needed(missing)
        got = len(resampler.process(np.zeros((need, 1), dtype=np.float32)))
        assert got >= missing
        if need:
            assert got - missing <= max(1, -(-rate // 44_100))
        spare += got - wish


def test_needed_asks_for_no_frame_too_many():
    resampler = StreamResampler(44_100, 48_000, 1)
    for wish in (1, 70, 333, 2000):
        need = resampler.needed(wish)
        shorter = StreamResampler(44_100, 48_000, 1)
        if need > 0:
            assert len(shorter.process(np.zeros((need - 1, 1), dtype=np.float32))) < wish


def test_counts_stay_exact_over_a_long_stream():
    resampler = StreamResampler(44_100, 48_000, 1)
    block = np.zeros((1021, 1), dtype=np.float32)
    total = sum(len(resampler.process(block)) for _ in range(3000))
    assert total == -(-3000 * 1021 * 160 // 147)


def test_equal_rates_pass_through_untouched(rng):
    resampler = StreamResampler(44_100, 44_100, 2)
    sound = rng.standard_normal((100, 2)).astype(np.float32)
    assert resampler.process(sound) is sound
    assert resampler.delay_s == 0.0
    assert resampler.needed(7) == 7


def test_silence_stays_silence():
    out = StreamResampler(44_100, 48_000, 2).process(np.zeros((5000, 2), dtype=np.float32))
    assert not out.any()


@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [(44_100, 0), (44_100, -48_000), (44_100, 2_000_000), (44_100, 47_981)]
)
def test_a_hopeless_ratio_is_refused_with_advice(rate_in, rate_out):
    with pytest.raises(DeviceError, match="cannot convert"):
        StreamResampler(rate_in, rate_out, 2)
