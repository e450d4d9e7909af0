"""Shortfalls beside stalls: what counts as beside, what would be by chance, and what is said of it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.bench.attribution import Stalls, attribute, shortfalls_of
from ghostnote.bench.result import Section
from ghostnote.bench.stalls import WITHIN_S, beside, inside, per_second, set_beside
from ghostnote.bench.watch import Shortfall, Slow

RUN = (100.0, 110.0)
REST = (97.0, 100.0)
times = st.floats(RUN[0], RUN[1], allow_nan=False).map(lambda t: round(t, 6))
spans = st.lists(st.tuples(times, st.floats(0.0, 0.05)).map(lambda p: (p[0], p[0] + p[1])), max_size=20)


def short(noticed: float, lasted: float = 0.01, part: str = "render", cpu: float = 0.004) -> Shortfall:
    return Shortfall(noticed, Slow(part, noticed - lasted, noticed, cpu))


def attributed(shortfalls, bare=(), server=(), silent=(), **more) -> Section:
    section = Section("soak", "how")
    attribute(section, shortfalls, Stalls(bare, server, silent), RUN, REST, **more)
    return section


def test_beside_reaches_twenty_milliseconds_both_ways():
    stalls = [(105.0, 105.5)]
    near = [(105.519, 105.53), (104.9, 104.981), (105.2, 105.3), (104.0, 106.0)]
    far = [(105.521, 105.53), (104.9, 104.979)]
    assert beside(near + far, stalls) == [True] * 4 + [False] * 2
    assert beside(near, []) == [False] * 4


@given(spans, spans)
def test_every_shortfall_is_either_beside_a_stall_or_own(shorts, stalls):
    found = set_beside(shorts, stalls, RUN)
    assert found.beside + found.own == found.total == len(shorts)
    assert 0.0 <= found.by_chance <= len(shorts) + 1e-9
    more = set_beside(shorts, [*stalls, (104.0, 104.1)], RUN)
    assert more.beside >= found.beside, "another stall can only explain more"
    assert more.by_chance >= found.by_chance - 1e-9


def test_chance_is_the_share_of_time_beside_stalls():
    every_tenth = [(100.0 + k / 10 + 0.05, 100.0 + k / 10 + 0.05) for k in range(100)]
    found = set_beside([(103.0, 103.0)] * 10, every_tenth, RUN)
    assert found.by_chance == pytest.approx(10 * 2 * WITHIN_S / 0.1, rel=1e-6)
    longer = set_beside([(103.0, 103.02)] * 10, every_tenth, RUN)
    assert longer.by_chance == pytest.approx(10 * (2 * WITHIN_S + 0.02) / 0.1, rel=1e-6)
    assert set_beside([(103.0, 103.1)] * 10, every_tenth, RUN).by_chance == pytest.approx(10.0, rel=0.01)


def test_rates_and_what_touches_a_run():
    stalls = [(99.0, 99.5), (99.9, 100.1), (105.0, 105.1), (110.0, 110.1), (120.0, 121.0)]
    assert per_second(stalls, RUN) == pytest.approx(0.1)
    assert math.isnan(per_second(stalls, (5.0, 5.0)))
    assert inside(stalls, RUN) == stalls[1:4]


def test_a_run_without_shortfalls_meets_the_goal():
    section = attributed([], server=[(101.0, 101.0)])
    assert section.numbers["dropouts_seen"] == section.numbers["dropouts_own"] == 0.0
    assert [goal.met for goal in section.goals] == [True]
    assert "slowest before a dropout" not in section.tables


def test_shortfalls_with_no_stall_beside_them_are_the_engines_own():
    section = attributed([short(102.0), short(105.0), short(108.0)], bare=[(104.98, 104.99)])
    numbers = section.numbers
    assert (numbers["dropouts_seen"], numbers["dropouts_beside_a_stall"], numbers["dropouts_own"]) == (
        3,
        1,
        2,
    )
    (goal,) = section.goals
    assert goal.value == 2.0
    assert not goal.met
    assert any(
        "3 shortfalls, 1 of them beside a stall" in n and "2 the engine's own" in n for n in section.notes
    )


def test_rare_stalls_beside_every_shortfall_explain_them():
    moments = [101.0, 103.0, 106.0]
    section = attributed([short(t) for t in moments], server=[(t, t) for t in moments])
    (goal,) = section.goals
    assert goal.value == 0.0
    assert goal.met


def test_stalls_all_the_time_leave_it_undecided_and_the_goal_missed():
    """With one every 30 ms any moment has one beside it; that must not count as an excuse."""
    section = attributed([short(103.0)] * 4, server=[(100.0 + 0.03 * k,) * 2 for k in range(333)])
    assert section.numbers["dropouts_own"] == 0.0
    assert section.numbers["dropouts_beside_by_chance"] == pytest.approx(4.0, rel=0.02)
    (goal,) = section.goals
    assert not goal.met
    assert math.isnan(goal.value)
    assert "not decided" in " ".join(section.notes)


def test_each_kind_of_stall_has_its_row_with_its_rate_at_rest():
    section = attributed(
        [short(105.0)],
        bare=[(98.0, 98.1), (105.0, 105.1)],
        server=[(105.0, 105.0), (106.0, 106.0)],
        silent=[(107.0, 107.02)],
    )
    rows = {row["stalls"]: row for row in section.tables["stalls"]}
    assert list(rows) == ["bare", "server", "silent", "bare or server"]
    assert [row["in the run"] for row in rows.values()] == [1, 2, 1, 3]
    assert [row["dropouts beside"] for row in rows.values()] == [1, 1, 0, 1]
    assert rows["bare"]["a second at rest"] == pytest.approx(1 / 3)
    assert rows["server"]["a second at rest"] == 0.0
    assert rows["server"]["a second"] == pytest.approx(0.2)


def test_the_slowest_steps_are_told_apart_by_clock_processor_and_system():
    shortfalls = [short(102.0, 0.010, "render", 0.009), short(103.0, 0.030, "wait", 0.001)]
    section = attributed(shortfalls, set_aside_s=lambda span: 0.5 * (span[1] - span[0]))
    rows = {row["slowest step"]: row for row in section.tables["slowest before a dropout"]}
    assert set(rows) == {"render", "wait"}
    assert rows["render"]["p50 ms"] == pytest.approx(10.0)
    assert rows["render"]["p50 ms of processor"] == pytest.approx(9.0)
    assert rows["wait"]["max ms"] == pytest.approx(30.0)
    assert rows["wait"]["p50 ms set aside"] == pytest.approx(15.0)
    json.dumps(section.as_dict())


def test_the_beats_of_a_watched_core_carry_the_record():
    entry = {"noticed": 104.0, "slow": {"part": "wait", "began": 103.9, "ended": 104.0, "cpu_s": 0.001}}
    outside = {**entry, "noticed": 99.0}
    found = shortfalls_of([{"counters": {}}, {"shortfalls": [outside, entry]}, {"shortfalls": []}], RUN)
    assert found == [Shortfall(104.0, Slow("wait", 103.9, 104.0, 0.001))]
    assert found[0].span == (103.9, 104.0)
