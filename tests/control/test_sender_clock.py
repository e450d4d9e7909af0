"""Clocks of other computers: drift is followed, what is meant is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.control.osc_time import Received, WallClock, timetag_at
from ghostnote.control.sender_clock import MAX_DRIFT, SenderClock

WALL_S = 1_790_000_000


def leads(rng, minutes: float, ppm: float, jitter_s: float, lead=lambda t: 0.2, pace_s: float = 0.125):
    """How far ahead each message of a set sounds, and when it came, through a network with jitter."""
    clock = SenderClock()
    times, heard = [], []
    for t in np.arange(0.0, 60.0 * minutes, pace_s):
        received = t + rng.exponential(jitter_s)
        stamp = t * (1.0 + ppm * 1e-6) + lead(t)
        heard.append(clock.due(stamp, received) - t)
        times.append(t)
    return np.array(times), np.array(heard), clock


@pytest.mark.parametrize("ppm", [-200.0, -50.0, 50.0, 200.0])
def test_a_drifting_sender_keeps_its_lead(rng, ppm):
    times, heard, clock = leads(rng, 20, ppm, 0.0005)
    uncorrected = abs(ppm) * 1e-6 * times[-1]
    assert uncorrected > 0.05
    assert np.abs(heard[times > 120] - 0.2).max() < 0.006
    assert clock.drift_ppm == pytest.approx(ppm, abs=15.0)


def test_a_sender_with_our_time_is_left_alone(rng):
    _, heard, clock = leads(rng, 20, 0.0, 0.001)
    assert np.abs(heard - 0.2).max() < 0.003
    assert abs(clock.drift_ppm) < 40.0


def test_neighbouring_events_stay_apart_as_they_were_meant(rng):
    _, heard, _ = leads(rng, 10, 100.0, 0.001)
    assert np.abs(np.diff(heard)).max() < 0.125 * MAX_DRIFT + 1e-9
    late = np.abs(np.diff(heard[2400:]))
    assert np.percentile(late, 99) < 1.0 / 48000, "within a sample"


def test_another_latency_is_meant(rng):
    times, heard, _ = leads(rng, 6, 50.0, 0.0005, lead=lambda t: 0.2 if t < 180 else 0.1)
    assert np.abs(heard[(times > 100) & (times < 180)] - 0.2).max() < 0.006
    assert np.abs(heard[times > 183] - 0.1).max() < 0.012


def test_leads_without_a_pattern_are_believed(rng):
    chance = np.random.default_rng(5)
    times, _, clock = leads(rng, 4, 0.0, 0.0005, lead=lambda t: 0.05 + chance.uniform(0.0, 0.4), pace_s=0.5)
    assert clock.drift_ppm == 0.0
    assert len(times)


def test_reading_two_clocks_late_does_not_move_the_times(rng):
    """Differences between the times of one sender's messages are those of its tags, within half a sample."""
    wall = WallClock()
    errors = []
    for k in range(2000):
        tag = WALL_S + 0.5 + 0.031 * k
        monotonic = 100.0 + 0.031 * k + rng.uniform(0.0, 0.01)
        wall_ns = round((WALL_S + monotonic - 100.0 + rng.uniform(0.0, 20e-6)) * 1e9)
        errors.append(
            wall.monotonic_of(timetag_at(tag), Received(monotonic, wall_ns)) - (tag - WALL_S + 100.0)
        )
    assert np.ptp(errors[200:]) < 1.0 / 48000 / 2
    assert np.abs(errors).max() < 25e-6


def test_a_wall_clock_that_is_set_holds_at_once():
    wall = WallClock()
    for k, step in enumerate([0.0] * 50 + [3600.0] * 3):
        received = Received(100.0 + k, round((WALL_S + k + step) * 1e9))
        assert wall.monotonic_of(timetag_at(WALL_S + k + step + 0.25), received) == pytest.approx(
            100.25 + k, abs=1e-6
        )


def test_a_moment_is_read_on_both_clocks_together():
    for _ in range(20):
        before, after = Received.now(), Received.now()
        assert after.monotonic - before.monotonic >= 0.0
        assert abs((after.wall_ns - before.wall_ns) * 1e-9 - (after.monotonic - before.monotonic)) < 0.05
