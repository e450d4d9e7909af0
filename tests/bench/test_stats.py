"""Quantiles on known data, and goals that can be missed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ghostnote.bench.stats import Goal, Summary, hit_goals


def test_quantiles_are_values_that_were_seen():
    summary = Summary.of(np.arange(1.0, 101.0)[::-1])
    assert (summary.count, summary.p1, summary.p50, summary.p95, summary.p99, summary.max) == (
        100, 1.0, 50.0, 95.0, 99.0, 100.0,
    )  # fmt: skip
    assert summary.spread == 98.0


def test_one_outlier_in_a_thousand_shows_in_the_maximum_only():
    summary = Summary.of([5.0] * 999 + [80.0])
    assert summary.p99 == 5.0
    assert summary.max == 80.0


def test_what_was_not_measured_is_left_out():
    summary = Summary.of([math.nan, 3.0, math.inf, 1.0, 2.0])
    assert summary.count == 3
    assert summary.p50 == 2.0


def test_nothing_measured_is_an_error():
    with pytest.raises(ValueError, match="nothing was measured"):
        Summary.of([math.nan])


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "met"),
    [
        (8.0, 8.0, False, True),
        (8.01, 8.0, False, False),
        (22.0, 22.0, True, True),
        (21.9, 22.0, True, False),
        (math.nan, 8.0, False, False),
        (math.nan, 8.0, True, False),
        (math.inf, 8.0, True, False),
    ],
)
def test_goals(value, limit, at_least, met):
    assert Goal("x", value, limit, "ms", at_least).met is met


def test_hit_goals_are_about_median_tail_and_jitter():
    goals = hit_goals("OSC", Summary.of([6.0] * 50 + [7.0] * 48 + [8.5, 30.0]))
    assert [g.value for g in goals] == [6.0, 8.5, 2.5]
    assert all(g.met for g in goals)
    assert goals[0].as_dict()["met"] is True
