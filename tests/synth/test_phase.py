"""The phase bank as a machine: batches, rows, silence, trouble, targets that change."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.phase import MODES, PLANS, PhaseBank
from ghostnote.synth.rtisi import Grid, Pace, Projection


@pytest.fixture
def bank(mode):
    return PhaseBank(FeatureSpec(), mode, capacity=9)


def test_modes_are_told_by_name():
    assert MODES == ("quality", "low_latency")


def test_lookahead_is_as_short_as_promised(mode):
    bank = PhaseBank(FeatureSpec(), mode, 1)
    limit_ms = {"quality": 5.9, "low_latency": 3.0}[mode]
    assert 1000 * bank.lookahead * bank.hop / 44100 <= limit_ms
    assert bank.frame_step * FeatureSpec().hop == bank.hop


def test_an_iteration_leaves_the_frames_before_its_oldest_as_they_were():
    grid, hop = Grid(1024, 256, 3), 256
    pace = Pace((0.9, 0.6), (0.2, 0.3), 0.2)
    rng = np.random.default_rng(3)
    state = [rng.standard_normal((2, grid.span - hop), dtype=np.float32) for _ in range(2)]
    targets = rng.rayleigh(0.01, (2, 3, grid.bins)).astype(np.float32)
    given, tails = np.zeros((2, hop), np.float32), np.zeros((2, 1024 - hop), np.float32)

    def pieces(*oldest: int) -> np.ndarray:
        paces = [Pace(pace.momentum, pace.over, pace.window_floor, o) for o in oldest]
        projection = Projection(grid, hop, paces, grid.window_power(-4, 3)[None], 2)
        now, before = (s.copy() for s in state)
        return projection.run(given, now, before, targets, tails, 0)[2].copy()

    once, twice, newest = pieces(0), pieces(0, 0), pieces(0, 1)
    assert np.array_equal(newest[:, 0], once[:, 0])
    assert np.array_equal(newest[:, 1:], twice[:, 1:])
    assert not np.allclose(newest[:, 1:], once[:, 1:], rtol=1e-3)


def test_every_plan_updates_the_frame_it_commits_at_last(mode):
    """Else a hop would be given out that does not know the targets of its newest frames."""
    plan = PLANS[mode]
    assert plan.updated > plan.lookahead
    assert plan.paces[0].oldest == plan.paces[-1].oldest == 0


def test_calls_fit_together_without_a_gap(mode):
    bank = PhaseBank(FeatureSpec(), mode, 1)
    committed = bank.start_frames - bank.lookahead
    assert bank.first_frame(0) == 0
    assert [bank.first_frame(j) for j in range(1, 5)] == list(range(committed, committed + 4))


def test_a_voice_sounds_the_same_alone_and_in_any_company(bank, mode, sounds, analyse, play):
    """Voices start at different hops and are called in changing order: bit by bit as in their solos."""
    kit = [analyse(bank, s)[:40] for s in sounds.values()]
    solo = [play(PhaseBank(FeatureSpec(), mode, 1), m) for m in kit]
    begin, row_of = [0, 1, 1, 3, 6], [4, 0, 8, 2, 5]
    heard = [[] for _ in kit]
    order = np.random.default_rng(4)
    silence = np.zeros((bank.start_frames, bank.bins), dtype=np.float32)
    padded = [np.concatenate([m, silence]) for m in kit]

    def call(bank_method, voices, frames, hop_of):
        if voices:
            firsts = [bank.first_frame(hop_of(v)) for v in voices]
            targets = [padded[v][f : f + frames] for v, f in zip(voices, firsts, strict=True)]
            samples = bank_method(np.array([row_of[v] for v in voices]), np.stack(targets))
            for v, piece in zip(voices, samples, strict=True):
                heard[v].append(piece)

    for tick in range(60):
        shuffled = [int(v) for v in order.permutation(5)]
        ages = [tick - b for b in begin]
        call(bank.start, [v for v in shuffled if ages[v] == 0], bank.start_frames, lambda v: 0)
        going = [v for v in shuffled if 0 < ages[v] < len(solo[v]) // bank.hop]
        call(bank.step, going, 1 + bank.lookahead, ages.__getitem__)
    for expected, pieces in zip(solo, heard, strict=True):
        assert np.array_equal(np.concatenate(pieces), expected)


def test_a_row_forgets_what_it_played(bank, mode, sounds, analyse, play):
    first = play(bank, analyse(bank, sounds["snare"])[:30], row=3)
    play(bank, analyse(bank, sounds["bell"])[:25], row=3)
    again = play(bank, analyse(bank, sounds["snare"])[:30], row=3)
    assert np.array_equal(first, again)


def test_the_whole_is_as_long_as_it_should_be(bank, sounds, analyse, play):
    magnitudes = analyse(bank, sounds["hat"])
    assert play(bank, magnitudes).shape == ((len(magnitudes) - bank.lead) * bank.hop,)


def test_silence_stays_silence(bank, play):
    assert not play(bank, np.zeros((50, bank.bins), dtype=np.float32)).any()


def test_sound_comes_back_after_silence(bank, analyse, play):
    tone = 0.5 * np.sin(2 * np.pi * 700 * np.arange(44100) / 44100)
    magnitudes = analyse(bank, tone)[20:140]
    magnitudes[:40] = 0.0
    samples = play(bank, magnitudes)
    quiet, loud = samples[: 30 * bank.hop], samples[60 * bank.hop : 110 * bank.hop]
    assert not quiet.any()
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.06)


def test_sound_ends_in_exact_silence(bank, sounds, analyse, play):
    magnitudes = np.concatenate([analyse(bank, sounds["tom"])[:30], np.zeros((40, bank.bins), np.float32)])
    samples = play(bank, magnitudes)
    assert samples[10 * bank.hop : 20 * bank.hop].any()
    assert not samples[-20 * bank.hop :].any()


def test_targets_that_are_not_finite_harm_no_other_voice_and_are_forgotten(bank, mode, sounds, analyse, play):
    good = analyse(bank, sounds["bell"])[:30]
    expected = play(PhaseBank(FeatureSpec(), mode, 1), good)
    bad = good.copy()
    bad[12] = np.nan
    both = np.stack([good, bad])
    rows = np.array([1, 2])
    out = [bank.start(rows, both[:, : bank.start_frames])]
    for j in range(1, 20):
        first = bank.first_frame(j)
        out.append(bank.step(rows, both[:, first : first + 1 + bank.lookahead]))
    heard = np.concatenate(out, axis=1)
    assert not np.isfinite(heard[1]).all()
    assert np.array_equal(heard[0], expected[: heard.shape[1]])
    assert np.array_equal(play(bank, good, row=2), expected)


def test_targets_may_change_at_any_step_without_a_click(bank, analyse):
    """A knob jumps from one sound to another every 40 ms; no step of the wave stands out."""
    t = np.arange(88200) / 44100
    tones = [
        analyse(bank, sum(0.15 * np.sin(2 * np.pi * f * k * t) / k for k in range(1, 8)))[20:260]
        for f in (220.0, 311.0)
    ]
    rows = np.array([0])

    def perform(which):
        out = [bank.start(rows, tones[0][None, : bank.start_frames])[0]]
        for j in range(1, 200):
            first = bank.first_frame(j)
            out.append(bank.step(rows, tones[which(j)][None, first : first + 1 + bank.lookahead])[0])
        return np.abs(np.diff(np.concatenate(out)[8 * bank.hop :]))

    calm = max(np.quantile(perform(lambda j: 0), 0.999), np.quantile(perform(lambda j: 1), 0.999))
    assert perform(lambda j: (j * bank.hop // 1792) % 2).max() <= 1.5 * calm


def test_a_changed_target_acts_within_half_a_window(bank, analyse):
    """The step that brings a new target is where its sound takes over: a knob's latency rests on it."""
    t = np.arange(44100) / 44100
    low, high = (analyse(bank, 0.5 * np.sin(2 * np.pi * f * t))[20:] for f in (500.0, 5000.0))
    rows = np.array([0])
    out = [bank.start(rows, low[None, : bank.start_frames])[0]]
    for j in range(1, 60):
        first = bank.first_frame(j)
        source = low if j < 30 else high
        out.append(bank.step(rows, source[None, first : first + 1 + bank.lookahead])[0])
    samples = np.concatenate(out)
    change = 30 * bank.hop
    assert np.abs(np.diff(samples[change - 512 : change])).max() < 0.06
    settled = samples[change + 768 : change + 768 + 512]
    assert np.sqrt(np.mean(np.diff(settled) ** 2)) > 0.15


def test_a_held_frame_goes_on_at_its_level(bank, analyse):
    """Late inference: the last frame again and again, for ten seconds."""
    t = np.arange(44100) / 44100
    frame = analyse(bank, 0.4 * np.sin(2 * np.pi * 440.3 * t))[100]
    targets = np.repeat(frame[None, None], bank.start_frames, axis=1)
    rows = np.array([0])
    out = [bank.start(rows, targets)[0]]
    for _ in range(10 * 44100 // bank.hop):
        out.append(bank.step(rows, targets[:, : 1 + bank.lookahead])[0])
    levels = np.sqrt(np.mean(np.concatenate(out)[: 440 * 1000].reshape(10, -1) ** 2, axis=1))
    assert levels == pytest.approx(np.full(10, 0.4 / np.sqrt(2)), rel=0.06)
