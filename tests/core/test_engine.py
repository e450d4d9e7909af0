"""The engine quantum by quantum: when things happen, and that they happen without a click."""

from __future__ import annotations

import numpy as np
import pytest

from core.enginekit import DELAY, RATE, Bench, centroid_hz, first_sound, level, steepest
from ghostnote.core.engine import QUANTUM
from ghostnote.decode.model import Model
from ghostnote.synth.envelope import CHOKE_S


@pytest.fixture
def bench(model: Model) -> Bench:
    return Bench(model)


def struck(model: Model, at: int, seconds: float = 0.05) -> np.ndarray:
    bench = Bench(model)
    bench.at(at, "part1/hit")
    return bench.seconds(seconds)


def test_a_hit_starts_at_its_sample(model):
    reference = struck(model, 640)
    start = first_sound(reference)
    assert start == 640
    for at in (641, 672, 703, 704, 767, 1000):
        moved = struck(model, at)
        assert first_sound(moved) == at
        length = len(moved) - at
        assert np.array_equal(moved[at:], reference[640 : 640 + length]), at


def test_a_hit_for_the_past_sounds_at_once(bench):
    bench.quanta(10)
    bench.at(5, "part1/hit")
    assert first_sound(bench.quanta(5)) == 0
    assert bench.applied[-1].at == 640, "the log tells when it sounded, not when it was meant to"


def test_louder_hits_are_louder(model):
    levels = []
    for velocity in (0.25, 0.5, 1.0):
        bench = Bench(model)
        bench.now("part1/hit", velocity)
        levels.append(level(bench.seconds(0.05)))
    assert levels[1] == pytest.approx(4 * levels[0], rel=1e-3)
    assert levels[2] == pytest.approx(4 * levels[1], rel=1e-3)


def test_a_hit_of_velocity_zero_is_none(bench):
    bench.now("part1/hit", 0.0)
    assert not bench.seconds(0.02).any()


def test_events_of_one_moment_act_in_one_quantum(bench):
    for addr, args in (("part1/gain", (-6.0,)), ("part1/hit", (0.5,)), ("part2/hit", (0.6,))):
        bench.at(1000, addr, *args)
    bench.quanta(1000 // QUANTUM)
    assert not bench.applied
    bench.quanta(1)
    assert [(a.at, a.addr) for a in bench.applied] == [
        (1000, "/gn/part1/gain"),
        (1000, "/gn/part1/hit"),
        (1000, "/gn/part2/hit"),
    ]
    assert len(bench.voices) == 2


def test_a_knob_acts_on_a_sounding_note_after_exactly_the_decode_delay(bench):
    bench.now("part1/hit")
    bench.quanta(40)
    before = bench.voices[0].sound
    bench.now("part1/axis/d1", 2.0)
    bench.quanta(DELAY)
    assert bench.voices[0].sound is before
    bench.quanta(1)
    assert bench.voices[0].sound is not before


def test_a_turned_knob_is_heard_soon_and_does_not_click(model):
    plain, turned = Bench(model), Bench(model)
    for bench in (plain, turned):
        bench.now("part1/hit")
    turned.at(50 * QUANTUM, "part1/axis/d1", 1.0)
    one, other = plain.seconds(0.25), turned.seconds(0.25)
    change = first_sound(one - other)
    assert (50 + DELAY) * QUANTUM <= change <= (50 + DELAY + 6) * QUANTUM
    around = other[change - QUANTUM : change + 2048]
    steady = max(steepest(one[change - QUANTUM :]), steepest(other[change + 4096 :]))
    assert steepest(around) < 1.5 * steady


def test_many_knob_movements_are_one_smooth_glide(model):
    bench = Bench(model)
    bench.now("part1/axis/d2", 3.0)
    bench.seconds(0.05)
    bench.now("part1/hit")
    calm = bench.seconds(0.15)
    glide = []
    for k in range(100):
        bench.now("part1/axis/d1", k / 50.0)
        glide.append(bench.quanta(1))
    moving = np.concatenate(glide)
    after = bench.seconds(0.1)
    assert level(moving) > 0.01
    assert steepest(moving) < 1.7 * max(steepest(calm[2000:]), steepest(after))


def test_variance_makes_hits_differ_and_no_variance_makes_them_the_same(model):
    for variance, alike in ((0.0, True), (1.0, False)):
        bench = Bench(model)
        bench.now("part1/variance", variance)
        bench.seconds(0.05)
        hits = []
        for _ in range(2):
            bench.now("part1/hit")
            hits.append(bench.quanta(40))
            bench.now("part1/hush")
            bench.seconds(0.08)
        assert np.array_equal(hits[0], hits[1]) is alike


def test_variance_keeps_its_noise_when_the_knob_moves(bench):
    """A sounding note strays in the same direction while its part moves."""
    bench.now("part1/variance", 0.5)
    bench.seconds(0.05)
    bench.now("part1/hit")
    bench.quanta(20)
    voice = bench.voices[0]
    epsilon = voice.epsilon.copy()
    bench.now("part1/axis/d1", 1.0)
    bench.quanta(20)
    assert np.array_equal(voice.epsilon, epsilon)


def test_polyphony_is_limited_and_the_oldest_gives_way(bench):
    bench.now("synth/voices", 4)
    for k in range(10):
        bench.now(f"part{k % 8 + 1}/hit", 0.3)
        bench.quanta(8)
        assert len(bench.voices) <= 4
    assert [voice.part for voice in bench.voices] == [7, 8, 1, 2]
    assert bench.counts["voices_stolen"] == 6


def test_a_machine_gun_never_runs_out_of_rows(bench):
    for _ in range(60):
        for part in range(1, 9):
            bench.now(f"part{part}/hit", 0.1)
        sound = bench.quanta(1)
        assert np.isfinite(sound).all()
        assert len(bench.engine.pool.voices) <= 24
    bench.now("panic")
    bench.quanta(1)
    assert not bench.engine.pool.voices


def test_stealing_does_not_click(model):
    bench = Bench(model)
    bench.now("synth/voices", 1)
    bench.now("part1/attack", 0.05)
    bench.now("part1/hit")
    alone = bench.seconds(0.2)
    bench.now("part1/hit")
    stolen = bench.seconds(CHOKE_S + 0.003)
    assert steepest(np.concatenate([alone[-1:], stolen])) < 1.3 * steepest(alone)


def test_choke_ends_other_parts_of_the_group_only(bench):
    for part, group in ((1, 1), (2, 1), (3, 2), (4, 0)):
        bench.now(f"part{part}/choke", group)
        bench.now(f"part{part}/hit", 0.3)
        bench.quanta(1)
    assert [voice.part for voice in bench.voices] == [2, 3, 4]
    bench.quanta(-(-round(CHOKE_S * RATE) // QUANTUM) + 1)
    assert all(voice.part != 1 for voice in bench.engine.pool.voices), "the choked note is gone"


def test_a_part_does_not_choke_itself(bench):
    bench.now("part1/choke", 1)
    for _ in range(2):
        bench.now("part1/hit")
        bench.quanta(2)
    assert len(bench.voices) == 2


def test_one_shots_ignore_release_and_held_notes_follow_it(bench):
    bench.now("part2/mode", "hold")
    bench.now("part2/release", 0.01)
    for part in (1, 2):
        bench.now(f"part{part}/note", 60, 0.8)
    bench.quanta(20)
    for part in (1, 2):
        bench.now(f"part{part}/note", 60, 0.0)
    bench.quanta(1)
    assert [voice.part for voice in bench.voices] == [1]
    bench.seconds(0.02)
    assert [voice.part for voice in bench.engine.pool.voices] == [1]


def test_a_release_ends_the_note_that_is_meant(bench):
    bench.now("part1/mode", "hold")
    for note, note_id in ((60, 1), (60, 2), (64, 3)):
        bench.now("part1/note", note, 0.5, note_id)
    bench.quanta(1)
    bench.now("part1/off", 60, 2)
    bench.quanta(1)
    assert [(v.note, v.note_id) for v in bench.voices] == [(60, 1), (64, 3)]
    bench.now("part1/off", 60)
    bench.quanta(1)
    assert [v.note for v in bench.voices] == [64]


def test_the_length_of_a_release_is_what_was_asked_for(bench):
    bench.now("part1/mode", "hold")
    bench.now("part1/release", 0.2)
    bench.now("part1/note", 60, 1.0)
    bench.quanta(10)
    bench.now("part1/off", 60)
    bench.quanta(round(0.19 * RATE / QUANTUM))
    assert bench.engine.pool.voices
    bench.quanta(round(0.02 * RATE / QUANTUM))
    assert not bench.engine.pool.voices


def test_an_attack_rises(model):
    bench = Bench(model)
    bench.now("part1/attack", 0.1)
    bench.now("part1/hit")
    sound = bench.seconds(0.1)
    early, late = level(sound[: RATE // 100]), level(sound[RATE // 20 : RATE // 10])
    assert early < 0.3 * late


def test_hush_fades_in_a_twentieth_of_a_second_without_a_click(bench):
    bench.now("part1/hit")
    bench.now("part2/hit")
    before = bench.seconds(0.1)
    bench.now("part1/hush")
    fading = bench.seconds(0.06)
    assert [v.part for v in bench.engine.pool.voices] == [2]
    bench.now("hush")
    rest = bench.seconds(0.06)
    assert not bench.engine.pool.voices
    assert steepest(np.concatenate([before[-1:], fading, rest])) < 1.3 * steepest(before)


def test_a_button_let_go_hushes_nothing(bench):
    bench.now("part1/hit")
    bench.quanta(4)
    bench.now("hush", 0.0)
    bench.now("panic", 0.0)
    bench.quanta(1)
    assert len(bench.voices) == 1


def test_panic_ends_everything_at_once_and_forgets_waiting_notes_but_no_setting(bench):
    bench.now("part1/hit")
    bench.quanta(10)
    bench.at(bench.engine.now + 2000, "part2/hit")
    bench.at(bench.engine.now + 2000, "part2/note", 60, 0.5)
    bench.at(bench.engine.now + 2000, "part2/gain", -6.0)
    bench.now("panic")
    assert not bench.quanta(100).any()
    assert bench.engine.values["/gn/part2/gain"] == -6.0
    bench.now("part1/hit")
    assert bench.quanta(4).any(), "after a panic it can be played again"


def test_mute_and_gain_move_without_a_click(bench):
    bench.now("part1/hit")
    calm = bench.seconds(0.1)
    bench.now("part1/mute", 1)
    muted = bench.seconds(0.1)
    bench.now("part1/mute", 0)
    back = bench.seconds(0.05)
    assert level(muted[-1000:]) < 1e-3 * level(calm)
    assert level(back[-1000:]) > 0.01
    assert steepest(np.concatenate([calm[-1:], muted, back])) < 1.3 * steepest(calm)


@pytest.mark.parametrize(("pan", "left", "right"), [(-1.0, 2**0.5, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 2**0.5)])
def test_pan_keeps_the_power(model, pan, left, right):
    def channels(value: float) -> np.ndarray:
        bench = Bench(model)
        bench.now("part1/pan", value)
        bench.seconds(0.1)
        bench.now("part1/hit")
        return np.sqrt(np.mean(np.square(bench.seconds(0.05)), axis=0))

    assert channels(pan) == pytest.approx(np.array([left, right]) * channels(0.0)[0], abs=1e-4)


@pytest.mark.parametrize("semitones", [-12, 7, 12])
def test_pitch_moves_the_spectrum_by_its_ratio(model, semitones):
    def centroid(addr: str, *args: float) -> float:
        bench = Bench(model)
        bench.now("part1/axis/d3", -4.0)
        bench.seconds(0.05)
        bench.now(addr, *args)
        bench.now("part1/hit") if not addr.endswith("note") else None
        return centroid_hz(bench.seconds(0.2))

    plain = centroid("part1/pitch", 0.0)
    assert centroid("part1/pitch", semitones) / plain == pytest.approx(2 ** (semitones / 12), rel=0.08)
    assert centroid("part1/note", 60 + semitones, 1.0) / plain == pytest.approx(
        2 ** (semitones / 12), rel=0.08
    )


def test_the_wheel_bends_by_its_range(model):
    def sound(*settings: tuple[str, float]) -> np.ndarray:
        bench = Bench(model)
        for addr, value in settings:
            bench.now(addr, value)
        bench.now("part1/hit")
        return bench.seconds(0.05)

    bent = sound(("part1/bend", -0.5), ("part1/bend_range", 12.0))
    assert np.array_equal(bent, sound(("part1/pitch", -6.0)))


def test_too_many_scheduled_events_are_counted_not_stored(bench):
    from ghostnote.state.registry import resolve

    target = resolve("/gn/part1/pan")
    taken = sum(bench.engine.schedule(10**9, target, (0.0,)) for _ in range(20_000))
    assert taken == 16384
    assert bench.counts["events_dropped"] == 20_000 - 16384


def test_low_latency_mode_sounds_alike(model):
    levels = []
    for mode in ("quality", "low_latency"):
        bench = Bench(model)
        bench.now("synth/mode", mode)
        bench.now("part1/hit")
        levels.append(level(bench.seconds(0.1)))
    assert levels[1] == pytest.approx(levels[0], rel=0.15)
