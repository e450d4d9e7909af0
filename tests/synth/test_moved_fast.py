"""Moved by leaps, a note neither breaks off nor is lost; stretched, it begins as it was struck."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features import stft
from ghostnote.synth.voice import Sound
from synth.poolkit import QUANTUM, SPEC, TEXTURES, Rig, steps, tone

LEAPS = {
    "length": lambda rig, voice: rig.set(length=0.05),
    "start, backwards": lambda rig, voice: rig.set(reverse=1, start=0.9),
    "position": lambda rig, voice: rig.pool.scrub(1, 1.0),
    "another sound": lambda rig, voice: rig.pool.replace(voice, tone(6, 4)),
    "no loop": lambda rig, voice: rig.set(mode="oneshot", length=0.05),
}


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
@pytest.mark.parametrize("leap", LEAPS)
@pytest.mark.parametrize("semitones", [0.0, -12.0])
def test_a_note_whose_end_comes_all_at_once_dies_away(leap, voice_mode, semitones):
    """A low tone has no steep steps: breaking off would be one of thirty times its own."""
    rig = Rig(mode="loop" if leap == "no loop" else "oneshot")
    voice = rig.strike(tone(6, 300), mode=voice_mode, semitones=semitones)
    calm = rig.quanta(200)[4096:]
    LEAPS[leap](rig, voice)
    after = np.concatenate([calm[-1:], rig.quanta(200)])
    assert steps(after).max() < 2.5 * steps(calm).max()
    assert not rig.pool.voices


def struck() -> Sound:
    """What the first milliseconds of a stick on a drum are: a short noise, loud at once."""
    chance = np.random.default_rng(5)
    samples = np.zeros(SPEC.frames * SPEC.hop, dtype=np.float32)
    samples[:2000] = 0.3 * chance.standard_normal(2000) * np.exp(-np.arange(2000) / 90)
    return Sound.of(stft.magnitudes(samples, SPEC, SPEC.frames), TEXTURES.take(0))


def rise_s(samples: np.ndarray) -> float:
    """Time until half of the energy of the first 100 ms has been heard."""
    energy = np.cumsum(np.square(samples[: SPEC.sample_rate // 10, 0]))
    return float(np.searchsorted(energy, 0.5 * energy[-1])) / SPEC.sample_rate


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
@pytest.mark.parametrize("rate", [0.5, 0.25, 0.1])
def test_a_stretched_note_is_struck_as_sharply_as_it_was(rate, voice_mode):
    rises = []
    for at in (1.0, rate):
        rig = Rig(rate=at)
        rig.strike(struck(), mode=voice_mode)
        rises.append(rise_s(rig.quanta(SPEC.sample_rate // 10 // QUANTUM + 1)))
    assert rises[1] < rises[0] + 0.004


def test_a_note_turned_down_to_nothing_can_be_turned_up_again():
    rig = Rig(freeze=1)
    rig.strike(tone(30, 300))
    loud = np.abs(rig.quanta(100)).max()
    for level in (0.0, 1.0):
        rig.pool.sustain(1, level, 0.003)
        heard = rig.quanta(100)[-1024:]
        assert np.abs(heard).max() == pytest.approx(level * loud, rel=0.2)
    rig.pool.sustain(1, 0.0, 0.003)
    rig.quanta(10)
    rig.pool.end(rig.pool.voices[0], 0.01)
    rig.quanta(10)
    assert not rig.pool.voices
