"""The probe on a real server: frames become times by the cycles in which they were heard."""

from __future__ import annotations

import gc
import os
import sys
import time

import numpy as np
import pytest

from ghostnote.bench.detect import onset
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.probe import Probe, cycle_times
from ghostnote.bench.rig import Bare
from ghostnote.bench.soak import silent_client

RATE, BLOCK = 48000, 128


def cycles(count: int) -> tuple[np.ndarray, np.ndarray]:
    starts = np.arange(count) * BLOCK
    return starts, 100.0 + starts / RATE


def test_punctual_cycles_are_where_they_are():
    starts, times = cycles(50)
    assert cycle_times(starts, times, RATE) == pytest.approx(times, abs=1e-9)


def test_a_late_wake_up_does_not_move_its_cycle():
    starts, times = cycles(50)
    wakes = times.copy()
    wakes[20] += 0.002
    assert cycle_times(starts, wakes, RATE) == pytest.approx(times, abs=1e-9)


def test_a_server_that_came_late_is_followed_at_once():
    """It lost 7 ms at cycle 20: from four cycles on nothing of before counts any more."""
    starts, times = cycles(50)
    wakes = times + np.where(np.arange(50) >= 20, 0.007, 0.0)
    found = cycle_times(starts, wakes, RATE)
    assert found[:20] == pytest.approx(times[:20], abs=1e-9)
    assert found[23:] == pytest.approx(wakes[23:], abs=1e-9)


def test_missing_cycles_are_a_gap_and_no_shift():
    starts, times = cycles(50)
    heard = np.r_[0:20, 25:50]
    assert cycle_times(starts[heard], times[heard], RATE) == pytest.approx(times[heard], abs=1e-9)


def test_a_single_cycle_has_a_time():
    assert cycle_times(np.array([0]), np.array([3.0]), RATE) == pytest.approx([3.0])


@pytest.mark.jack
def test_frames_and_times_go_both_ways_and_the_process_is_left_as_it_was(server):
    def policy() -> int:
        return os.sched_getscheduler(0) if sys.platform.startswith("linux") else 0

    before = policy()
    with Probe(server.name, 1, 5.0) as probe:
        assert (probe.rate, probe.block) == (server.rate, server.block)
        assert not gc.isenabled()
        entered = time.monotonic()
        known = probe.sources()
        probe.send((0x90, 36, 100))
        time.sleep(0.3)
        with pytest.raises(RuntimeError, match="no audio output"):
            probe.wait_for_source(known, limit_s=0.05)
        with pytest.raises(RuntimeError, match="nobody connected to the probe's MIDI port"):
            probe.wait_for_listener(limit_s=0.05)
        heard = probe.heard_frames
    assert gc.isenabled()
    assert policy() == before, "children started later must not inherit the probe's priority"
    assert heard >= BLOCK
    assert probe.cycles >= 2
    assert len(probe.notes) == 1
    assert 0 <= probe.notes[0] <= heard
    frames = np.arange(0, heard, BLOCK, dtype=np.int64)
    times = probe.time_of(frames)
    assert np.all(np.diff(times) > -1e-9), "time goes on from frame to frame"
    assert times[0] <= entered
    assert (probe.wake_jitter_ms() >= 0.0).all(), "late, never early"
    there = [f for f in frames[4:] if probe.is_whole(int(f) - 4 * BLOCK, int(f))]
    back = [abs(probe.frame_at(float(probe.time_of(np.array([f]))[0]) + 1e-6) - f) for f in there]
    assert np.median(back) <= BLOCK
    assert not probe.is_whole(-5, 10)
    assert not probe.is_whole(0, probe.recorded(0).size - 1), "what was not recorded is not whole"
    assert not probe.recorded(0).any(), "nothing was connected"


@pytest.mark.jack
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="priorities are Linux's")
def test_what_is_started_beside_the_probe_has_its_own_priority(server):
    """A child of a thread with SCHED_FIFO would have it too, and what is measured would not be what plays."""
    before = os.sched_getscheduler(0)
    with Probe(server.name, 0, 2.0):
        child = os.posix_spawn(sys.executable, [sys.executable, "-c", "input()"], server.env)
        try:
            inherited = os.sched_getscheduler(child)
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
    assert inherited == before == os.SCHED_OTHER


@pytest.mark.jack
def test_clicks_of_the_bare_path_are_heard_and_its_lateness_told(server):
    with Probe(server.name, 1, 15.0) as probe:
        known = probe.sources()
        click = Bare(server.env)
        try:
            click.wait()
            probe.connect(probe.wait_for_source(known), 0)
            time.sleep(0.2)
            click.mark()
            moments = []
            for _ in range(6):
                moments.append(time.monotonic())
                click.strike()
                time.sleep(0.08)
            time.sleep(0.1)
        finally:
            click.close()
        ended = time.monotonic()
        sound = probe.recorded(0)
    found = [onset(sound, probe.frame_at(at), probe.rate) for at in moments]
    assert any(index is not None for index in found)
    assert np.abs(sound).max() == pytest.approx(0.5)
    assert np.count_nonzero(sound) <= len(moments), "a click is one sample, and there is nothing else"
    assert click.counted["blocks"] > 0
    assert click.counted["shortfalls"] >= 0
    assert all(moments[0] - 60.0 < at < to < ended for at, to in click.late)
    assert all(to - at > server.block / server.rate for at, to in click.late)


@pytest.mark.jack
def test_the_silent_client_says_what_it_counted_and_when(server):
    began = time.monotonic()
    with silent_client(server.env) as counted:
        assert counted == {}
        time.sleep(0.4)
    assert counted["blocks"] > 10
    assert counted["underflows"] >= len(counted["at"])
    assert counted["seconds"] > 0.3
    assert all(began < at < to < time.monotonic() for at, to in counted["at"])


@pytest.mark.jack
def test_without_a_server_the_controls_are_unavailable(server):
    """On a name that no server has: said at once, and nothing hangs."""
    env = {**server.env, "JACK_DEFAULT_SERVER": "gn-no-such-server"}
    click = Bare(env)
    with pytest.raises(UnavailableError, match="control process"):
        click.wait()
    click.close()
    assert click.counted == {}
    with pytest.raises(UnavailableError, match="silent client"), silent_client(env):
        pass


@pytest.mark.jack
def test_a_server_ends_with_its_block_and_says_so(server):
    with JackServer(block=256) as own:
        own.check()
        assert own.block == 256
        assert own.env["JACK_DEFAULT_SERVER"] == own.name
    with pytest.raises(UnavailableError, match="ended while it was measured"):
        own.check()
    server.check()
