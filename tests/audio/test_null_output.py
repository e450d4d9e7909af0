"""The null device behaves like a device: whole blocks, shortfalls, stalls, loss."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.audio.null_output import NullOutput
from ghostnote.audio.output import OutputState, open_output
from ghostnote.telemetry import Telemetry

RATE = 48_000


def count_up(start: int, frames: int) -> np.ndarray:
    return np.repeat(np.arange(start, start + frames, dtype=np.float32)[:, None], 2, axis=1)


def device(virtual, **options) -> NullOutput:
    return NullOutput(RATE, 128, clock=virtual.clock, sleep=virtual.sleep, **options)


def play(out: NullOutput, virtual, seconds: float, granule: int = 64) -> int:
    """The render loop with a counting signal; frames written."""
    end, written = virtual.now + seconds, 0
    while virtual.now < end:
        if out.writable() >= granule:
            out.write(count_up(written, granule))
            written += granule
        else:
            out.wait()
    return written


def test_takes_whole_blocks_at_its_rate(virtual):
    out = device(virtual, record_s=2.0)
    played = play(out, virtual, 1.0)
    taken, at = out.position()
    assert taken % 128 == 0
    assert taken == pytest.approx(RATE, abs=2 * 128)
    assert virtual.now - at <= 128 / RATE + 1e-9
    assert 128 <= played - taken <= 256
    assert out.counters()["shortfalls"] == 0
    np.testing.assert_array_equal(out.recorded(), count_up(0, taken))


def test_wants_two_blocks_and_no_more(virtual):
    out = device(virtual)
    assert out.writable() == out.ring_frames == out.latency_frames == 256
    out.write(count_up(0, 256))
    assert out.writable() == 0
    virtual.now += 128 / RATE + 1e-9
    assert out.writable() == 128


def test_what_is_missing_is_silence_and_counted(virtual):
    out = device(virtual, record_s=1.0)
    out.write(count_up(1, 200))
    virtual.now += 3.5 * 128 / RATE
    assert out.position()[0] == 200
    assert out.counters()["shortfalls"] == 2
    assert out.counters()["shortfall_frames"] == 3 * 128 - 200
    heard = out.recorded()
    np.testing.assert_array_equal(heard[:200], count_up(1, 200))
    assert not heard[200:].any()


def test_nothing_is_short_before_the_first_write(virtual):
    out = device(virtual)
    virtual.now += 10.0
    out.writable()
    assert out.counters()["shortfalls"] == 0
    assert out.counters()["blocks"] > 0


def test_odd_block_sizes(virtual):
    out = device(virtual, blocks=[1, 127, 300, 64], record_s=1.0)
    play(out, virtual, 0.5, granule=33)
    assert out.block == 300
    assert out.counters()["shortfalls"] == 0
    taken = out.position()[0]
    np.testing.assert_array_equal(out.recorded()[:taken, 0] - out.recorded()[0, 0], np.arange(taken))


def test_a_late_callback_delays_one_block_only(virtual):
    out = device(virtual)
    out.write(count_up(0, 256))
    out.late(0.001)
    virtual.now += 128 / RATE + 0.0005
    assert out.position()[0] == 0
    virtual.now += 0.0006
    assert out.position()[0] == 128
    virtual.now = 100.0 + 256 / RATE + 1e-9
    assert out.position()[0] == 256


def test_a_stall_takes_nothing_and_does_not_catch_up(virtual):
    out = device(virtual)
    play(out, virtual, 0.1)
    before = out.position()[0]
    out.stall(2.0)
    virtual.now += 1.99
    assert out.position()[0] == before
    assert out.state is OutputState.RUNNING, "a stalled device does not say so"
    play(out, virtual, 0.5)
    assert out.position()[0] == pytest.approx(before + 0.5 * RATE, abs=600)
    assert out.counters()["shortfalls"] == 0


def test_lost_and_back(virtual):
    out = device(virtual)
    play(out, virtual, 0.1)
    out.lose()
    before = out.position()[0]
    out.write(count_up(0, 64))
    virtual.now += 1.0
    assert out.state is OutputState.LOST
    assert out.writable() == 0
    assert out.position()[0] == before
    out.return_()
    assert out.writable() == 256
    play(out, virtual, 0.1)
    assert out.position()[0] > before + 3000
    assert out.counters()["shortfalls"] == 0


def test_too_much_is_cut_and_counted(virtual):
    out = device(virtual)
    out.write(count_up(0, 5000))
    assert out.counters()["overrun_frames"] == 5000 - 4 * 256


def test_free_running_takes_everything_at_once(virtual):
    out = device(virtual, free_running=True, record_s=1.0)
    for k in range(10):
        assert out.writable() > 0
        out.write(count_up(100 * k, 100))
        out.wait()
    assert virtual.now == 100.0
    assert out.position() == (1000, 100.0 + 1000 / RATE)
    np.testing.assert_array_equal(out.recorded(), count_up(0, 1000))


def test_recording_is_bounded(virtual):
    out = device(virtual, free_running=True, record_s=0.01)
    out.write(count_up(0, 5000))
    assert out.recorded().shape == (480, 2)


def test_a_closed_device_wants_nothing(virtual):
    out = device(virtual)
    out.close()
    assert out.state is OutputState.CLOSED
    assert out.writable() == 0


@pytest.mark.parametrize("name", ["null", " NULL "])
def test_is_opened_by_its_name(name):
    out = open_output(name, rate=44_100, block=64, telemetry=Telemetry())
    assert (out.rate, out.block, out.ring_frames) == (44_100, 64, 128)
    out.close()
