"""The eye on the ring: what it remembers of a null device that is played late on purpose."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from ghostnote.audio.null_output import NullOutput
from ghostnote.audio.output import OutputState
from ghostnote.bench.run_delay import RunDelay
from ghostnote.bench.watch import KEPT, WatchedOutput

RATE, BLOCK = 48000, 480
BLOCK_S = BLOCK / RATE


class Loop:
    """A render loop by a clock of the test's own."""

    def __init__(self) -> None:
        self.now = 10.0
        self.cpu = 0.0
        self.null = NullOutput(RATE, BLOCK, clock=lambda: self.now, sleep=self.sleep)
        self.out = WatchedOutput(self.null, clock=lambda: self.now, cpu_clock=lambda: self.cpu)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def turn(self, render_s: float = 0.001, cpu_s: float = 0.001) -> None:
        wanted = self.out.writable()
        if not wanted:
            self.out.wait()
            return
        self.now += render_s
        self.cpu += cpu_s
        self.out.write(np.zeros((wanted, 2), dtype=np.float32))

    def play(self, blocks: int) -> None:
        end = self.now + blocks * BLOCK_S
        while self.now < end:
            self.turn()

    def render_late(self, render_s: float, cpu_s: float = 0.001) -> None:
        while not self.out.writable():
            self.out.wait()
        self.turn(render_s, cpu_s)


def test_a_punctual_loop_leaves_nothing_behind():
    loop = Loop()
    loop.play(200)
    assert not loop.out.shortfalls
    assert not loop.out.late


def test_a_slow_render_is_what_a_shortfall_comes_from():
    loop = Loop()
    loop.play(50)
    before = loop.now
    loop.render_late(0.035, 0.002)
    loop.play(20)
    assert loop.null.counters()["shortfalls"] == len(loop.out.shortfalls) >= 1
    found = loop.out.shortfalls[0]
    assert found.slow.part == "render"
    assert found.slow.seconds == pytest.approx(0.035, abs=1e-6)
    assert found.slow.cpu_s == pytest.approx(0.002)
    assert before <= found.slow.began < found.slow.ended <= found.noticed
    assert found.span == (found.slow.began, found.noticed)
    assert [slow.part for slow in loop.out.late] == ["render"]


def test_a_wait_that_oversleeps_is_told_apart():
    loop = Loop()
    loop.play(50)
    loop.null._sleep = lambda seconds: loop.sleep(0.04)
    while not loop.out.shortfalls:
        loop.turn()
    assert loop.out.shortfalls[0].slow.part == "wait"


def test_work_between_writing_and_looking_is_told_apart():
    loop = Loop()
    loop.play(50)
    loop.render_late(0.001)
    loop.now += 0.045
    loop.turn()
    assert {short.slow.part for short in loop.out.shortfalls} == {"ahead"}


def test_the_record_is_bounded():
    loop = Loop()
    for _ in range(KEPT + 50):
        loop.render_late(0.03)
    assert len(loop.out.shortfalls) == len(loop.out.late) == KEPT


def test_everything_else_is_the_outputs_own():
    loop = Loop()
    out = loop.out
    assert (out.rate, out.block, out.channels, out.ring_frames) == (RATE, BLOCK, 2, 2 * BLOCK)
    assert out.name == loop.null.name
    assert out.state is OutputState.RUNNING
    loop.play(10)
    assert out.position() == loop.null.position()
    out.close()
    assert loop.null.state is OutputState.CLOSED


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the system keeps no record")
def test_a_threads_own_record_is_read_from_outside():
    with RunDelay(os.getpid(), threading.get_native_id()) as delay:
        time.sleep(0.05)
        began = time.monotonic()
        time.sleep(0.02)
        ended = time.monotonic()
        time.sleep(0.3)
    assert 0.0 <= delay.during((began, ended)) < 60.0
    assert np.isnan(delay.during((began - 1000.0, ended))), "before the first sample"
    assert np.isnan(delay.during((began, ended + 1000.0))), "after the last one"


def test_a_thread_that_is_not_there_has_no_record():
    with RunDelay(os.getpid(), 0) as delay:
        time.sleep(0.02)
    assert np.isnan(delay.during((0.0, 1.0)))
