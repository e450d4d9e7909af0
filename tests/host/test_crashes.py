"""Processes that are killed while the performance runs: what goes on, what comes back, what is told."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from bundles import build_bundle
from ghostnote.core.control_log import read_log
from playing import PATIENCE_S, wait_for

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
    performance.wait_until_kept('"/gn/part1/gain": -7.5', '"/gn/part4/mode": "hold"', '"random ')
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
    assert log.entries[crash].t > times[addresses.index("/gn/part1/hit")]
    bridge = {entry.target.addr: entry.args for entry in log.entries[crash:]}
    assert bridge["/gn/part1/gain"] == (-7.5,)
    assert bridge["/gn/slot/b/point"][2:] == pytest.approx(slot)


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
    pans = [args[0] for _, args in performance.logged()]
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
    assert performance.process.wait(PATIENCE_S) == 1
    assert "the core ended 4 times within a minute" in performance.complained
    assert performance.survivors() == []


def test_a_killed_performance_leaves_a_whole_state_behind(play, home):
    performance = play()
    for k in range(40):
        performance.send("part1/gain", -k * 0.5)
        time.sleep(0.04)
    for process in (performance.process, performance.child("core"), performance.child("front")):
        os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not performance.survivors(), "the end of all")
    state = json.loads((home / "last.json").read_text())
    assert state["schema"] == "ghostnote-state"
    assert [p.name for p in home.iterdir() if not p.name.endswith(".part")] == ["last.json"]


def test_a_midi_map_loaded_while_playing_is_there_after_a_crash(play, tmp_path, home):
    """And not only on disk: the one that is saved afterwards is the one that was loaded."""
    row = {"in": {"kind": "cc", "channel": 1, "number": 20}, "to": "/gn/part1/pan"}
    head = {"schema": "ghostnote-midi-map", "version": 1, "device": {"match": "Knobs"}}
    (tmp_path / "mine.json").write_text(json.dumps({**head, "controls": [row]}))
    performance = play()
    performance.send("midi/map_load", str(tmp_path / "mine.json"))
    assert performance.receive("done") is not None
    performance.wait_until_kept("mine.json")
    performance.child("core").kill()
    performance.wait_until_ready(times=2)

    def saved() -> bool:
        performance.send("midi/map_save", "kept")
        return performance.receive("done", 1.0) is not None

    wait_for(saved, "the map to be saved")
    assert json.loads((home / "midi" / "kept.json").read_text())["controls"] == [row]
    assert performance.end() == 0


def test_a_model_loaded_while_playing_is_there_after_a_crash(play, tmp_path):
    other = build_bundle(tmp_path / "other", seed=9, latent_size=16, name="other")
    performance = play()
    performance.send("part1/hit", 0.5)
    performance.send("model/load", str(tmp_path / "nonesuch"))
    performance.send("model/load", str(other))
    performance.wait_for_line("/gn/model/use")
    performance.wait_for_complaint("nonesuch")
    assert performance.ask("model/load") == "other"
    assert len(performance.ask("slot/a/z")) == 16
    assert performance.ask("model/list") == ("other", "tiny")
    performance.send("part3/model", "nonesuch")
    performance.send("part4/model", "tiny")
    performance.send("slot/b/point", "tiny", "by hand", *[0.5] * 64)
    performance.wait_for_complaint("'nonesuch' is not loaded; loaded: other, tiny")
    assert performance.ask("part3/model") == ""
    performance.wait_until_kept('"/gn/part4/model": "tiny"')
    performance.child("core").kill()
    performance.wait_until_ready(times=2)
    assert performance.ask("model/load") == "other"
    assert performance.ask("model/list") == ("other", "tiny")
    assert performance.ask("part4/model") == "tiny"
    performance.send("part4/hit", 0.5)
    performance.sync()
    assert performance.end() == 0
    assert performance.said.count("model other") == 1
    loads = [e.args for e in read_log(performance.log).entries if e.target.name == "model/use"]
    points = [e.args for e in read_log(performance.log).entries if e.target.addr == "/gn/slot/b/point"]
    assert points[0] == points[-1] == ("tiny", "by hand", *[0.5] * 64)
    before, *again = [(Path(folder).name, main) for folder, main, *_ in loads]
    assert before == ("other", 1)
    assert again == [("other", 1), ("tiny", 0)], "the core that took its place has both"
