"""Playing a part's notes: pedal, loops, envelopes, expression, scrubbing, and all of it live as rendered."""

from __future__ import annotations

import numpy as np
import pytest

from core.enginekit import RATE, Bench, centroid_hz, entry, level, rendered, steepest
from ghostnote.core.engine import QUANTUM
from ghostnote.core.instrument import Instrument


@pytest.fixture
def bench(model) -> Bench:
    return Bench(model)


def test_a_released_note_waits_for_the_pedal(bench):
    bench.now("part1/mode", "hold")
    bench.now("part1/release", 0.01)
    bench.now("part1/pedal", 1)
    for note in (60, 64):
        bench.now("part1/note", note, 0.5)
    bench.quanta(10)
    bench.now("part1/off", 60)
    bench.quanta(10)
    assert [voice.note for voice in bench.voices] == [60, 64]
    bench.now("part1/pedal", 0)
    bench.quanta(10)
    assert [voice.note for voice in bench.engine.pool.voices] == [64], "the key is still down"
    bench.now("part1/off", 64)
    bench.quanta(10)
    assert not bench.engine.pool.voices


def test_reset_lifts_the_pedal(bench):
    bench.now("part1/mode", "hold")
    bench.now("part1/pedal", 1)
    bench.now("part1/note", 60, 0.5)
    bench.now("part1/off", 60)
    bench.quanta(2)
    assert len(bench.voices) == 1
    bench.now("part1/reset")
    bench.quanta(1)
    assert not bench.voices
    assert bench.engine.values["/gn/part1/pedal"] == 0


def test_panic_lifts_every_pedal(bench):
    bench.now("part1/pedal", 1)
    bench.now("panic")
    bench.quanta(1)
    assert bench.engine.values["/gn/part1/pedal"] == 0


def test_a_hit_replaces_the_loop_of_its_part_and_hush_ends_it(bench):
    bench.now("part1/mode", "loop")
    bench.now("part1/length", 0.1)
    for _ in range(3):
        bench.now("part1/hit")
        bench.now("part2/hit")
        bench.seconds(0.2)
    assert [voice.part for voice in bench.voices].count(1) == 1
    bench.seconds(4.0)
    assert [voice.part for voice in bench.voices] == [1], "it repeats for ever"
    assert level(bench.seconds(0.2)) > 0.001
    bench.now("hush")
    bench.seconds(0.1)
    assert not bench.engine.pool.voices


def test_loops_of_other_pitches_make_a_chord_and_end_with_their_keys(bench):
    bench.now("part1/mode", "loop")
    for note in (60, 64, 64, 67):
        bench.now("part1/note", note, 0.5)
        bench.quanta(4)
    assert [voice.note for voice in bench.voices] == [60, 64, 67]
    bench.now("part1/off", 64)
    bench.quanta(1)
    assert [voice.note for voice in bench.voices] == [60, 67]


def test_attack_decay_and_sustain_shape_a_note(model):
    shaped = Bench(model)
    for name, value in (("attack", 0.02), ("decay", 0.05), ("sustain", 0.25)):
        shaped.now(f"part1/{name}", value)
    plain = Bench(model)
    for bench in (shaped, plain):
        bench.now("part1/hit")
    ratio = np.abs(shaped.seconds(0.2)) / np.maximum(np.abs(plain.seconds(0.2)), 1e-9)
    at = [round(seconds * RATE) for seconds in (0.01, 0.02, 0.045, 0.1)]
    assert [float(np.median(ratio[k - 40 : k + 40])) for k in at] == pytest.approx(
        [0.5, 1.0, 0.62, 0.25], abs=0.06
    )


def test_the_sustain_of_sounding_notes_moves_without_a_click(bench):
    bench.now("part1/hit")
    calm = bench.seconds(0.05)
    bench.now("part1/sustain", 0.1)
    assert steepest(bench.seconds(0.05)) < 1.2 * steepest(calm)
    bench.now("part1/decay", 0.003)
    bench.now("part1/sustain", 0.0)
    bench.seconds(0.05)
    assert not bench.seconds(0.01).any(), "turned down, not ended"
    bench.now("part1/sustain", 1.0)
    assert bench.seconds(0.05).any()


def test_expression_is_for_the_note_of_its_id(bench):
    for note_id in (1, 2):
        bench.now("part1/note", 60, 0.5, note_id)
    bench.now("part1/expr/bend", 1, 12.0)
    bench.now("part1/expr/timbre", 2, 1.0)
    bench.quanta(1)
    assert [(v.semitones, v.timbre) for v in bench.voices] == [(12.0, 0.0), (0.0, 6.0)]
    bench.now("part1/expr/bend", -1, 7.0)
    bench.quanta(1)
    assert [v.semitones for v in bench.voices] == [7.0, 7.0]
    bench.now("part1/expr/bend", 3, 7.0)
    bench.now("part2/expr/press", 1, 1.0)
    bench.quanta(1)
    assert [v.semitones for v in bench.voices] == [7.0, 7.0], "no such note: nothing happens"


def test_a_note_bent_in_the_moment_it_begins_begins_bent(model):
    heard = []
    for bend in (False, True):
        bench = Bench(model)
        bench.now("part1/note", 60 if bend else 65, 0.8, 4)
        if bend:
            bench.now("part1/expr/bend", 4, 5.0)
        heard.append(bench.seconds(0.1))
    assert np.array_equal(heard[0], heard[1])


def test_pressure_is_six_decibels_and_comes_smoothly(model):
    def played(pressure: float | None) -> np.ndarray:
        bench = Bench(model)
        bench.now("part1/note", 60, 0.5, 1)
        bench.seconds(0.03)
        if pressure is not None:
            bench.now("part1/expr/press", 1, pressure)
        return bench.seconds(0.15)

    plain, pressed = played(None), played(1.0)
    late = slice(RATE // 10, None)
    assert level(pressed[late]) / level(plain[late]) == pytest.approx(10 ** (6 / 20), rel=0.01)
    gain = pressed[:, 0] / np.where(np.abs(plain[:, 0]) < 1e-4, np.nan, plain[:, 0])
    assert np.nanmax(np.abs(np.diff(gain[: RATE // 20]))) < 0.01
    assert np.array_equal(played(0.0), plain)


def test_timbre_and_tilt_make_it_brighter_or_darker(model):
    def centroid(*changes: tuple) -> float:
        bench = Bench(model)
        bench.now("part1/note", 60, 0.8, 1)
        for change in changes:
            bench.now(*change)
        return centroid_hz(bench.seconds(0.3))

    plain = centroid()
    assert centroid(("part1/expr/timbre", 1, 1.0)) > 1.1 * plain
    assert centroid(("part1/expr/timbre", 1, 0.0)) < 0.9 * plain
    assert centroid(("part1/expr/timbre", 1, 0.5)) == plain
    assert centroid(("part1/tilt", 6.0), ("part1/expr/timbre", 1, 0.0)) == pytest.approx(plain, rel=0.02)
    assert centroid(("part1/formant", 9.0)) > 1.1 * plain


def test_position_moves_sounding_notes_and_no_others(bench):
    bench.now("part1/freeze", 1)
    for part in (1, 2):
        bench.now(f"part{part}/hit")
    bench.quanta(20)
    bench.now("part1/position", 0.1)
    bench.seconds(0.3)
    by_part = {voice.part: voice for voice in bench.voices}
    assert by_part[1].frame == pytest.approx(0.1 * 343, abs=0.01)
    assert by_part[2].frame > 40


def test_a_frozen_note_morphs_with_its_point(bench):
    bench.now("part1/hit")
    bench.quanta(10)
    bench.now("part1/freeze", 1)
    before = centroid_hz(bench.seconds(0.3)[RATE // 10 :])
    bench.now("part1/axis/d1", 3.0)
    after = bench.seconds(0.4)[RATE // 5 :]
    assert level(after) > 0.001
    assert abs(centroid_hz(after) / before - 1.0) > 0.05


PIECE = [
    *[(0.02 + 0.05 * k, f"part{k % 3 + 1}/note", 55 + 3 * k, 0.6, k) for k in range(8)],
    *[(0.01 + 0.004 * k, "part1/rate", 1.5 + 1.5 * np.sin(0.9 * k)) for k in range(80)],
    *[(0.05 + 0.006 * k, "part2/position", 0.2 + 0.2 * np.sin(0.7 * k)) for k in range(40)],
    *[(0.03 + 0.005 * k, "part3/tilt", 6.0 * np.sin(0.5 * k)) for k in range(60)],
    *[(0.031 + 0.005 * k, "part3/formant", 9.0 * np.sin(0.4 * k)) for k in range(60)],
    *[(0.08 + 0.01 * k, "part1/expr/bend", 3, 5.0 * np.sin(0.8 * k)) for k in range(25)],
    *[(0.08 + 0.01 * k, "part2/expr/press", 1, 0.5 + 0.5 * np.sin(0.8 * k)) for k in range(25)],
    *[(0.08 + 0.01 * k, "part2/expr/timbre", -1, 0.5 + 0.5 * np.sin(k)) for k in range(25)],
    *[(0.06 + 0.011 * k, "part1/axis/d1", 2.0 * np.sin(0.3 * k)) for k in range(30)],
    *[(0.07 + 0.06 * k, "part1/reverse", k % 2) for k in range(5)],
    *[(0.04 + 0.07 * k, "part2/freeze", k % 2) for k in range(5)],
    *[(0.11 + 0.02 * k, "part1/start", 0.01 * k) for k in range(9)],
    *[(0.115 + 0.02 * k, "part1/length", 0.3 - 0.03 * k) for k in range(9)],
    (0.0, "part1/mode", "loop"),
    (0.0, "part1/loop_fade", 0.03),
    (0.0, "part3/mode", "hold"),
    (0.0, "part3/sustain", 0.5),
    (0.0, "part3/decay", 0.1),
    (0.1, "part3/pedal", 1),
    (0.2, "part3/off", 61, 2),
    (0.25, "synth/mode", "low_latency"),
    (0.3, "part3/pedal", 0),
    (0.35, "part1/loop_fade", 0.2),
]


def test_played_and_rendered_are_the_same_with_everything_moving(model):
    """Played: each change is sent when it is due. Rendered: from a log that is known beforehand."""
    piece = sorted(((round(t * RATE) / RATE, *message) for t, *message in PIECE), key=lambda event: event[0])
    bench = Bench(model)
    instrument, waiting = Instrument(bench.engine, RATE), list(piece)

    def send() -> None:
        while waiting and waiting[0][0] * RATE < bench.engine.now + QUANTUM:
            t, *message = waiting.pop(0)
            bench.at(round(t * RATE), *message)

    played = np.zeros((round(0.5 * RATE), 2), dtype=np.float32)
    for block in np.array_split(played, 37):
        instrument.read(block, send)
    assert not waiting
    assert level(played) > 0.01
    offline = rendered(model, [entry(*event) for event in piece], seconds=len(played) / RATE)
    assert np.array_equal(played, offline)
