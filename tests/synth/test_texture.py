"""The texture of noise: the statistics of real noise, seeded, shared without copying."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.phase import PhaseBank
from ghostnote.synth.texture import TextureBank

SPEC = FeatureSpec()


@pytest.fixture(scope="module")
def bank():
    return TextureBank(SPEC, seed=7)


def test_shape_and_type(bank):
    texture = bank.take(3)
    assert texture.shape == (SPEC.frames, SPEC.bins)
    assert texture.dtype == np.float32
    assert np.isfinite(texture).all()


def test_it_is_a_view_that_nobody_can_write_to(bank):
    texture = bank.take(3)
    assert texture.base is not None
    with pytest.raises(ValueError, match="read-only"):
        texture[0, 0] = 1.0


def test_neighbouring_offsets_overlap_and_any_integer_is_an_offset(bank):
    assert np.array_equal(bank.take(10)[1:], bank.take(11)[:-1])
    assert np.array_equal(bank.take(10), bank.take(10 + bank.offsets))
    assert np.array_equal(bank.take(-1), bank.take(bank.offsets - 1))
    assert bank.offsets >= SPEC.frames, "two hits need not share a frame"


def test_any_frames_may_be_asked_for_and_wrap(bank):
    frames = np.array([5.0, 6.0, 900.0])
    length = bank.offsets + SPEC.frames - 1
    assert np.array_equal(bank.at(frames)[:2], bank.take(5)[:2])
    assert np.array_equal(bank.at(frames), bank.at(frames + 3 * length))
    assert np.array_equal(bank.at(frames - 7 * length), bank.at(frames))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_between_two_frames_it_is_as_rough_as_on_them(bank, share):
    between = bank.at(np.arange(300) + share)[:, 2:-2]
    assert between.std() == pytest.approx(bank.take(0)[:300, 2:-2].std(), rel=0.05)


def test_seeds():
    assert np.array_equal(TextureBank(SPEC, seed=1).take(5), TextureBank(SPEC, seed=1).take(5))
    assert not np.array_equal(TextureBank(SPEC, seed=1).take(5), TextureBank(SPEC, seed=2).take(5))


def test_it_is_as_long_as_asked_and_never_too_short():
    assert TextureBank(SPEC, seconds=6.0).offsets > TextureBank(SPEC, seconds=4.0).offsets
    assert TextureBank(replace(SPEC, frames=600), seconds=1.0).take(0).shape == (600, SPEC.bins)


def test_magnitudes_spread_as_those_of_noise_do(bank):
    """Rayleigh: median 0, standard deviation of the log π/√24, and a tenth of it below −0.94."""
    inner = np.concatenate([bank.take(0), bank.take(-1)])[:, 2:-2]
    assert np.median(inner) == pytest.approx(0.0, abs=0.01)
    assert inner.std() == pytest.approx(np.pi / np.sqrt(24), abs=0.02)
    assert np.quantile(inner, 0.1) == pytest.approx(0.5 * np.log(np.log(1 / 0.9) / np.log(2)), abs=0.03)


def test_it_is_flat_over_frequency_and_time(bank):
    texture = bank.take(0)
    assert np.abs(np.median(texture, axis=0)).max() < 0.25
    assert np.abs(np.median(texture, axis=1)).max() < 0.2


def test_frames_and_bins_are_alike_as_far_as_windows_overlap(bank, make_rng):
    noise = make_rng(9).standard_normal(SPEC.samples).astype(np.float32)
    real = np.log(stft.magnitudes(noise, SPEC) + 1e-9)[4:-4, 2:-2]
    texture = bank.take(0)[4:-4, 2:-2]

    def alike(field, frames, bins):
        field = field - field.mean()
        a = field[: len(field) - frames, : field.shape[1] - bins]
        b = field[frames:, bins:]
        return float((a * b).mean() / field.var())

    for frames, bins in [(1, 0), (2, 0), (3, 0), (0, 1), (0, 2), (1, 1)]:
        assert alike(texture, frames, bins) == pytest.approx(alike(real, frames, bins), abs=0.03)
    assert alike(texture, 1, 0) > 0.25
    assert abs(alike(texture, 6, 0)) < 0.03


def periodicity(samples: np.ndarray) -> float:
    """Largest autocorrelation beyond 2 ms: what makes a noise sound like a comb."""
    power = np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2
    correlation = np.fft.irfft(power)[:3000] / power.mean()
    return float(np.abs(correlation[100:]).max() / correlation[0])


def test_with_texture_noise_does_not_sound_like_a_comb(bank):
    """The smooth spectrum of a noise burst comes back as a comb; with texture it is noise again."""
    envelope = np.exp(-np.arange(150) / 60)[:, None].astype(np.float32)
    smooth = 0.01 * np.repeat(envelope, SPEC.bins, axis=1)

    def play(magnitudes):
        phase, row = PhaseBank(SPEC, "quality", 1), np.zeros(1, dtype=np.intp)
        out = [phase.start(row, magnitudes[None, : phase.start_frames])[0]]
        for j in range(1, 140):
            first = phase.first_frame(j)
            out.append(phase.step(row, magnitudes[None, first : first + 1 + phase.lookahead])[0])
        samples = np.concatenate(out)[2048:]
        return samples * np.exp(np.arange(len(samples)) / (60 * 256))

    assert periodicity(play(smooth)) > 0.4
    assert periodicity(play(smooth * np.exp(bank.take(11)[:150]))) < 0.1
