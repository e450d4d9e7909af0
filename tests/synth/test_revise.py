"""In low latency a new spectrum reaches frames that were just committed; what was given out stays."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.frames import FrameReader
from ghostnote.synth.phase import PhaseBank

SPEC = FeatureSpec()


def frames(sound: np.ndarray, position: float, count: int, step: float) -> np.ndarray:
    return FrameReader(SPEC).read([sound], [position], count, step)


def tone(bin_: int) -> np.ndarray:
    magnitudes = np.zeros((SPEC.frames, SPEC.bins), dtype=np.float32)
    magnitudes[:, bin_ - 2 : bin_ + 3] = 0.3 * np.array([0.1, 0.5, 1.0, 0.5, 0.1], dtype=np.float32)
    return magnitudes


def play(change_at: int, hops: int, revise: bool) -> np.ndarray:
    """Hops of a low tone that is a high one from hop `change_at` on."""
    bank = PhaseBank(SPEC, "low_latency", 1)
    rows, low, high = np.array([0]), tone(12), tone(90)
    out = []
    for j in range(hops):
        sound = high if j >= change_at else low
        first = bank.first_frame(j) * bank.frame_step
        if j == change_at and revise:
            past = frames(sound, first - bank.revisable * bank.frame_step, bank.revisable, bank.frame_step)
            bank.revise(rows, past)
        count = bank.lookahead + 1 if j else bank.start_frames
        read = frames(sound, first, count, bank.frame_step)
        out.append((bank.step if j else bank.start)(rows, read)[0])
    return np.array(out)


def share_of_high(samples: np.ndarray) -> np.ndarray:
    """How much of each hop's energy is in the upper half of its spectrum."""
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.shape[1]), axis=1)) ** 2
    split = round(45 * samples.shape[1] / SPEC.n_fft)
    return power[:, split:].sum(axis=1) / power.sum(axis=1)


def test_the_new_spectrum_is_heard_sooner():
    plain, revised = (share_of_high(play(20, 40, revise)) for revise in (False, True))
    first = [int(np.flatnonzero(share > 0.5)[0]) for share in (plain, revised)]
    assert 20 <= first[1] < first[0]
    assert revised[-1] == pytest.approx(plain[-1], abs=0.02)


def test_what_was_given_out_stays():
    plain, revised = (play(20, 21, revise) for revise in (False, True))
    assert np.array_equal(plain[:20], revised[:20])
    assert not np.allclose(plain[20], revised[20])


def test_the_same_spectrum_again_changes_nothing():
    bank, other = PhaseBank(SPEC, "low_latency", 1), PhaseBank(SPEC, "low_latency", 1)
    rows, sound = np.array([0]), tone(30) * np.linspace(1.0, 0.2, SPEC.frames, dtype=np.float32)[:, None]
    for j in range(12):
        first = bank.first_frame(j) * bank.frame_step
        count = bank.lookahead + 1 if j else bank.start_frames
        read = frames(sound, first, count, bank.frame_step)
        if j:
            past = frames(sound, first - bank.revisable * bank.frame_step, bank.revisable, bank.frame_step)
            bank.revise(rows, past)
        calls = [(b.step if j else b.start)(rows, read) for b in (bank, other)]
        np.testing.assert_allclose(calls[0], calls[1], atol=1e-6)


def test_a_change_makes_no_click():
    """Neither tone reaches far above the upper one: a click would."""
    samples = play(20, 40, revise=True).ravel()
    window = np.lib.stride_tricks.sliding_window_view(samples, 256)[::64] * np.hanning(256)
    power = np.abs(np.fft.rfft(window, axis=1)) ** 2
    above = power[:, 60:].sum(axis=1) / power.sum(axis=1).max()
    assert above[8:].max() < 1e-4
