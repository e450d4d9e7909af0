"""Playheads: stretched, turned round, looped and frozen sounds are what they should be, and never click."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.synth.voice import Sound
from synth.poolkit import QUANTUM, SPEC, Rig, burst, centroids_hz, levels_db, noise, periodicity, steps, tone

HOP_QUANTA = SPEC.hop // QUANTUM
SECOND = round(SPEC.sample_rate / QUANTUM)


def glide(frames: int = 160) -> Sound:
    """A tone that goes up in steps of its bins and dies away: every frame is another one."""
    magnitudes = np.zeros((SPEC.frames, SPEC.bins), dtype=np.float32)
    bins = np.arange(SPEC.bins)
    for k in range(frames):
        magnitudes[k] = 0.3 * np.exp(-(((bins - 30 - 0.7 * k) / 1.5) ** 2)) * np.exp(-k / 60)
    return Sound.of(magnitudes)


def played(sound: Sound, quanta: int, **heads: float | str) -> np.ndarray:
    rig = Rig(**heads)
    rig.strike(sound)
    return rig.quanta(quanta)


def tops(samples: np.ndarray, window: int = 1024, hop: int = 256) -> np.ndarray:
    """The loudest bin of each window."""
    pieces = np.lib.stride_tricks.sliding_window_view(samples[:, 0], window)[::hop] * np.hanning(window)
    return np.abs(np.fft.rfft(pieces, axis=1)).argmax(axis=1)


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
def test_a_head_that_came_back_plays_bit_for_bit_as_one_never_touched(voice_mode):
    heard = []
    for touched in (False, True):
        rig = Rig()
        if touched:
            rig.set(rate=0.3, tilt=4.0, formant=-3.0, mode="loop", start=0.2, reverse=1, freeze=1)
            rig.quanta(3)
            rig.set(rate=1.0, tilt=0.0, formant=0.0, mode="oneshot", start=0.0, reverse=0, freeze=0)
        rig.strike(burst(), mode=voice_mode, semitones=0.0)
        rig.strike(tone(30), part=2, mode=voice_mode, semitones=3.3)
        heard.append(rig.quanta(150))
    assert np.array_equal(heard[0], heard[1])


@pytest.mark.parametrize("rate", [2.0, 0.5, 0.25])
def test_rate_stretches_time_and_leaves_the_course_of_the_spectrum(rate):
    """Each moment of the stretched sound has the pitch of the moment that it stands for."""
    plain = tops(played(glide(), 4 * SECOND // 5))
    stretched = tops(played(glide(), round(4 * SECOND / 5 / rate), rate=rate))
    at = np.arange(10, 120)
    assert np.abs(stretched[np.round(at / rate).astype(int)] - plain[at]).max() <= 3


def test_twice_the_rate_is_half_as_long():
    lasting = [np.flatnonzero(np.abs(played(burst(), SECOND, rate=r)[:, 0]) > 1e-3)[-1] for r in (1.0, 2.0)]
    assert lasting[1] / lasting[0] == pytest.approx(0.5, abs=0.06)


def test_a_stretched_burst_has_the_centroids_of_the_burst():
    plain = centroids_hz(played(burst(), SECOND // 2), hop=256)[8:60]
    fast = centroids_hz(played(burst(), SECOND // 2, rate=2.0), hop=128)[8:60]
    assert np.median(np.abs(np.log(fast / plain))) < 0.12


def test_a_sound_turned_round_and_played_backwards_is_the_sound():
    sound = glide(160)
    turned = Sound.of(np.concatenate([sound.magnitudes[:160][::-1], sound.magnitudes[160:]]))
    forward = tops(played(sound, SECOND))[4:100]
    back = tops(played(turned, SECOND, reverse=1))[4:100]
    assert np.abs(forward - back).max() <= 2


def test_turning_round_twice_goes_on_as_before():
    rig = Rig()
    voice = rig.strike(tone(30, 300))
    rig.quanta(200)
    for reverse in (1, 0):
        rig.set(reverse=reverse)
        rig.quanta(100)
    assert voice.frame == pytest.approx(200 / HOP_QUANTA, abs=4.0)
    before = voice.frame
    rig.quanta(40)
    assert voice.frame - before == pytest.approx(40 / HOP_QUANTA, abs=0.3)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("sound", [noise(), tone(30, SPEC.frames)], ids=["noise", "tone"])
@pytest.mark.parametrize("length", [0.05, 0.13, 0.5, 2.0])
def test_a_loop_of_a_steady_sound_is_steady(sound, reverse, length):
    """No dip and no bump at the seams: as even as a long piece of the same, played through."""
    heads = {"mode": "loop", "start": 0.1, "length": length, "loop_fade": 0.05, "reverse": reverse}
    looped = levels_db(played(sound, 4 * SECOND, **heads)[8192:], 4096)
    straight = levels_db(played(sound, SECOND)[8192:], 4096)
    assert looped.min() > straight.mean() - 1.0
    assert looped.max() < straight.mean() + 1.0


def test_a_loop_repeats_with_exactly_its_length():
    rig = Rig(mode="loop", start=0.0, length=0.25, loop_fade=0.02)
    rig.strike(burst(frames=8.0))
    heard = np.abs(rig.quanta(3 * SECOND)[:, 0])
    envelope = heard[: len(heard) // 441 * 441].reshape(-1, 441).max(axis=1)
    correlation = [float((envelope[100:-lag] * envelope[100 + lag :]).mean()) for lag in range(10, 40)]
    assert np.argmax(correlation) + 10 == 25


def test_a_loop_that_is_one_no_longer_plays_out():
    rig = Rig(mode="loop", length=0.1)
    rig.strike(tone(30, 300))
    rig.quanta(2 * SECOND)
    assert rig.pool.voices
    rig.set(mode="oneshot")
    rig.quanta(SECOND // 2)
    assert not rig.pool.voices


def frozen(sound: Sound, quanta: int, mode: str = "quality", semitones: float = 0.0) -> np.ndarray:
    rig = Rig()
    rig.strike(sound, mode=mode, semitones=semitones)
    rig.quanta(60)
    rig.set(freeze=1)
    rig.quanta(60)
    return rig.quanta(quanta)


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
@pytest.mark.parametrize("semitones", [0.0, -4.0])
def test_frozen_noise_sounds_like_noise(voice_mode, semitones):
    heard = frozen(noise(), SECOND, voice_mode, semitones)
    assert periodicity(heard) < 0.1
    samples = heard[:, 0]
    assert np.mean(samples**4) / np.mean(samples**2) ** 2 == pytest.approx(3.0, abs=0.35)
    assert levels_db(heard, 4096).std() < 0.6


def test_a_frame_frozen_as_decoded_would_have_been_a_comb():
    """The check above can fail: without its texture the same frame comes back as one."""
    sound = noise()
    assert periodicity(frozen(Sound(sound.magnitudes, sound.audible_frames), SECOND)) > 0.15


def test_a_frozen_note_never_ends_and_goes_on_from_there():
    rig = Rig()
    voice = rig.strike(tone(30, 100))
    rig.quanta(100)
    rig.set(freeze=1)
    rig.quanta(80)
    frame = voice.frame
    level = levels_db(rig.quanta(3 * SECOND), 4096)
    assert voice.frame == frame
    assert level.min() > level.max() - 0.5
    rig.set(freeze=0)
    rig.quanta(60)
    assert voice.frame - frame == pytest.approx(60 / HOP_QUANTA, abs=2.5)
    rig.quanta(SECOND)
    assert not rig.pool.voices


def test_a_frozen_note_follows_its_sound():
    rig = Rig(freeze=1)
    voice = rig.strike(tone(30, 300))
    rig.quanta(100)
    rig.pool.replace(voice, tone(90, 300))
    assert tops(rig.quanta(100)[2048:])[-1] == 90


def test_a_scrub_glides_while_frozen_and_jumps_while_playing():
    rig = Rig()
    voice = rig.strike(tone(30, SPEC.frames))
    rig.quanta(100)
    rig.pool.scrub(1, 0.5)
    assert voice.frame == pytest.approx(0.5 * (SPEC.frames - 1))
    rig.set(freeze=1)
    rig.quanta(50)
    start = voice.frame
    rig.pool.scrub(1, 0.1)
    rig.quanta(round(0.02 * SECOND))
    gone = (voice.frame - start) / (0.1 * (SPEC.frames - 1) - start)
    assert 0.4 < gone < 0.8
    rig.quanta(SECOND // 3)
    assert voice.frame == 0.1 * (SPEC.frames - 1)


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
@pytest.mark.parametrize("heads", [{"start": 0.3}, {"reverse": 1}, {"start": 0.3, "rate": 0.5}], ids=str)
def test_a_note_that_begins_within_its_sound_does_not_break_in(voice_mode, heads):
    rig = Rig(**heads)
    rig.strike(tone(30, SPEC.frames), mode=voice_mode)
    heard = rig.quanta(200)
    assert steps(np.concatenate([np.zeros((1, 2)), heard[:2048]])).max() < 1.3 * steps(heard[4096:]).max()
    levels = levels_db(heard[512:], 512)
    assert np.abs(levels - levels[10:].mean()).max() < 4.0


def test_a_stretch_ends_where_it_should_without_a_click():
    rig = Rig(start=0.1, length=0.2)
    rig.strike(tone(30, SPEC.frames))
    heard = rig.quanta(SECOND // 2)
    last = np.flatnonzero(np.abs(heard[:, 0]) > 1e-3)[-1]
    assert last / SPEC.sample_rate == pytest.approx(0.2, abs=0.02)
    assert steps(heard).max() < 1.3 * steps(heard[2048:6144]).max()
    assert not rig.pool.voices


MOVES = {
    "rate": lambda k: 2.0 + 2.0 * np.sin(0.3 * k),
    "reverse": lambda k: k // 7 % 2,
    "freeze": lambda k: k // 11 % 2,
    "start": lambda k: 0.2 + 0.2 * np.sin(0.2 * k),
    "length": lambda k: 0.2 + 0.15 * np.sin(0.23 * k),
    "loop_fade": lambda k: 0.1 + 0.1 * np.sin(0.29 * k),
}


@pytest.mark.parametrize("voice_mode", ["quality", "low_latency"])
@pytest.mark.parametrize("name", [*sorted(MOVES), "position", "everything"])
def test_nothing_clicks_when_moved_fast(voice_mode, name):
    """Moved every quantum, 690 times a second; a steady tone has no steps steeper than its own."""
    rig = Rig(mode="loop", length=0.3)
    rig.strike(tone(30, SPEC.frames), mode=voice_mode)
    calm = rig.quanta(200)[4096:]
    moved = [calm[-1:]]
    for k in range(500):
        for one in [name] if name in MOVES else MOVES if name == "everything" else []:
            rig.set(**{one: MOVES[one](k)})
        if name in ("position", "everything"):
            rig.pool.scrub(1, 0.4 + 0.4 * np.sin(0.17 * k))
        moved.append(rig.quanta(1))
    assert steps(np.concatenate(moved)).max() < 1.3 * np.quantile(steps(calm), 0.999)


@pytest.mark.parametrize(("name", "size"), [("tilt", 4.0), ("formant", 12.0)])
def test_colour_moved_fast_makes_nothing_where_nothing_was(name, size):
    """What a click would be heard by: energy far above the tone."""
    rig = Rig(mode="loop", length=0.3)
    rig.strike(tone(23, SPEC.frames))
    rig.quanta(200)
    moved = []
    for k in range(400):
        rig.set(**{name: size * np.sin(0.3 * k)})
        moved.append(rig.quanta(1))
    pieces = np.lib.stride_tricks.sliding_window_view(np.concatenate(moved)[:, 0], 256)[::64] * np.hanning(
        256
    )
    power = np.abs(np.fft.rfft(pieces, axis=1)) ** 2
    assert power[:, 40:].sum(axis=1).max() < 1e-3 * power.sum(axis=1).max()


@pytest.mark.parametrize("frames", [4, 30, 300, SPEC.frames])
def test_any_settings_are_finite_and_give_their_rows_back(frames):
    chance = np.random.default_rng(frames)
    rig = Rig()
    words = ("oneshot", "hold", "loop")
    for k in range(120):
        rig.set(
            mode=words[chance.integers(3)], rate=chance.uniform(0, 4), reverse=chance.integers(2),
            freeze=chance.integers(2), start=chance.uniform(), length=chance.uniform(0.02, 2.0),
            loop_fade=chance.uniform(0, 0.5), tilt=chance.uniform(-12, 12), formant=chance.uniform(-12, 12),
        )  # fmt: skip
        modes = ("quality", "low_latency")
        rig.strike(tone(40, frames, 0.05), mode=modes[k % 2], semitones=chance.uniform(-36, 24), limit=6)
        rig.pool.scrub(1, chance.uniform())
        assert np.isfinite(rig.quanta(4)).all()
    rig.pool.silence()
    assert len(rig.pool._free) == 40
