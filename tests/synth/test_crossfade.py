"""A note's twin takes over at the same playhead: no click, no dip, and no bump where both are alike."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.synth.crossfade import Crossfades
from ghostnote.synth.phase import Mode
from synth.poolkit import QUANTUM, Rig, levels_db, noise, steps, tone

RATE = 44100
SECONDS = 0.1
LASTING = 300


def fade(blocks: np.ndarray, seconds: float = SECONDS) -> np.ndarray:
    """Gains of row 0, which gives way to row 1, at the end of each quantum of (quanta, rows, QUANTUM)."""
    crossfades, ones = Crossfades(blocks.shape[1], QUANTUM, RATE), np.ones(blocks.shape[1], dtype=np.float32)
    crossfades.begin(0, 1, seconds)
    return np.array([crossfades.advance(block, ones, ones)[1] for block in blocks])


def test_it_takes_its_time_and_then_nothing_moves(rng):
    blocks = rng.standard_normal((100, 2, QUANTUM)).astype(np.float32)
    gains = fade(blocks)
    end = int(np.flatnonzero(gains[:, 0] == 0.0)[0])
    assert end == pytest.approx(SECONDS * RATE / QUANTUM, abs=1.5)
    assert gains[end].tolist() == [0.0, 1.0]
    crossfades, ones = Crossfades(2, QUANTUM, RATE), np.ones(2, dtype=np.float32)
    assert crossfades.advance(blocks[0], ones, ones) == (ones, ones, [])
    crossfades.begin(0, 1, 0.0)
    assert crossfades.advance(blocks[0], ones, ones)[2] == [0]
    before, after, _ = crossfades.advance(blocks[0], ones, ones)
    assert before is after


def test_what_has_nothing_in_common_keeps_its_power(rng):
    """Nothing in common but for the first moments, in which the twin plays what its note plays."""
    gains = fade(rng.standard_normal((69, 2, QUANTUM)).astype(np.float32))
    assert np.square(gains).sum(axis=1)[7:] == pytest.approx(1.0, abs=0.15)


def test_what_is_the_same_stays_as_it_is(rng):
    block = rng.standard_normal((69, 1, QUANTUM)).astype(np.float32)
    assert fade(np.repeat(block, 2, axis=1)).sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_neither_is_ever_louder_than_it_is_alone():
    """Where one takes from the other both are turned up, but a step of one alone must not grow with it."""
    tone = np.sin(2 * np.pi * 440 / RATE * np.arange(69 * QUANTUM)).astype(np.float32).reshape(69, 1, QUANTUM)
    gains = fade(np.concatenate([tone, -tone], axis=1))
    assert gains.max() <= 1.0 + 1e-6
    assert np.square(gains).sum(axis=1).max() > 1.5, "in the middle there is room"


def test_it_may_wait(rng):
    blocks = rng.standard_normal((10 + 69, 2, QUANTUM)).astype(np.float32)
    crossfades, ones = Crossfades(2, QUANTUM, RATE), np.ones(2, dtype=np.float32)
    crossfades.begin(0, 1, SECONDS, wait_s=10 * QUANTUM / RATE)
    gains = np.array([crossfades.advance(block, ones, ones)[1] for block in blocks])
    assert gains[:10].tolist() == [[1.0, 0.0]] * 10
    assert gains[-1].tolist() == [0.0, 1.0]
    assert np.square(gains).sum(axis=1) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
@pytest.mark.parametrize("semitones", [0.0, 5.3])
def test_from_a_sound_to_itself_nothing_is_heard(voice_mode: Mode, semitones: float):
    heard = []
    for swapped in (False, True):
        rig = Rig()
        voice = rig.strike(noise(), mode=voice_mode, semitones=semitones)
        calm = rig.quanta(60)
        if swapped:
            rig.pool.crossfade(voice, voice.sound, SECONDS)
        heard.append(np.concatenate([calm, rig.quanta(200)]))
    assert np.abs(heard[0] - heard[1]).max() < 1e-3 * np.abs(heard[0]).max()


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 0.5])
def test_between_strange_noises_the_level_stays(seconds):
    rig = Rig()
    voice = rig.strike(noise(0))
    calm = rig.quanta(200)
    rig.pool.crossfade(voice, noise(300), seconds)
    levels = levels_db(np.concatenate([calm, rig.quanta(450)])[2048:])
    usual = np.median(levels)
    assert levels.min() > usual - 3.0
    assert levels.max() < usual + 3.0


def test_between_tones_there_is_no_click(rig):
    voice = rig.strike(tone(30, LASTING))
    calm = rig.quanta(100)
    twin = rig.pool.crossfade(voice, tone(34, LASTING), SECONDS)
    fading = rig.quanta(100)
    later = rig.quanta(100)
    usual = max(steps(calm[2048:]).max(), steps(later).max())
    # At equal power two tones reach √2 where they are in step.
    assert steps(np.concatenate([calm[-1:], fading])).max() < 1.05 * np.sqrt(2.0) * usual
    spectrum = np.abs(np.fft.rfft(later[:1024, 0] * np.hanning(1024)))
    assert int(np.argmax(spectrum)) == 34
    assert rig.pool.voices == [twin]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_twin_is_the_note_from_then_on(rig):
    voice = rig.strike(tone(30, LASTING), velocity=0.5, note=62, note_id=9)
    rig.quanta(50)
    twin = rig.pool.crossfade(voice, tone(34, LASTING), SECONDS)
    assert voice.ended
    assert not twin.ended
    assert (twin.note, twin.note_id, twin.frame, twin.velocity) == (62, 9, voice.frame, 0.5)
    assert rig.pool.crossfade(voice, tone(40), SECONDS) is voice
    rig.quanta(20)
    rig.pool.end(twin, 0.01)
    assert not rig.quanta(12)[-QUANTUM:].any(), "what gives way is released with it"
    assert not rig.pool.voices


def test_a_note_that_has_not_begun_only_gets_its_sound(rig):
    voice = rig.strike(tone(30, LASTING), delay=40)
    assert rig.pool.crossfade(voice, tone(60, LASTING), SECONDS) is voice
    spectrum = np.abs(np.fft.rfft(rig.quanta(60)[2048:3072, 0] * np.hanning(1024)))
    assert int(np.argmax(spectrum)) == 60


def test_any_number_of_swaps_one_after_the_other(rig):
    """Every 12 ms over 100 ms: what fades in goes out again with all that it was taking over from."""
    voice = rig.strike(noise(0))
    heard = [rig.quanta(60)]
    for k in range(110):
        voice = rig.pool.crossfade(voice, noise(57 * (k % 5) + 57), SECONDS)
        heard.append(rig.quanta(8))
        rows = [v.row for v in rig.pool.voices]
        assert sorted(rows + rig.pool._free) == list(range(len(rows) + len(rig.pool._free)))
    levels = levels_db(np.concatenate(heard)[4096:])
    assert levels.min() > np.median(levels) - 3.0
    rig.quanta(80)
    assert rig.pool.voices == [voice]


def test_all_notes_may_swap_at_once_and_new_ones_still_begin(rig):
    voices = [rig.strike(tone(20 + 9 * k, LASTING, 0.02)) for k in range(16)]
    rig.quanta(30)
    twins = [
        rig.pool.crossfade(voice, tone(22 + 9 * k, LASTING, 0.02), 1.0) for k, voice in enumerate(voices)
    ]
    assert not set(map(id, twins)) & set(map(id, voices))
    rig.quanta(5)
    again = [rig.pool.crossfade(twin, tone(24 + 9 * k, LASTING, 0.02), 1.0) for k, twin in enumerate(twins)]
    assert again == twins, "no row is free: the new sound takes over within a hop"
    for k in range(8):
        rig.strike(tone(30 + k, LASTING, 0.02))
        assert np.isfinite(rig.quanta(1)).all()
    assert twins[8:] == [v for v in rig.pool.voices if not v.ended][:8]
