"""What `ghostnote play` and its core say of themselves when the bench runs them, and what is sent to them."""

from __future__ import annotations

import json
import os
import time

import pytest

from ghostnote.bench.core_process import CoreProcess
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.memory import resident_of
from ghostnote.bench.player import Player, child_env, message
from ghostnote.bench.soak import WATCHED


def test_a_message_is_osc():
    assert message("/gn/part1/hit", 0.5) == b"/gn/part1/hit\0\0\0,f\0\0\x3f\0\0\0"
    assert message("/gn/hush") == b"/gn/hush\0\0\0\0,\0\0\0"


def test_a_child_finds_the_same_program_and_says_at_once_what_it_says():
    env = child_env({"HOME": "here", "PYTHONPATH": "first"})
    assert env["HOME"] == "here"
    assert env["PYTHONPATH"].split(os.pathsep)[0] == "first"
    assert env["PYTHONUNBUFFERED"] == "1"


def test_the_instrument_plays_says_its_counts_and_is_gone(tiny):
    with Player(str(tiny), os.environ, ("--device", "null")) as player:
        player.send(message("/gn/part1/hit", 0.8))
        found = resident_of(player.pid)
        time.sleep(0.5)  # the core tells its counters four times a second
    dropouts, late = player.end()
    assert dropouts >= 0
    assert late >= 0
    assert set(found) == {"supervisor", "core", "front"}
    assert found["core"].all_mb > found["front"].all_mb
    with pytest.raises(ProcessLookupError):
        os.kill(player.pid, 0)


def test_an_instrument_that_does_not_start_says_why():
    with (
        pytest.raises(UnavailableError, match=r"did not start; it said: .*no-such-model"),
        Player("no-such-model", os.environ, ("--device", "null")),
    ):
        pass


def test_an_instrument_that_was_killed_has_no_counts(tiny):
    with Player(str(tiny), os.environ, ("--device", "null")) as player:
        os.kill(player.pid, 9)
        assert player.end() == (-1, -1)


def test_a_watched_core_speaks_as_a_core_does_and_says_more(tiny):
    with CoreProcess(str(tiny), None, "none", module=WATCHED, device="null") as core:
        assert core.running
        first = core.counters()
        second = core.counters()
        thread = core.beats[-1]["render_thread"]
        assert os.path.isdir(f"/proc/{core.pid}/task/{thread}") or not os.path.isdir("/proc/self")
    assert not core.running
    assert second["blocks"] > first["blocks"] >= 0
    assert {"shortfalls", "load", "peak_load"} <= set(second)
    assert all(isinstance(beat["shortfalls"], list) for beat in core.beats)
    json.dumps(core.beats)


def test_a_core_that_cannot_play_says_why():
    with (
        pytest.raises(UnavailableError, match=r"does not play: .*no-such-model"),
        CoreProcess("no-such-model", None, "none", device="null"),
    ):
        pass
