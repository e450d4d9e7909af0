"""The clock in the engine: the grid that notes wait for, and a log that plays what was heard."""

from __future__ import annotations

import numpy as np
import pytest

from core.enginekit import RATE, Bench, first_sound, rendered
from ghostnote.core.control_log import LogEntry
from ghostnote.core.engine import QUANTUM
from ghostnote.state.registry import TARGETS

BEAT = RATE // 2


@pytest.fixture
def bench(model) -> Bench:
    return Bench(model)


def log_of(bench: Bench) -> list[LogEntry]:
    return [LogEntry(a.at / RATE, TARGETS[a.addr], a.args) for a in bench.applied]


def begun(bench: Bench, name: str = "hit") -> list[int]:
    return [a.at for a in bench.applied if a.addr.endswith(name)]


def test_without_a_grid_nothing_waits(bench):
    bench.at(1000, "part1/hit")
    bench.seconds(0.1)
    assert begun(bench) == [1000]


@pytest.mark.parametrize(("grid", "line"), [("1/4", BEAT), ("1/8", BEAT // 2 + 1), ("1/16", BEAT // 4 + 1)])
def test_hits_wait_for_the_grid(model, grid, line):
    bench = Bench(model)
    bench.now("clock/quantise", grid)
    bench.at(1000, "part1/hit", 0.7)
    bench.at(1200, "part2/hit", 0.7)
    sound = bench.seconds(0.6)
    assert abs(begun(bench)[0] - line) <= 1
    assert begun(bench) == [begun(bench)[0]] * 2
    assert first_sound(sound) == begun(bench)[0]


def test_a_bar_is_as_long_as_its_quantum(bench):
    bench.now("clock/quantum", 3.0)
    bench.now("clock/quantise", "1/1")
    bench.at(100, "part1/hit")
    bench.seconds(1.6)
    assert begun(bench) == [3 * BEAT]


def test_a_new_tempo_moves_what_waits(bench):
    bench.now("clock/quantise", "1/4")
    bench.at(1000, "part1/hit")
    bench.at(BEAT // 2, "clock/tempo", 60.0)
    bench.seconds(1.0)
    assert begun(bench) == [BEAT // 2 + BEAT]


@pytest.mark.parametrize("off", [("clock/quantise", "off"), ("clock/running", 0)])
def test_what_waits_begins_when_there_is_nothing_to_wait_for(bench, off):
    bench.now("clock/quantise", "1/4")
    bench.at(1000, "part1/hit")
    bench.at(6400, *off)
    bench.seconds(0.3)
    assert begun(bench) == [6400]


def test_a_key_let_go_before_its_note_began_keeps_its_length(bench):
    bench.now("part1/mode", "hold")
    bench.now("clock/quantise", "1/4")
    bench.at(1000, "part1/note", 60, 0.8)
    bench.at(3000, "part1/off", 60)
    bench.seconds(1.0)
    assert begun(bench, "note") == [BEAT]
    assert begun(bench, "off") == [BEAT + 2000]


def test_silence_forgets_what_waits(model):
    for command, heard in (("panic", []), ("hush", []), ("part1/hush", []), ("part2/hush", [BEAT])):
        bench = Bench(model)
        bench.now("clock/quantise", "1/4")
        bench.at(1000, "part1/hit")
        bench.at(2000, command)
        bench.seconds(0.6)
        assert begun(bench) == heard, command


def test_a_log_of_quantised_playing_is_what_was_heard(model, rng):
    bench = Bench(model)
    bench.now("clock/quantise", "1/16")
    for k in range(30):
        bench.at(int(rng.integers(0, RATE)), f"part{k % 4 + 1}/note", int(rng.integers(50, 70)), 0.6)
    for at, addr, value in (
        (9000, "clock/tempo", 171.3),
        (20000, "clock/nudge", 33.0),
        (30000, "clock/tap", 1.0),
        (41000, "clock/tap", 1.0),
        (42000, "clock/position", 7.3),
    ):
        bench.at(at, addr, value)
    heard = bench.seconds(1.2)
    frames = len(heard)
    again = Bench(model)
    for entry in log_of(bench):
        again.engine.schedule(round(entry.t * RATE), entry.target, entry.args)
    assert np.array_equal(again.quanta(frames // QUANTUM), heard)
    assert [(a.at, a.addr) for a in again.applied] == [(a.at, a.addr) for a in bench.applied]
    sound = rendered(model, log_of(bench), frames / RATE)
    assert np.abs(sound).max() > 0.01


def test_taps_are_logged_as_the_tempo_they_make(bench):
    for n in range(4):
        bench.at(1000 + n * RATE, "clock/tap")
    bench.seconds(3.2)
    assert "/gn/clock/tap" not in {a.addr for a in bench.applied}
    assert bench.engine.values["/gn/clock/tempo"] == 60.0
    assert [a.args for a in bench.applied if a.addr == "/gn/clock/tempo"][-1] == (60.0,)
    assert bench.engine.beat.position(1000 + 3 * RATE) % 1.0 == pytest.approx(0.0, abs=1e-9)


def test_the_beat_is_told_once_a_beat(bench):
    reader = bench.engine.changes.reader()
    told = 0
    for _ in range(2 * RATE // QUANTUM):
        bench.quanta(1)
        told += ("/gn/clock/beat", "") in reader.take()
    assert told == 4


def pulse(bench: Bench, at: float, kind: str = "clock") -> None:
    bench.at(round(at), "clock/pulse", kind)


def test_a_midi_clock_leads_when_it_is_the_source(model):
    for source, tempo in (("internal", 120.0), ("midi", 90.0)):
        bench = Bench(model)
        bench.now("clock/source", source)
        pulse(bench, 500, "start")
        span = 60.0 * RATE / 90.0 / 24
        for n in range(24 * 4):
            pulse(bench, 2000 + n * span)
        bench.seconds(2.6)
        assert bench.engine.values["/gn/clock/tempo"] == pytest.approx(tempo, abs=0.05)
        assert "/gn/clock/pulse" not in {a.addr for a in bench.applied}
        if source == "midi":
            assert bench.engine.beat.position(2000 + 24 * 3 * span) == pytest.approx(3.0, abs=0.005)
            assert len([a for a in bench.applied if "clock/" in a.addr]) < 12, "effects, not pulses"


def clocks(bench: Bench, first: float, count: int, tempo: float = 120.0) -> float:
    """So many clocks; where the one after them would be."""
    span = 60.0 * RATE / tempo / 24
    for n in range(count):
        pulse(bench, first + n * span)
    return first + count * span


def test_midi_stop_and_continue_hold_the_beat(bench):
    bench.now("clock/source", "midi")
    pulse(bench, 100, "start")
    after = clocks(bench, 1000, 31)
    pulse(bench, after - 200, "stop")
    bench.seconds(after / RATE)
    assert bench.engine.values["/gn/clock/running"] == 0
    held = bench.engine.beat.position(bench.engine.now)
    bench.quanta(100)
    assert bench.engine.beat.position(bench.engine.now) == held == pytest.approx(31 / 24, abs=0.02)
    again = bench.engine.now + 5000
    pulse(bench, again - 900, "continue")
    clocks(bench, again, 48)
    bench.quanta(70)
    assert bench.engine.values["/gn/clock/running"] == 0, "the music goes on with the next clock"
    bench.seconds(1.0)
    assert bench.engine.values["/gn/clock/running"] == 1
    assert bench.engine.beat.position(again) == pytest.approx(31 / 24, abs=1e-3), (
        "clock 31 came after 0 to 30"
    )


def test_a_clock_while_it_stands_is_no_progress(bench):
    """Many a master sends its clock on while it is stopped."""
    bench.now("clock/source", "midi")
    pulse(bench, 100, "start")
    after = clocks(bench, 1000, 24)
    pulse(bench, after - 100, "stop")
    after = clocks(bench, after, 37)
    pulse(bench, after - 50, "continue")
    clocks(bench, after, 24)
    bench.seconds((after + 100) / RATE)
    assert bench.engine.beat.position(round(after)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("tempo", [120.0, 97.0])
@pytest.mark.parametrize(("sixteenths", "beat"), [(0, 0.0), (32, 8.0), (7, 1.75), (16383, 4095.75)])
def test_continue_goes_on_where_the_song_position_says(bench, sixteenths, beat, tempo):
    bench.now("clock/source", "midi")
    bench.now("clock/tempo", tempo)
    pulse(bench, 100, "stop")
    bench.at(200, "clock/pulse", "position", sixteenths)
    pulse(bench, 300, "continue")
    clocks(bench, 2000, 48, tempo)
    bench.seconds(0.5)
    assert bench.engine.beat.position(2000) == pytest.approx(beat, abs=2e-3)
    told = [a.args[0] for a in bench.applied if a.addr == "/gn/clock/position"]
    assert told[0] == told[1] == pytest.approx(beat), "shown while it stands, exact with the first clock"


def test_hits_and_recalls_after_a_continue_fall_on_the_lines_of_the_song(model):
    bench = Bench(model)
    bench.now("clock/source", "midi")
    bench.now("clock/quantise", "1/1")
    pulse(bench, 100, "stop")
    bench.at(200, "clock/pulse", "position", 12)  # beat 3: a bar ends a beat later
    pulse(bench, 300, "continue")
    clocks(bench, 2000, 48)
    bench.at(3000, "part1/hit", 0.7)
    bench.at(3500, "scene/set", 0.0, "verse", "/gn/part1/gain", -20.0)
    bench.seconds(0.8)
    assert begun(bench) == begun(bench, "scene/set")
    assert begun(bench)[0] == pytest.approx(2000 + BEAT, abs=40)


def test_a_song_position_while_it_runs_is_that_of_the_next_clock(bench):
    """As of a sequencer that goes round a loop."""
    bench.now("clock/source", "midi")
    pulse(bench, 100, "start")
    after = clocks(bench, 1000, 96)
    bench.at(round(after) - 300, "clock/pulse", "position", 16)
    clocks(bench, after, 24)
    bench.seconds((after + 5000) / RATE)
    assert bench.engine.values["/gn/clock/running"] == 1
    assert bench.engine.beat.position(after) == pytest.approx(4.0, abs=2e-3)
    assert bench.engine.values["/gn/clock/tempo"] == pytest.approx(120.0, abs=0.05)


def test_a_beat_that_was_moved_by_hand_goes_on_from_there(bench):
    bench.now("clock/source", "midi")
    pulse(bench, 100, "start")
    after = clocks(bench, 1000, 24)
    pulse(bench, after, "stop")
    bench.at(round(after) + 500, "clock/position", 9.5)
    pulse(bench, after + 600, "continue")
    clocks(bench, after + 2000, 12)
    bench.seconds((after + 9000) / RATE)
    assert bench.engine.beat.position(after + 2000) == pytest.approx(9.5, abs=2e-3)


def test_a_word_that_is_no_pulse_does_nothing(bench):
    bench.now("clock/source", "midi")
    pulse(bench, 0, "nonsense")
    bench.quanta(2)
    assert bench.engine.pulses.count == -1
