"""Counters and reports: each cause told once, nothing lost in the counts, no growth without end."""

from __future__ import annotations

import threading

import pytest

from ghostnote import telemetry
from ghostnote.telemetry import Telemetry


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(telemetry.time, "monotonic", lambda: now[0])
    return now


def test_counters_add_and_gauges_replace():
    told = Telemetry()
    told.count("a")
    told.count("a", 2)
    told.gauge("b", 1.5)
    told.gauge("b", 2.5)
    assert told.snapshot() == {"a": 3, "b": 2.5}


def test_a_cause_is_told_once_until_its_time_is_over(clock):
    told = Telemetry(hold_s=3.0)
    for _ in range(5):
        told.trouble("x", "it went wrong")
    assert [(r.text, r.count) for r in told.take_reports()] == [("it went wrong", 1)]
    clock[0] += 3.1
    told.trouble("x", "again")
    assert [(r.text, r.count) for r in told.take_reports()] == [("again", 5)]
    assert told.snapshot()["x"] == 6


def test_causes_do_not_hide_each_other(clock):
    told = Telemetry()
    told.trouble("x", "one")
    told.trouble("y", "two")
    assert [r.key for r in told.take_reports()] == ["x", "y"]
    assert told.take_reports() == []


def test_reports_are_bounded():
    told = Telemetry(hold_s=0.0, max_reports=10)
    for n in range(1000):
        told.trouble(f"cause{n}", str(n))
    assert [r.text for r in told.take_reports()] == [str(n) for n in range(990, 1000)]


def test_many_threads_count_exactly():
    told = Telemetry()
    threads = [threading.Thread(target=lambda: [told.count("n") for _ in range(2000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.snapshot() == {"n": 16000}
