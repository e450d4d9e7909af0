"""The phase bank as an instrument: pitch, level, attacks, and how close it comes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ghostnote.bench import phase as measure
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.phase import PhaseBank


@pytest.fixture
def bank(mode):
    return PhaseBank(FeatureSpec(), mode, capacity=1)


@pytest.mark.parametrize("hertz", [110.0, 440.3, 3000.0, 12000.0])
def test_a_sine_stays_in_tune_in_level_and_smooth(bank, analyse, play, hertz):
    t = np.arange(66150) / 44100
    tone = 0.5 * np.sin(2 * np.pi * hertz * t)
    samples = play(bank, analyse(bank, tone))[4096 : 4096 + 49152].astype(np.float64)

    windowed = samples * np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(windowed, 1 << 20))
    peak = int(spectrum.argmax())
    assert abs(1200 * np.log2(peak * 44100 / (1 << 20) / hertz)) < 5.0, "cents"
    level_db = 20 * np.log10(np.sqrt(2 * np.mean(samples**2)) / 0.5)
    assert abs(level_db) < 0.5
    near = round(60 / 44100 * (1 << 20))
    rest = np.concatenate([spectrum[: max(0, peak - near)], spectrum[peak + near :]])
    assert 20 * np.log10(np.linalg.norm(rest) / np.linalg.norm(spectrum)) < -30, "clicks or beating"


def attack_ms(samples: np.ndarray, share: float) -> float:
    """When the wave first reaches a share of the largest value of its first 40 ms."""
    early = np.abs(samples[:1764])
    return float(np.argmax(early >= share * early.max())) / 44.1


@pytest.mark.parametrize("name", ["kick", "snare", "hat", "tom"])
def test_attacks_are_kept_within_a_millisecond(bank, sounds, analyse, play, name):
    wanted = sounds[name]
    samples = play(bank, analyse(bank, wanted))
    assert abs(attack_ms(samples, 0.25) - attack_ms(wanted, 0.25)) <= 1.0
    early = slice(0, 441)
    energy_db = 10 * np.log10(np.sum(samples[early] ** 2) / np.sum(wanted[early] ** 2))
    assert abs(energy_db) < 2.0, "energy of the first 10 ms"
    peak_db = 20 * np.log10(np.abs(samples).max() / np.abs(wanted).max())
    assert abs(peak_db) < 4.0


@pytest.mark.parametrize("late_ms", [0, 1])
def test_a_click_stays_a_click(bank, analyse, play, late_ms):
    """Recordings are cut a millisecond before the hit, synthesised sounds begin with it."""
    click = np.zeros(4410, dtype=np.float32)
    click[44 * late_ms :][:20] = np.hanning(22)[1:-1]
    energy = np.cumsum(play(bank, analyse(bank, click)) ** 2)
    assert energy[44 * (late_ms + 1)] > 0.9 * energy[-1]
    assert energy[441] > 0.99 * energy[-1]


def convergence_db(bank, analyse, play, samples) -> float:
    spec = replace(FeatureSpec(), hop=bank.hop)
    magnitudes = analyse(bank, samples)
    return measure.spectral_convergence_db(magnitudes[: -2 * bank.lead], play(bank, magnitudes), spec)


def test_magnitudes_of_a_drum_kit_come_back(bank, mode, sounds, analyse, play):
    values = {name: convergence_db(bank, analyse, play, s) for name, s in sounds.items()}
    assert np.mean(list(values.values())) >= {"quality": 24.0, "low_latency": 26.0}[mode], values
    assert min(values.values()) >= 13.0, values


def test_quiet_sounds_come_back_as_well_as_loud_ones(bank, analyse, play, sounds):
    loud = convergence_db(bank, analyse, play, sounds["bell"])
    quiet = convergence_db(bank, analyse, play, sounds["bell"] * np.float32(0.001))
    assert quiet > loud - 2.0


def test_goals_of_the_convergence_figures_on_real_drums_and_loops(data_dir, mode):
    """Every fourth clip of the corpus that `ghostnote bench` measures as a whole."""
    spec = FeatureSpec()
    bank = PhaseBank(spec, mode, 16)
    fine = replace(spec, hop=bank.hop)
    clips = measure.corpus(data_dir, spec)[::4]
    assert len(clips) == 11
    assert {c.kind for c in clips} == {"drums", "long"}
    values = measure.streamed_db(clips, fine, bank)
    assert np.mean(values) >= {"quality": 22.0, "low_latency": 20.0}[mode], dict(
        zip([c.name for c in clips], values, strict=True)
    )
