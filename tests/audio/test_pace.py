"""Looks follow the device's blocks closely for ever, with timers that wake late."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.audio.pace import MAX_S, SHORT_S, BlockPace

PERIOD_S = 128 / 48000


def follow(
    rng, blocks: int, period_s: float = PERIOD_S, wake_s: float = 5e-5, work_s: float = 1e-4, pace=None
):
    """Lateness of the look that found each block, and blocks found by one look."""
    pace = pace or BlockPace(period_s)
    now, seen, looks = 0.0, 0, 0
    late, together = [], []
    while seen < blocks:
        now += pace.sleep_s(now) + rng.exponential(wake_s)
        looks += 1
        taken = int(now / period_s)
        if taken > seen:
            late.append(now - taken * period_s)
            together.append(taken - seen)
            seen = taken
            pace.taken(now)
            now += work_s
    return np.array(late[200:]), np.array(together[200:]), looks / blocks


def test_looks_stay_close_behind_the_blocks_for_minutes(rng):
    late, together, looks = follow(rng, 30_000)
    assert np.quantile(late, 0.99) < 0.0006
    assert np.median(late) < 0.0003
    assert together.max() == 1
    assert looks < 1.3


def test_a_device_that_is_slightly_off_its_rate_is_followed(rng):
    pace = BlockPace(PERIOD_S)
    late, together, _ = follow(rng, 10_000, period_s=PERIOD_S * 1.0003, pace=pace)
    assert np.quantile(late, 0.99) < 0.0006
    assert together.max() == 1
    late, together, _ = follow(rng, 10_000, period_s=PERIOD_S * 0.9997)
    assert np.quantile(late, 0.99) < 0.0006


def test_one_late_look_is_forgotten_at_once(rng):
    pace = BlockPace(PERIOD_S)
    follow(rng, 1000, pace=pace)
    end = 1000 * PERIOD_S
    pace.taken(end + 3.7 * PERIOD_S)
    now = end + 3.7 * PERIOD_S
    wake = now + pace.sleep_s(now)
    assert abs(wake - end - 4.0 * PERIOD_S) < 0.0006


def test_a_new_phase_is_found_within_a_block(rng):
    """The server restarts its clock: the guess was wrong by half a period."""
    pace = BlockPace(PERIOD_S)
    follow(rng, 1000, pace=pace)
    start = 1000 * PERIOD_S
    now, seen, late = start, 0, []
    while seen < 50:
        now += pace.sleep_s(now) + rng.exponential(5e-5)
        taken = int((now - start - 0.5 * PERIOD_S) / PERIOD_S)
        if taken > seen:
            late.append(now - start - (taken + 0.5) * PERIOD_S)
            seen = taken
            pace.taken(now)
    assert max(late[2:]) < 0.001


@pytest.mark.parametrize("period_s", [0.0005, 0.0027, 0.02, 0.1])
def test_sleeps_are_bounded(rng, period_s):
    pace = BlockPace(period_s)
    for now in np.cumsum(rng.uniform(0, 0.05, 200)):
        assert SHORT_S <= pace.sleep_s(now) <= MAX_S
        pace.taken(now + SHORT_S)


def test_a_longer_block_is_waited_for_longer():
    pace = BlockPace(PERIOD_S)
    pace.sleep_s(1.0)
    pace.taken(1.0)
    short = pace.sleep_s(1.0)
    pace.set_period(0.0035)
    pace.taken(1.0)
    assert pace.sleep_s(1.0) > short
