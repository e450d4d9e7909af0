"""The detail of a sound: its text form, what it brings back, and what it never does."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.errors import MessageError
from ghostnote.features import detail_apply, detail_capture, stft
from ghostnote.features.detail import FORM, MAX_TEXT, MOST, STEP, Detail, Layers, mix
from ghostnote.features.detail_grid import grid_of
from ghostnote.features.spec import FeatureSpec

SPEC = FeatureSpec()
SMALL = FeatureSpec(n_fft=64, hop=16, frames=40)
SHAPE = SPEC.frames, SPEC.bins


def noise_texture(spec, seed):
    """Natural log of noise magnitudes over their median, shape (F, B)."""
    noise = np.random.default_rng(seed).standard_normal(2 * spec.samples).astype(np.float32)
    level = stft.magnitudes(noise, spec)
    return np.log(level / np.median(level))


def recording(spec=SPEC, seed=3):
    """Magnitudes of partials that decay over a burst of noise, and then silence."""
    rng = np.random.default_rng(seed)
    t = np.arange(spec.samples) / spec.sample_rate
    partials = sum(
        np.sin(2.0 * np.pi * hz * t) * np.exp(-t * k) for hz, k in ((440, 3), (1234, 7), (5000, 9))
    )
    burst = rng.standard_normal(len(t)) * np.exp(-t * 60.0)
    sound = (0.2 * partials + 0.3 * burst).astype(np.float32)
    sound[len(sound) * 3 // 4 :] = 0.0
    return stft.magnitudes(sound, spec)


def blurred(magnitudes):
    """What a decoder without partials would make of it: one level for each frame and 32 bins."""
    coarse = np.add.reduceat(np.square(magnitudes), np.arange(0, magnitudes.shape[1], 32), axis=1) / 32.0
    return np.sqrt(np.repeat(coarse, 32, axis=1)[:, : magnitudes.shape[1]]) + np.float32(1e-5)


def captured(seed=3, spec=SPEC):
    wanted = recording(spec, seed)
    median = blurred(wanted)
    return wanted, median, detail_capture.capture(wanted, median, np.full_like(median, 0.8), spec)


def played(median, texture, detail, amount, spec=SPEC):
    """What a decoder with a noisiness of 0.8 plays."""
    if detail is None:
        return median * np.exp(np.float32(0.8) * texture)
    layers = detail.layers.scaled(amount)
    rough = detail_apply.roughened(texture, layers, spec)
    made = median * np.exp(np.float32(0.8) * rough)
    detail_apply.apply(made, rough, layers, spec)
    return made


def distance_db(a, b):
    loud = np.maximum(a, b) > 1e-4
    return float(np.sqrt(np.mean(np.square(20.0 * np.log10((a[loud] + 1e-5) / (b[loud] + 1e-5))))))


@pytest.fixture(scope="module")
def example():
    return captured()


def test_grid_covers_every_frame_and_bin_once():
    for spec in (SPEC, SMALL, FeatureSpec(n_fft=16, hop=4, frames=1), FeatureSpec(frames=13)):
        grid = grid_of(spec)
        for edges, length in (
            (grid.fine.edges, spec.frames),
            (grid.coarse.edges, spec.frames),
            (grid.noise.edges, spec.frames),
            (grid.bands, spec.bins),
            (grid.noise_bands, spec.bins),
        ):
            assert edges[0] == 0
            assert edges[-1] == length
            assert (np.diff(edges) > 0).all()
    assert grid_of(SPEC).size < 20_000


def test_values_at_windows_become_lines_between_them():
    windows = grid_of(SPEC).coarse
    middles = 0.5 * (windows.edges[:-1] + windows.edges[1:] - 1)
    line = windows.over((2.0 * middles + 1.0).astype(np.float32)[:, None])[:, 0]
    inside = (np.arange(SPEC.frames) >= middles[0]) & (np.arange(SPEC.frames) <= middles[-1])
    np.testing.assert_allclose(line[inside], 2.0 * np.arange(SPEC.frames)[inside] + 1.0, rtol=1e-5)


def test_what_is_lacking_is_the_sum_of_both_tables(rng):
    grid = grid_of(SPEC)
    fine, coarse, noise = (rng.standard_normal(shape).astype(np.float32) for shape in grid.shapes)
    made = detail_apply.lacking(Layers(fine, coarse, noise), grid)
    band_of = np.searchsorted(grid.bands, np.arange(SPEC.bins), side="right") - 1
    wanted = grid.fine.over(fine) + grid.coarse.over(coarse)[:, band_of]
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_detail_brings_the_recording_back(example):
    wanted, median, detail = example
    texture = noise_texture(SPEC, 7)
    without = distance_db(wanted, played(median, texture, None, 0.0))
    half, whole = (distance_db(wanted, played(median, texture, detail, amount)) for amount in (0.5, 1.0))
    assert whole < 0.4 * without
    assert whole < half < without


def test_partials_stand_out_again(example):
    wanted, median, detail = example
    made = played(median, noise_texture(SPEC, 7), detail, 1.0)
    at, beside = round(1234 * SPEC.n_fft / SPEC.sample_rate), round(860 * SPEC.n_fft / SPEC.sample_rate)

    def ridge(magnitudes):
        level = 20.0 * np.log10(magnitudes[40:80] + 1e-4)
        return float((level[:, at] - level[:, beside]).mean())

    assert ridge(median) < 6.0
    assert ridge(made) == pytest.approx(ridge(wanted), abs=3.0)


def test_silence_stays_silent(example):
    wanted, median, _ = example
    quiet = wanted.max(axis=1) == 0.0
    assert quiet.sum() > 50
    again = detail_capture.capture(wanted, median + np.float32(1e-4), np.full_like(median, 0.8), SPEC)
    made = played(median + np.float32(1e-4), noise_texture(SPEC, 7), again, 1.0)
    assert made[quiet][10:].max() < 2e-5
    assert made[quiet][2:].max() < 1e-4


def test_a_tone_gets_its_noise_taken_away_and_noise_keeps_it():
    t = np.arange(SPEC.samples) / SPEC.sample_rate
    tone = stft.magnitudes((0.1 * np.sin(2.0 * np.pi * 3000.0 * t)).astype(np.float32), SPEC)
    noise = stft.magnitudes(
        (0.1 * np.random.default_rng(1).standard_normal(SPEC.samples)).astype(np.float32), SPEC
    )
    rough = [
        detail_capture.capture(sound, blurred(sound), np.full_like(sound, 1.0), SPEC).layers.noise
        for sound in (tone, noise)
    ]
    band = int(np.searchsorted(grid_of(SPEC).noise_bands, 3000 * SPEC.n_fft / SPEC.sample_rate)) - 1
    assert rough[0][4:-1, band].max() < -0.6
    assert np.abs(rough[1][4:]).mean() < 0.3


def test_noise_that_the_model_has_not_is_noise_and_no_whistle():
    noise = 0.01 * np.random.default_rng(1).standard_normal(SPEC.samples)
    wanted = stft.magnitudes(noise.astype(np.float32), SPEC)
    median = np.full_like(wanted, 1e-7)
    detail = detail_capture.capture(wanted, median, np.full_like(median, 0.8), SPEC)
    made = played(median, noise_texture(SPEC, 7), detail, 1.0)
    inner = slice(60, 300), slice(100, 400)
    scatter = [float(np.log(magnitudes[inner] + 1e-5).std()) for magnitudes in (wanted, made)]
    assert scatter[1] == pytest.approx(scatter[0], rel=0.15)
    assert np.log(np.median(made[inner]) / np.median(wanted[inner])) == pytest.approx(0.0, abs=0.1)


def test_equal_sounds_have_equal_details_and_others_not(example):
    assert captured()[2] == example[2]
    assert captured(seed=4)[2] != example[2]


def test_text_form_says_the_same(example):
    detail = example[2]
    text = detail.text
    assert len(text) < MAX_TEXT
    assert text.isascii()
    again = Detail.of_text(text, SPEC)
    assert again == detail
    assert again.text == text


def test_layers_and_back_lose_nothing(example):
    assert Detail.of(example[2].layers, SPEC) == example[2]


def packed(data):
    return FORM + base64.b64encode(zlib.compress(data, 9)).decode()


def head(frames=SPEC.frames, bins=SPEC.bins):
    return frames.to_bytes(2, "little") + bins.to_bytes(2, "little")


SIZE = grid_of(SPEC).size


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with"),
        ("d2:AAAA", "begins with"),
        (FORM + "A" * MAX_TEXT, "at most"),
        (FORM + "not base64!", "damaged"),
        (FORM + "ü", "damaged"),
        (FORM + base64.b64encode(b"not zlib").decode(), "damaged"),
        (packed(b""), "does not fit"),
        (packed(head()), "damaged"),
        (packed(head() + bytes(SIZE - 1)), "damaged"),
        (packed(head() + bytes(SIZE + 1)), "damaged"),
        (packed(head() + bytes(SIZE * 1000)), "damaged"),
        (packed(head() + b"\x80" + bytes(SIZE - 1)), "damaged"),
        (packed(head(frames=343) + bytes(SIZE)), "does not fit"),
        (FORM + base64.b64encode(zlib.compress(head() + bytes(SIZE)) + b"more").decode(), "damaged"),
        (FORM + base64.b64encode(zlib.compress(head() + bytes(SIZE))[:-3]).decode(), "damaged"),
    ],
)
def test_a_text_that_is_no_detail_is_refused(text, why):
    with pytest.raises(MessageError, match=why) as refused:
        Detail.of_text(text, SPEC)
    assert refused.value.code == "range"


@given(st.text(max_size=200), st.integers(0, 5000), st.integers(1, 4))
def test_damaged_texts_are_refused_or_read_and_nothing_else(junk, at, cut):
    good = packed(head() + bytes(range(128)) * (SIZE // 128) + bytes(SIZE % 128))
    at %= len(good)
    for text in (junk, FORM + junk, good[:at] + junk + good[at + cut :]):
        try:
            detail = Detail.of_text(text, SPEC)
        except MessageError:
            continue
        assert len(detail.values) == SIZE


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.floats(1e-9, 1000.0), st.floats(-16.0, 16.0))
def test_no_detail_deafens_or_gives_bad_numbers(seed, amount, loudest, weight):
    rng = np.random.default_rng(seed)
    grid = grid_of(SMALL)
    values = rng.integers(-MOST, MOST, grid.size, endpoint=True).astype(np.int8)
    if seed % 3 == 0:
        values[:] = MOST
    detail = Detail(SMALL.frames, SMALL.bins, values.tobytes())
    layers = mix([detail, detail], [weight, 1.0])
    layers = layers.scaled(amount)
    texture = 3.0 * rng.standard_normal((SMALL.frames, SMALL.bins)).astype(np.float32)
    rough = detail_apply.roughened(texture, layers, SMALL)
    assert np.abs(rough).max() <= 3.1 * np.abs(texture).max()
    magnitudes = (loudest * rng.random(texture.shape)).astype(np.float32)
    before = float(magnitudes.max())
    detail_apply.apply(magnitudes, np.minimum(rough, 20.0), layers, SMALL)
    assert np.isfinite(magnitudes).all()
    assert magnitudes.min() >= 0.0
    assert magnitudes.max() <= max(before, 1.0)


def test_mixtures_are_weighted_sums_and_missing_ones_count_nothing(example):
    one, other = example[2], captured(seed=4)[2]
    both = mix([one, other], [0.25, 0.75])
    np.testing.assert_allclose(both.fine, 0.25 * one.layers.fine + 0.75 * other.layers.fine, atol=1e-5)
    half = mix([one], [0.5])
    np.testing.assert_allclose(half.coarse, 0.5 * one.layers.coarse, atol=1e-6)
    np.testing.assert_allclose(half.noise, 0.5 * one.layers.noise, atol=1e-6)
    assert mix([one], [1.0]).fine is one.layers.fine
    assert mix([one], [100.0]).fine.max() <= np.float32(MOST * STEP)
