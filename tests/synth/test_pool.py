"""The pool of voices: rows, hops that fall due, the mix, and voices that go wrong alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ghostnote.synth.envelope import CHOKE_S
from ghostnote.synth.pool import HOLD_FADE_S
from ghostnote.synth.voice import Sound
from synth.poolkit import QUANTUM, SPEC, Rig, tone

ROWS = 40


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_no_voice_is_exact_silence(rig):
    out = np.full((QUANTUM, 2), 7.0, dtype=np.float32)
    rig.pool.render(rig.levels, rig.semitones, out)
    assert not out.any()


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
@pytest.mark.parametrize("delay", [1, 33, 63])
def test_a_delay_moves_a_voice_by_samples(voice_mode, delay):
    sounds = []
    for d in (0, delay):
        rig = Rig()
        rig.strike(tone(30), delay=d, mode=voice_mode)
        sounds.append(rig.quanta(40))
    assert not sounds[1][:delay].any()
    assert np.array_equal(sounds[1][delay:], sounds[0][:-delay])


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_voices_add_up(count):
    """Few voices step one by one, many together; a voice sounds the same in any company."""
    together = Rig()
    alone = np.zeros((60 * QUANTUM, 2), dtype=np.float32)
    for k in range(count):
        together.strike(tone(20 + 7 * k, level=0.05), delay=(11 * k) % 64)
        single = Rig()
        single.strike(tone(20 + 7 * k, level=0.05), delay=(11 * k) % 64)
        alone += single.quanta(60)
    assert np.allclose(together.quanta(60), alone, atol=1e-5)


def test_a_voice_ends_with_its_sound_and_gives_its_row_back(rig):
    rig.strike(tone(30, frames=20))
    heard = rig.quanta(200)
    assert not rig.pool.voices
    end = np.flatnonzero(np.abs(heard).max(axis=1) > 1e-4)[-1]
    assert end == pytest.approx(20 * SPEC.hop, abs=SPEC.n_fft // 2)
    assert len(rig.pool._free) == ROWS


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
def test_nothing_audible_is_cut_off_at_the_end(voice_mode):
    """What comes after a voice was dropped would have been silence."""
    sounds = []
    for cut in (True, False):
        rig = Rig()
        sound = tone(30, frames=20)
        rig.strike(sound if cut else Sound(sound.magnitudes, SPEC.frames), mode=voice_mode)
        sounds.append(rig.quanta(120))
    assert np.abs(sounds[0] - sounds[1]).max() < 1e-4


def test_rows_never_run_out(rig):
    chance = np.random.default_rng(0)
    for _ in range(150):
        for _ in range(chance.integers(0, 6)):
            rig.strike(
                tone(int(chance.integers(10, 200)), frames=30, level=0.02), limit=int(chance.integers(1, 17))
            )
        assert np.isfinite(rig.quanta(1)).all()
        rows = [v.row for v in rig.pool.voices]
        assert len(set(rows)) == len(rows)
        assert sorted(rows + rig.pool._free) == list(range(ROWS))


def test_the_limit_counts_only_notes_that_were_not_ended(rig):
    voices = [rig.strike(tone(30 + k, level=0.05), limit=3) for k in range(3)]
    rig.pool.end(voices[1], 1.0)
    rig.strike(tone(50, level=0.05), limit=3)
    assert [v.ended for v in voices] == [False, True, False]
    rig.strike(tone(51, level=0.05), limit=3)
    assert [v.ended for v in voices] == [True, True, False]


def test_a_voice_that_is_not_finite_ends_alone(rig):
    good = tone(30, level=0.1)
    bad = tone(60, level=0.1)
    bad.magnitudes[25:, 60] = np.nan
    rig.strike(good)
    wrong = rig.strike(bad, part=2)
    single = Rig()
    single.strike(good)
    expected = single.quanta(200)
    heard = rig.quanta(200)
    assert np.isfinite(heard).all()
    assert wrong.ended
    assert wrong not in rig.pool.voices
    after = 24 * SPEC.hop + round(CHOKE_S * SPEC.sample_rate) + 2 * QUANTUM
    assert np.allclose(heard[after:], expected[after:], atol=1e-5)
    (report,) = rig.telemetry.take_reports()[:1]
    assert "part 2" in report.text


def test_a_voice_that_is_bad_from_the_start_is_never_heard(rig):
    rig.strike(Sound(np.full((SPEC.frames, SPEC.bins), np.inf, dtype=np.float32), SPEC.frames))
    with np.errstate(invalid="ignore"):
        assert not rig.quanta(20).any()
    assert not rig.pool.voices


def test_a_row_is_clean_after_a_bad_voice(rig):
    rig.strike(Sound(np.full((SPEC.frames, SPEC.bins), np.nan, dtype=np.float32), SPEC.frames))
    rig.quanta(20)
    rig.strike(tone(30))
    fresh = Rig()
    fresh.strike(tone(30))
    assert np.array_equal(rig.quanta(40), fresh.quanta(40))


def test_a_held_voice_stays_on_its_frame_and_fades(rig):
    voice = rig.strike(tone(30, frames=300))
    calm = rig.quanta(40)
    rig.pool.hold(voice)
    frame = voice.frame
    fading = rig.quanta(round(HOLD_FADE_S * SPEC.sample_rate / QUANTUM) + 2)
    assert voice.frame == frame
    assert not rig.pool.voices
    levels = np.abs(fading[: len(fading) // 4 * 4]).reshape(4, -1).max(axis=1)
    assert np.all(np.diff(levels) < 0)
    assert levels[0] > 0.5 * np.abs(calm[1000:]).max()
    assert np.abs(np.diff(fading, axis=0)).max() < 1.2 * np.abs(np.diff(calm, axis=0)).max()


def test_a_held_voice_that_gets_its_sound_comes_back(rig):
    voice = rig.strike(tone(30, frames=300))
    rig.quanta(40)
    rig.pool.hold(voice)
    rig.quanta(100)
    rig.pool.replace(voice, tone(30, frames=300))
    back = rig.quanta(40)
    assert not voice.held
    assert np.abs(back[-1000:]).max() > 0.25


def test_a_replaced_sound_is_heard_from_the_next_hop_on(rig):
    voice = rig.strike(tone(30))
    calm = rig.quanta(40)
    rig.pool.replace(voice, tone(90))
    changed = rig.quanta(60)
    spectrum = np.abs(np.fft.rfft(changed[2048:3072, 0] * np.hanning(1024)))
    assert abs(int(np.argmax(spectrum)) - 90) <= 1
    assert np.abs(np.diff(changed[:1024, 0])).max() < 1.5 * np.abs(np.diff(changed[2048:, 0])).max()
    assert np.abs(calm).max() > 0.1


def test_levels_ramp_over_a_quantum(rig):
    rig.strike(tone(30, frames=300))
    calm = rig.quanta(40)
    rig.levels[:, 1] = 0.0
    falling = rig.quanta(1)
    assert np.abs(falling[:8]).max() > 0.05
    assert not rig.quanta(2).any()
    assert np.abs(np.diff(falling, axis=0)).max() < 1.5 * np.abs(np.diff(calm, axis=0)).max()


def test_a_new_note_starts_at_its_level_and_does_not_ramp_from_an_old_one(rig):
    rig.levels[:, 1] = 0.0
    rig.strike(tone(30, frames=5))
    rig.quanta(60)
    rig.levels[:, 1] = 1.0
    rig.strike(tone(30))
    fresh = Rig()
    fresh.strike(tone(30))
    assert np.array_equal(rig.quanta(20), fresh.quanta(20))


def test_pan_goes_to_its_side(rig):
    rig.levels[0, 1] = 0.0
    rig.strike(tone(30))
    heard = rig.quanta(20)
    assert not heard[:, 0].any()
    assert heard[:, 1].any()


def test_pitch_of_the_part_and_of_the_note_add(rig):
    def peak(**more: float) -> int:
        rig = Rig()
        rig.semitones[1] = more.pop("part", 0.0)
        rig.strike(tone(40, frames=300), **more)
        heard = rig.quanta(60)[2048:3072, 0]
        return int(np.argmax(np.abs(np.fft.rfft(heard * np.hanning(1024)))))

    assert peak() == 40
    assert peak(part=12.0) == pytest.approx(80, abs=1)
    assert peak(semitones=12.0) == pytest.approx(80, abs=1)
    assert peak(semitones=12.0, part=-12.0) == 40


def test_silence_forgets_everything(rig):
    for k in range(10):
        rig.strike(tone(30 + k))
    rig.quanta(5)
    rig.pool.silence()
    assert not rig.quanta(3).any()
    assert len(rig.pool._free) == ROWS


def test_ending_an_ended_voice_is_harmless(rig):
    voice = rig.strike(tone(30))
    end: Callable[[], None] = lambda: rig.pool.end(voice, 0.01)  # noqa: E731
    end()
    end()
    rig.quanta(20)
    end()
    assert len(rig.pool._free) == ROWS
