"""When points are decoded and when they take effect, whatever the decoder does meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.core.decode_plan import MAX_ATTEMPTS, DecodePlan, Request
from ghostnote.telemetry import Telemetry

DELAY, SPACING = 8, 2
POINT = np.zeros(4, dtype=np.float32)


class Desk:
    """A decoder in the hands of a test: jobs are done, failed or left as it says."""

    def __init__(self) -> None:
        self.jobs: list[tuple[int, np.ndarray]] = []
        self.done: dict[int, np.ndarray] = {}
        self.failures: set[int] = set()
        self.room = True
        self.instant = True
        self.stalled = False

    def submit(self, job_id: int, z: np.ndarray, texture: np.ndarray, model: object = None) -> bool:
        if self.room:
            self.jobs.append((job_id, z))
            if self.instant:
                self.done[job_id] = z
        return self.room

    def collect(self, job_id: int) -> np.ndarray | None:
        return self.done.pop(job_id, None)

    def failed(self, job_id: int) -> bool:
        return job_id in self.failures


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def plan(desk, telemetry) -> DecodePlan:
    return DecodePlan(desk, DELAY, SPACING, telemetry)


def ask(plan: DecodePlan, key: int, value: float = 0.0) -> None:
    plan.ask(Request(("part", key), np.full(4, value, dtype=np.float32), POINT, value))


def run(plan: DecodePlan, first: int, last: int) -> list[tuple[int, int, object]]:
    """(quantum, key, ticket) of all that took effect in quanta first … last."""
    return [(q, r.key[1], r.ticket) for q in range(first, last + 1) for r, _ in plan.step(q)]


def test_a_result_takes_effect_exactly_after_the_delay(plan):
    ask(plan, 1)
    assert run(plan, 100, 130) == [(108, 1, 0.0)]
    assert plan.idle


def test_jobs_start_apart_and_in_order(plan):
    for key in (3, 1, 2):
        ask(plan, key)
    assert run(plan, 0, 30) == [(8, 3, 0.0), (10, 1, 0.0), (12, 2, 0.0)]


def test_the_latest_value_wins_until_it_has_started(plan, desk):
    ask(plan, 1, 0.1)
    ask(plan, 2, 0.0)
    ask(plan, 1, 0.2)
    run(plan, 0, 0)
    ask(plan, 1, 0.3)
    ask(plan, 1, 0.4)
    assert [ticket for _, key, ticket in run(plan, 1, 30) if key == 1] == [0.2, 0.4]
    assert len(desk.jobs) == 3


def test_a_slow_decoder_changes_nothing_as_long_as_it_is_in_time(plan, desk):
    desk.instant = False
    ask(plan, 1)
    run(plan, 0, 7)
    desk.done = dict(desk.jobs)
    assert run(plan, 8, 8) == [(8, 1, 0.0)]


def test_a_late_result_is_counted_and_used_when_it_comes(plan, desk, telemetry):
    desk.instant = False
    ask(plan, 1)
    assert run(plan, 0, 20) == []
    assert telemetry.snapshot()["decode_late"] == 1
    desk.done = dict(desk.jobs)
    assert run(plan, 21, 22) == [(21, 1, 0.0)]
    assert telemetry.snapshot()["decode_late"] == 1


def test_a_failed_job_is_tried_again_a_few_times(plan, desk, telemetry):
    """A single missed deadline must not leave a part on an old point for ever."""
    desk.instant = False
    ask(plan, 1)
    run(plan, 0, 0)
    desk.failures.add(1)
    assert run(plan, 1, 10) == []
    assert [job for job, _ in desk.jobs] == [1, 2]
    desk.instant = True
    desk.done = {2: POINT}
    assert run(plan, 11, 40) == [(17, 1, 0.0)]


def test_a_job_that_always_fails_is_given_up(plan, desk, telemetry):
    desk.instant = False
    desk.failures = set(range(100))
    ask(plan, 1)
    assert run(plan, 0, 100) == []
    assert len(desk.jobs) == MAX_ATTEMPTS
    assert telemetry.snapshot()["decode_failed"] == MAX_ATTEMPTS
    assert plan.idle


def test_a_failed_job_does_not_come_back_over_a_newer_one(plan, desk):
    desk.instant = False
    ask(plan, 1, 0.1)
    run(plan, 0, 0)
    ask(plan, 1, 0.2)
    run(plan, 1, 3)
    desk.failures.add(1)
    desk.done = {2: POINT}
    assert run(plan, 4, 40) == [(10, 1, 0.2)]
    assert len(desk.jobs) == 2


def test_a_full_decoder_keeps_requests_waiting(plan, desk, telemetry):
    desk.room = False
    ask(plan, 1)
    run(plan, 0, 9)
    assert not plan.idle
    desk.room = True
    assert run(plan, 10, 30) == [(18, 1, 0.0)]
    assert telemetry.snapshot()["decode_refused"] == 10


def test_stalled_only_while_something_is_awaited(plan, desk):
    desk.stalled = True
    desk.instant = False
    assert not plan.stalled
    ask(plan, 1)
    run(plan, 0, 1)
    assert plan.stalled
