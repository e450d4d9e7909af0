"""The section about tagged hits, for a moment: all are sent, and found in the log."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.bench import conversation, sections
from ghostnote.bench.conversation import _off_a_line
from ghostnote.bench.options import BenchOptions


@pytest.fixture(autouse=True)
def briefly(monkeypatch):
    monkeypatch.setattr(conversation, "SETTLE_S", 0.5)


def test_tagged_hits_are_all_found_in_the_log(tiny):
    section = sections.measure("tags", BenchOptions(str(tiny), hits=20))
    assert section.skipped is None
    assert section.figures["timing_error_samples"].count == 20
    assert section.control["sleeping_error_samples"].count == 20
    assert [goal.what for goal in section.goals] == ["tagged hits, timing error, p99"]


def test_a_straight_line_is_no_error_and_a_bump_is_one():
    x = np.arange(100.0)
    assert _off_a_line(x, 5.0 + 1.0001 * x).max() < 1e-9
    bumped = 5.0 + 1.0001 * x
    bumped[50] += 0.5
    assert _off_a_line(x, bumped).max() == pytest.approx(0.5, rel=0.02)
