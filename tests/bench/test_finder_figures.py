"""The section on the library while playing: every figure is measured, on a small scale; none is asserted."""

from __future__ import annotations

import math

import pytest

from ghostnote.bench import finder, sections
from ghostnote.bench.options import BenchOptions
from ghostnote.bench.stalls import Beside

pytestmark = pytest.mark.flaky(reruns=1)  # processes: the scheduler has a say in them


@pytest.fixture
def small(monkeypatch):
    for name, value in {"SOUNDS": 300, "QUESTIONS": 5, "TURNS": 1}.items():
        monkeypatch.setattr(finder, name, value)


def test_every_figure_is_measured(tiny, small):
    section = sections.measure("finder", BenchOptions(str(tiny), seconds=2.0))
    assert section.skipped is None, section.skipped
    assert section.figures["neighbours_ms"].count == section.control["ping_ms"].count == 5
    assert section.figures["neighbours_ms"].p50 > 0.0
    dropouts = {
        f"dropouts_{what}{kind}"
        for what in ("", "own_", "beside_by_chance_")
        for kind in ("at_rest", "loading")
    }
    assert set(section.numbers) == {"start_to_first_answer_s", "loads", *dropouts}
    assert all(math.isfinite(value) and value >= 0.0 for value in section.numbers.values())
    assert section.numbers["loads"] >= 1.0, "the library was loaded while it played"


def test_turns_are_summed_and_the_goal_is_that_of_loading(tiny, small, monkeypatch):
    monkeypatch.setattr(finder, "TURNS", 2)
    given = iter([Beside(5, 1, 0.1), Beside(2, 0, 0.1)] * 2)
    monkeypatch.setattr(finder, "_turn", lambda *rest: next(given))
    section = sections.measure("finder", BenchOptions(str(tiny), seconds=0.2))
    assert section.skipped is None, section.skipped
    numbers = section.numbers
    assert (numbers["dropouts_at_rest"], numbers["dropouts_own_at_rest"]) == (10.0, 8.0)
    assert (numbers["dropouts_loading"], numbers["dropouts_own_loading"]) == (4.0, 4.0)
    (goal,) = section.goals
    assert (goal.value, goal.met) == (4.0, False)
