"""What belongs to a process and what it shares, and what is said of the goal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ghostnote.bench import memory as module
from ghostnote.bench.memory import Resident, report, resident, resident_of, status_mb
from ghostnote.bench.result import Section

STATUS = """Name:\tpython
VmRSS:\t  355000 kB
RssAnon:\t   95000 kB
RssFile:\t   50000 kB
RssShmem:\t  210000 kB
VmData:\t  500000 kB
"""


def test_the_systems_kilobytes_are_1024_bytes():
    found = status_mb(STATUS)
    assert found == pytest.approx({"anon_mb": 97.28, "file_mb": 51.2, "shared_mb": 215.04})
    assert status_mb("Name:\tpython\nVmRSS:\t 5 kB\n") == {}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_own_and_shared_make_up_what_is_resident():
    found = resident(os.getpid())
    assert found.own_mb is not None
    assert found.shared_mb is not None
    assert found.own_mb > 5.0
    assert found.all_mb == pytest.approx(found.own_mb + found.shared_mb)


def test_own_memory_grows_with_what_is_allocated_and_shared_does_not():
    before = resident(os.getpid())
    held = bytearray(os.urandom(1) * 40_000_000)
    after = resident(os.getpid())
    assert after.all_mb - before.all_mb > 30.0
    if before.own_mb is not None and after.own_mb is not None:
        assert after.own_mb - before.own_mb > 30.0
        assert after.shared_mb == pytest.approx(before.shared_mb, abs=5.0)
    del held


def test_a_system_that_does_not_tell_still_gives_the_whole(monkeypatch):
    monkeypatch.setattr(module, "status_mb", lambda text: {})
    found = resident(os.getpid())
    assert found.own_mb is None
    assert found.all_mb > 5.0
    section = Section("memory", "how")
    report(section, Resident(200.0), Resident(400.0), "after 60 s")
    assert [goal.met for goal in section.goals] == [False]
    assert section.notes[0] == "goal of 300 MB: all that is resident misses it (400 MB)"
    assert "does not tell" in section.notes[1]


@pytest.mark.parametrize(
    ("own", "shared", "met", "said"),
    [
        (149.0, 215.0, [False, True], "all that is resident misses it (364 MB), its own meets it (149 MB)"),
        (310.0, 215.0, [False, False], "all that is resident misses it (525 MB), its own misses it (310 MB)"),
        (140.0, 20.0, [True, True], "all that is resident meets it (160 MB), its own meets it (140 MB)"),
    ],
)
def test_the_goal_is_judged_on_both_and_says_which_meets_it(own, shared, met, said):
    section = Section("memory", "how")
    report(section, Resident(120.0, 90.0, 30.0), Resident(own + shared, own, shared), "after 60 s")
    assert [goal.met for goal in section.goals] == met
    assert all(goal.limit == 300.0 and goal.unit == "MB" for goal in section.goals)
    assert section.notes[0] == f"goal of 300 MB: {said}"
    assert section.numbers["core_own_mb"] == own
    assert section.numbers["core_shared_with_server_mb"] == shared
    assert section.numbers["core_at_start_mb"] == 120.0


def test_what_was_larger_counts():
    """The server's memory at the start, of a client that has gone since, is not forgotten."""
    section = Section("memory", "how")
    report(section, Resident(350.0, 135.0, 215.0), Resident(253.0, 146.0, 107.0), "after 60 s")
    assert [goal.value for goal in section.goals] == [350.0, 146.0]
    assert [goal.met for goal in section.goals] == [False, True]
    assert section.numbers["core_shared_with_server_at_start_mb"] == 215.0


@pytest.mark.skipif(sys.platform == "win32", reason="the launcher of a venv is a process of its own there")
def test_a_process_without_children_is_only_itself():
    assert set(resident_of(os.getpid())) >= {"supervisor"}
