"""The section about subscribers, for a moment: all is sent, heard and counted, with and without MIDI."""

from __future__ import annotations

import math
import os
import threading
import time

import pytest

from ghostnote.bench import machine, sections, subscribers
from ghostnote.bench.jack_server import JackServer, UnavailableError
from ghostnote.bench.options import BenchOptions

COSTS = {
    "load_without",
    "load_with",
    "added_load",
    "load_differs_by_chance",
    "dropouts",
    "dropouts_own",
    "dropouts_beside_by_chance",
    "control_dropouts",
}


ATTEMPTS = 2
"""On a machine so busy that its JACK server connects nobody for a minute, it is tried again."""


@pytest.fixture(autouse=True)
def briefly(monkeypatch):
    monkeypatch.setattr(subscribers, "SETTLE_S", 0.5)
    monkeypatch.setattr(subscribers, "ROUNDS", 2)


@pytest.mark.jack
def test_midi_and_osc_are_heard_and_the_cost_is_counted(tiny, needs_jack):
    for _ in range(ATTEMPTS):
        section = sections.measure("feedback", BenchOptions(str(tiny), hits=10, seconds=1.0))
        assert section.skipped is None
        if "midi_to_subscriber_ms" in section.figures:
            break
    assert "midi_to_subscriber_ms" in section.figures, "\n".join(section.notes)
    assert section.figures["osc_to_subscriber_ms"].count >= 9
    heard = section.figures["midi_to_subscriber_ms"].count
    assert heard >= 5
    assert section.numbers["midi_not_heard"] == 10 - heard
    assert section.control["echo_ms"].count == 10
    assert section.control["probe_wake_late_ms"].count > 0
    assert set(section.numbers) == COSTS | {"midi_not_heard"}
    assert section.numbers["load_without"] > 0.0
    goal, cost, dropouts = section.goals
    assert (goal.value, goal.limit) == (section.figures["midi_to_subscriber_ms"].p95, 40.0)
    assert (cost.value, cost.limit) == (section.numbers["added_load"], 0.03)
    assert dropouts.limit == 0.0
    assert math.isnan(dropouts.value) or dropouts.value == section.numbers["dropouts_own"]
    assert section.numbers["dropouts_own"] <= section.numbers["dropouts"]
    assert section.numbers["control_dropouts"] >= 0.0


def test_without_a_server_the_rest_is_measured_and_the_goal_is_not_met(tiny, monkeypatch):
    def missing(self):
        raise UnavailableError("jackd is not installed")

    monkeypatch.setattr(JackServer, "__enter__", missing)
    section = sections.measure("feedback", BenchOptions(str(tiny), hits=10, seconds=0.5))
    assert section.skipped is None
    assert section.figures["osc_to_subscriber_ms"].count >= 9
    assert set(section.numbers) == COSTS
    assert math.isnan(section.goals[0].value)
    assert not section.goals[0].met
    assert any("jackd is not installed" in note for note in section.notes)


def test_processor_time_counts_all_threads_and_only_work():
    def work() -> None:
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass

    before, alone = machine.cpu_s(os.getpid()), time.thread_time()
    over = threading.Event()
    worker = threading.Thread(target=lambda: (work(), over.wait(60)))
    worker.start()
    deadline = time.monotonic() + 60.0
    while machine.cpu_s(os.getpid()) - before < 0.19 and time.monotonic() < deadline:
        time.sleep(0.01)
    used = machine.cpu_s(os.getpid()) - before
    assert 0.19 <= used <= 1.0 + time.thread_time() - alone
    over.set()
    worker.join()
