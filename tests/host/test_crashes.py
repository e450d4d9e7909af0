"""Processes that are killed while the performance runs: what goes on, what comes back, what is told."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from bundles import build_bundle
from ghostnote.core.control_log import read_log
from playing import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")


def test_a_killed_core_comes_back_with_its_state_and_the_log_goes_on(play):
    performance = play("--seed", "3")
    performance.send("part1/gain", -7.5)
    performance.send("part4/mode", "hold")
    performance.send("slot/b/random")
    performance.send("part1/hit", 0.5)
    performance.sync()
    slot = performance.ask("slot/b/z")
    performance.wait_for_line("/gn/part1/hit")
    time.sleep(1.5)  # the state is handed out once a second
    before = performance.child("core")
    before.kill()
    performance.wait_until_ready(times=2)
    assert performance.child("core").pid != before.pid
    performance.wait_for_complaint("the core ended .*starting it again with the last state")
    assert performance.ask("part1/gain") == -7.5
    assert performance.ask("part4/mode") == "hold"
    assert performance.ask("slot/b/z") == slot
    assert performance.ask("seed") == 3
    performance.send("part2/hit", 0.5)
    performance.sync()
    performance.wait_for_line("/gn/part2/hit")
    assert performance.end() == 0

    log = read_log(performance.log)
    times = [entry.t for entry in log.entries]
    assert times == sorted(times), "the second core's lines go on where the first one's ended"
    addresses = [entry.target.addr for entry in log.entries]
    crash = addresses.index("/gn/panic")
    assert addresses.index("/gn/part1/hit") < crash < addresses.index("/gn/part2/hit")
    assert log.entries[crash].t > 1.5
    bridge = {entry.target.addr: entry.args for entry in log.entries[crash:]}
    assert bridge["/gn/part1/gain"] == (-7.5,)
    assert bridge["/gn/slot/b/z"] == pytest.approx(slot)


def test_a_killed_front_costs_no_sound_and_no_line(play):
    performance = play()
    core = performance.child("core")
    sent = 0
    for _ in range(2):
        for _ in range(15):
            performance.send("part1/pan", (sent := sent + 1) / 100)
            time.sleep(0.02)
        performance.child("front").kill()
        performance.wait_for_complaint("the front ended .*the sound goes on")
    performance.send("part1/pan", -0.5)
    performance.sync()
    performance.wait_for_line("[-0.5]")
    assert performance.child("core").pid == core.pid
    assert performance.end() == 0
    pans = [json.loads(line)["args"][0] for line in performance.lines()[1:]]
    assert pans == pytest.approx([*(k / 100 for k in range(1, sent + 1)), -0.5])


def test_a_front_that_hangs_is_replaced(play):
    performance = play()
    front = performance.child("front")
    front.suspend()
    performance.send("part1/pan", 0.5)
    performance.wait_for_complaint("the front ended")
    performance.wait_for_line("/gn/part1/pan")
    assert performance.child("front").pid != front.pid
    assert performance.end() == 0


def test_a_core_that_hangs_is_replaced(play):
    performance = play()
    core = performance.child("core")
    core.suspend()
    performance.wait_until_ready(times=2)
    assert performance.child("core").pid != core.pid
    assert performance.end() == 0
    assert performance.survivors() == []


def test_a_core_that_keeps_dying_is_given_up(play):
    performance = play()
    for k in range(4):
        performance.wait_until_ready(times=k + 1)
        performance.child("core").kill()
        wait_for(
            lambda k=k: (
                performance.complained.count("starting it again with the last state") > k
                or performance.process.poll() is not None
            ),
            "a restart",
        )
    assert performance.process.wait(20) == 1
    assert "the core ended 4 times within a minute" in performance.complained
    assert performance.survivors() == []


def test_a_killed_performance_leaves_a_whole_state_behind(play, home):
    performance = play()
    for k in range(40):
        performance.send("part1/gain", -k * 0.5)
        time.sleep(0.04)
    for process in (performance.process, performance.child("core"), performance.child("front")):
        os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not performance.survivors(), "the end of all", 15)
    state = json.loads((home / "last.json").read_text())
    assert state["schema"] == "ghostnote-state"
    assert [p.name for p in home.iterdir() if not p.name.endswith(".part")] == ["last.json"]


def test_a_model_loaded_while_playing_is_there_after_a_crash(play, tmp_path):
    other = build_bundle(tmp_path / "other", seed=9, latent_size=16, name="other")
    performance = play()
    performance.send("part1/hit", 0.5)
    performance.send("model/load", str(tmp_path / "nonesuch"))
    performance.send("model/load", str(other))
    performance.wait_for_line("/gn/model/load")
    performance.wait_for_complaint("nonesuch")
    assert performance.ask("model/load") == "other"
    assert len(performance.ask("slot/a/z")) == 16
    time.sleep(1.5)
    performance.child("core").kill()
    performance.wait_until_ready(times=2)
    assert performance.ask("model/load") == "other"
    performance.send("part1/hit", 0.5)
    performance.sync()
    assert performance.end() == 0
    assert performance.said.count("model other") == 1
    loads = [e.args for e in read_log(performance.log).entries if e.target.name == "model/load"]
    assert loads == [(str(other),)]
