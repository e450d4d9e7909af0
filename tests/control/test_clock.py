"""The stream clock on a simulated device."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.control.clock import StreamClock

RATE = 48_000


class Simulated:
    """A device of `rate · (1 + ppm)` Hz whose blocks are seen late by `jitter_s`, rarely very late."""

    def __init__(self, rng: np.random.Generator, block: int, ppm: float, jitter_s: float) -> None:
        self.rng, self.block, self.jitter_s = rng, block, jitter_s
        self.speed = RATE * (1.0 + ppm * 1e-6)
        self.frames, self.now = 0, 1000.0

    def run(self, clock: StreamClock, seconds: float) -> np.ndarray:
        """Errors of `frames_at` in seconds at each block."""
        errors = []
        for _ in range(round(seconds * RATE / self.block)):
            self.frames += self.block
            self.now += self.block / self.speed
            seen = self.now + self.rng.exponential(self.jitter_s)
            if self.rng.random() < 0.02:
                seen += self.rng.exponential(0.02)
            clock.observe(self.frames, seen)
            errors.append((clock.frames_at(self.now) - self.frames) / RATE)
        return np.array(errors)


@pytest.mark.parametrize("block", [64, 128, 512, 1024])
@pytest.mark.parametrize("ppm", [-100.0, 0.0, 100.0])
def test_follows_a_drifting_device_through_jitter_and_outliers(rng, block, ppm):
    device, clock = Simulated(rng, block, ppm, 0.0003), StreamClock(RATE)
    device.run(clock, 6.0)
    errors = device.run(clock, 20.0)
    assert np.abs(errors).max() < 0.0002
    assert clock.drift_ppm == pytest.approx(ppm, abs=10.0)


def test_is_usable_after_a_few_blocks(rng):
    device, clock = Simulated(rng, 256, 50.0, 0.0001), StreamClock(RATE)
    assert not clock.ready
    errors = device.run(clock, 1.0)
    assert clock.ready
    assert np.abs(errors[8:]).max() < 0.002


def test_mapping_is_its_own_inverse_and_rises(rng):
    device, clock = Simulated(rng, 128, 80.0, 0.0003), StreamClock(RATE)
    last = -1.0
    for _ in range(400):
        device.run(clock, 0.02)
        for ahead in (-0.05, 0.0, 0.5):
            frames = clock.frames_at(device.now + ahead)
            assert clock.time_of(frames) == pytest.approx(device.now + ahead, abs=1e-9)
        assert clock.frames_at(device.now) > last
        last = clock.frames_at(device.now)


@pytest.mark.parametrize("gap_s", [0.003, 0.02, 1.5])
def test_a_gap_in_the_stream_moves_the_mapping(rng, gap_s):
    device, clock = Simulated(rng, 128, 40.0, 0.0002), StreamClock(RATE)
    device.run(clock, 5.0)
    device.now += gap_s
    device.run(clock, 0.3)
    assert clock.resets == 1
    assert np.abs(device.run(clock, 3.0)).max() < 0.0005
    assert clock.drift_ppm == pytest.approx(40.0, abs=20.0)


def test_one_late_look_moves_nothing(rng):
    device, clock = Simulated(rng, 128, 0.0, 0.0001), StreamClock(RATE)
    device.run(clock, 3.0)
    before = clock.frames_at(device.now + 1.0)
    clock.observe(device.frames + 1, device.now + 0.4)
    assert clock.resets == 0
    assert clock.frames_at(device.now + 1.0) == before


def test_frames_that_run_backwards_start_anew(rng):
    device, clock = Simulated(rng, 128, 0.0, 0.0001), StreamClock(RATE)
    device.run(clock, 1.0)
    clock.observe(0, device.now + 0.1)
    assert clock.resets == 1
    assert clock.frames_at(device.now + 0.1) == pytest.approx(0.0, abs=1.0)


def test_a_count_seen_again_is_ignored(rng):
    device, clock = Simulated(rng, 128, 0.0, 0.0001), StreamClock(RATE)
    device.run(clock, 2.0)
    before = clock.frames_at(device.now)
    for k in range(1000):
        clock.observe(device.frames, device.now + k * 0.001)
    assert clock.frames_at(device.now) == before
    assert clock.resets == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(-10, 5000), st.floats(0.0, 5.0)), min_size=1, max_size=60))
def test_never_breaks_on_any_observations(steps):
    clock, frames, now = StreamClock(RATE), 0, 10.0
    for step, wait in steps:
        frames, now = max(0, frames + step), now + wait
        clock.observe(frames, now)
        low, high = clock.frames_at(now), clock.frames_at(now + 1.0)
        assert np.isfinite(low)
        assert 0.9 * RATE < high - low < 1.1 * RATE
