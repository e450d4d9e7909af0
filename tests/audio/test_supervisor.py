"""A device that stalls or goes away is noticed, replaced, reopened and told about once."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.audio.null_output import NullOutput
from ghostnote.audio.output import OutputState, close_within
from ghostnote.audio.supervisor import BACK_OFF_S, SupervisedOutput
from ghostnote.errors import DeviceError
from ghostnote.telemetry import Telemetry

RATE = 48_000


class Stage:
    """A supervised null device, an opener that can refuse, and helper work done on the spot or held back."""

    def __init__(self, virtual, block: int = 128) -> None:
        self.virtual, self.block_frames = virtual, block
        self.telemetry = Telemetry()
        self.opened: list[NullOutput] = []
        self.attempts: list[float] = []
        self.refuse = 0
        self.rate = RATE
        self.held: list = []
        self.hold = False
        self.out = SupervisedOutput(
            self.device(),
            self.open,
            self.telemetry,
            clock=virtual.clock,
            sleep=virtual.sleep,
            spawn=self.spawn,
        )
        self.written = 0

    def device(self) -> NullOutput:
        made = NullOutput(
            self.rate, self.block_frames, record_s=5.0, clock=self.virtual.clock, sleep=self.virtual.sleep
        )
        self.opened.append(made)
        return made

    def open(self, rate: int) -> NullOutput:
        assert rate == RATE
        self.attempts.append(self.virtual.now)
        if self.refuse:
            self.refuse -= 1
            raise DeviceError("no audio device is called 'card'")
        return self.device()

    def spawn(self, job) -> None:
        if self.hold:
            self.held.append(job)
        else:
            job()

    def play(self, seconds: float, level: float = 1.0) -> None:
        end = self.virtual.now + seconds
        while self.virtual.now < end:
            if self.out.writable() >= 64:
                self.out.write(np.full((64, 2), level, dtype=np.float32))
                self.written += 64
            else:
                self.out.wait()


@pytest.fixture
def stage(virtual) -> Stage:
    return Stage(virtual)


def test_a_healthy_device_is_left_alone(stage):
    stage.play(3.0)
    assert stage.out.state is OutputState.RUNNING
    assert stage.out.counters()["losses"] == 0
    assert len(stage.opened) == 1
    assert stage.telemetry.take_reports() == []


def test_a_stall_is_noticed_after_250_ms_and_healed(stage):
    stage.play(1.0)
    stage.opened[0].stall(1e6)
    stage.play(0.2)
    assert stage.out.counters()["losses"] == 0
    stage.play(0.2)
    assert stage.out.counters()["losses"] == 1
    assert stage.opened[0].state is OutputState.CLOSED
    stage.play(1.0)
    assert stage.out.state is OutputState.RUNNING
    assert stage.out.counters()["reopens"] == 1
    assert [report.key for report in stage.telemetry.take_reports()] == ["audio.lost", "audio.back"]


def test_large_blocks_get_more_patience(virtual):
    stage = Stage(virtual, block=4096)
    stage.play(1.0)
    stage.opened[0].stall(1e6)
    stage.play(0.7)
    assert stage.out.counters()["losses"] == 0
    stage.play(0.4)
    assert stage.out.counters()["losses"] == 1


def test_an_idle_renderer_is_not_a_stall(stage):
    stage.play(1.0)
    stage.virtual.now += 5.0
    stage.out.writable()
    stage.virtual.now += 5.0
    stage.play(0.1)
    assert stage.out.counters()["losses"] == 0


def test_a_device_that_says_it_is_gone_is_replaced_soon(stage):
    stage.play(1.0)
    stage.opened[0].lose()
    stage.play(0.15)
    assert stage.out.counters()["losses"] == 1


def test_attempts_back_off_and_go_on_for_ever(stage):
    stage.play(0.5)
    stage.refuse = 8
    stage.opened[0].lose()
    lost_at = stage.virtual.now
    stage.play(40.0)
    waits = np.diff([lost_at, *stage.attempts])
    np.testing.assert_allclose(waits, [*BACK_OFF_S, 5.0, 5.0, 5.0, 5.0], atol=0.15)
    assert stage.out.counters()["reopens"] == 1
    keys = [report.key for report in stage.telemetry.take_reports()]
    assert keys[0] == "audio.lost"
    assert keys[-1] == "audio.back"


def test_time_goes_on_while_there_is_no_device(stage):
    stage.play(1.0)
    stage.refuse = 10**6
    stage.opened[0].lose()
    before = stage.out.position()[0]
    stage.play(2.0)
    assert stage.out.state is OutputState.LOST
    assert stage.out.position()[0] - before == pytest.approx(2.0 * RATE, rel=0.02)


def test_positions_never_run_backwards_and_end_at_what_was_written(stage):
    positions = []
    for step in range(60):
        if step in (10, 30):
            stage.opened[-1].lose()
        stage.play(0.1)
        positions.append(stage.out.position()[0])
        assert 0 <= stage.written - positions[-1] <= 512
    assert (np.diff(positions) > 0).all()
    assert stage.out.counters()["reopens"] == 2


def test_a_reopened_device_fades_in(stage):
    stage.play(1.0)
    stage.opened[0].lose()
    stage.play(1.5)
    heard = stage.opened[1].recorded()[:, 0]
    assert heard[0] == 0.0
    assert np.abs(np.diff(heard)).max() < 0.001
    assert heard[round(0.06 * RATE)] == 1.0


def test_a_device_that_comes_back_at_another_rate_is_refused(stage):
    stage.play(0.5)
    stage.rate = 44_100
    stage.opened[0].lose()
    stage.play(0.6)
    assert stage.out.counters()["reopens"] == 0
    assert stage.opened[-1].state is OutputState.CLOSED
    stage.rate = RATE
    stage.play(2.0)
    assert stage.out.counters()["reopens"] == 1


def test_nothing_is_opened_while_the_old_device_is_being_closed(stage):
    stage.play(0.5)
    stage.hold = True
    stage.opened[0].lose()
    stage.play(3.0)
    assert stage.attempts == []
    assert stage.out.state is OutputState.STALLED
    stage.held.pop()()
    stage.hold = False
    stage.play(0.5)
    assert stage.out.counters()["reopens"] == 1


def test_a_stuck_driver_is_not_touched_again_and_told(stage):
    stage.play(0.5)
    stage.opened[0].closed_cleanly = False
    stage.opened[0].lose()
    stage.play(10.0)
    assert stage.attempts == []
    assert stage.out.restart_needed
    assert stage.out.counters()["restart_needed"] == 1
    assert [report.key for report in stage.telemetry.take_reports()] == ["audio.lost", "audio.stuck"]
    assert stage.out.position()[0] > 10 * RATE


def test_counters_of_all_devices_add_up(stage):
    stage.play(1.0)
    blocks = stage.out.counters()["blocks"]
    stage.opened[0].lose()
    stage.play(1.0)
    assert stage.out.counters()["blocks"] > blocks
    assert stage.out.counters()["max_block"] == 128


def test_closing_closes_what_arrived_late(stage):
    stage.play(0.5)
    stage.opened[0].lose()
    stage.hold = True
    stage.play(0.3)
    stage.hold = False
    for job in stage.held:
        job()
    stage.held.clear()
    stage.hold = True
    stage.play(0.5)
    stage.out.close()
    for job in stage.held:
        job()
    assert stage.out.state is OutputState.CLOSED
    assert all(device.state is OutputState.CLOSED for device in stage.opened)


def test_close_within_gives_up_on_a_driver_that_hangs():
    import threading

    never = threading.Event()
    assert not close_within(never.wait, limit_s=0.05)
    never.set()


def test_close_within_takes_a_failing_driver_for_closed():
    def fail() -> None:
        raise OSError("device is gone")

    assert close_within(fail)
