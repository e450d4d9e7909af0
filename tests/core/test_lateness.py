"""A decoder that was late, failed, was full or stuck: a render of what the log says of it plays the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enginekit import Bench
from ghostnote.core.control_log import DECODE, format_line, read_log
from ghostnote.core.decode_plan import DecodePlan, Request
from ghostnote.core.engine import QUANTUM
from ghostnote.core.lateness import ACCEPTED, FAILED, LATE, REFUSED, STALLED, WAITS, Lateness
from ghostnote.core.render import RenderOptions, build_engine
from ghostnote.decode.worker import InlineDecoder
from ghostnote.errors import LogError
from ghostnote.telemetry import Telemetry

POINT = np.zeros(1, dtype=np.float32)
QUANTA = 60


def test_what_is_said_of_a_decode():
    late = Lateness([(108, WAITS, 8), (115, LATE, 15), (118, FAILED, 8), (120, WAITS, 8)])
    assert [q for q in range(100, 130) if late.waits(100, q)] == list(range(100, 115))
    assert not late.failed(100)
    assert (late.waits(110, 118), late.failed(110)) == (False, True)
    assert late.waits(112, 10**9), "it never came"
    assert (late.waits(101, 109), late.failed(101)) == (False, False), "of others nothing is said"


def test_spans_in_which_the_decoder_was_full_or_stuck():
    late = Lateness([(5, STALLED, 1), (6, REFUSED, 0), (8, STALLED, 0), (9, ACCEPTED, 0), (12, STALLED, 1)])
    assert [q for q in range(20) if late.stalled(q)] == [5, 6, 7, *range(12, 20)]
    assert [q for q in range(20) if late.refuses(q)] == [6, 7, 8]


class Moody:
    """A decoder whose every answer is drawn: `moods` are for one job after another."""

    def __init__(self, moods: list[tuple[int, bool]], full: set[int], stuck: set[int]) -> None:
        self._moods, self._full, self._stuck = moods, full, stuck
        self._jobs: dict[int, tuple[int, bool]] = {}
        self.quantum = 0

    def submit(self, job_id, z, texture, model=None) -> bool:
        if self.quantum in self._full:
            return False
        takes, works = self._moods[len(self._jobs) % len(self._moods)]
        self._jobs[job_id] = (self.quantum + takes, works)
        return True

    def _is_over(self, job_id: int) -> bool:
        return self.quantum >= self._jobs[job_id][0]

    def collect(self, job_id):
        return POINT if self._is_over(job_id) and self._jobs[job_id][1] else None

    def failed(self, job_id) -> bool:
        return self._is_over(job_id) and not self._jobs[job_id][1]

    def discard(self, job_id) -> None:
        del self._jobs[job_id]

    @property
    def stalled(self) -> bool:
        return self.quantum in self._stuck


def played(plan: DecodePlan, decoder: Moody, asked: list[tuple[int, int]]) -> list[tuple[object, ...]]:
    """What took effect in each quantum, and whether notes had to fade."""
    seen: list[tuple[object, ...]] = []
    for quantum in range(QUANTA):
        decoder.quantum = quantum
        for k, (at, key) in enumerate(asked):
            if at == quantum:
                plan.ask(Request(("part", key), POINT, POINT, k))
        taken = [(request.key, request.ticket, request.attempts) for request, _ in plan.step(quantum)]
        seen.append((quantum, taken, plan.stalled))
    return seen


QUANTUM_NUMBERS = st.integers(0, QUANTA - 1)


@given(
    moods=st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=12),
    full=st.sets(QUANTUM_NUMBERS, max_size=30),
    stuck=st.sets(QUANTUM_NUMBERS, max_size=30),
    asked=st.lists(st.tuples(QUANTUM_NUMBERS, st.integers(1, 3)), max_size=30),
)
def test_whatever_a_decoder_does_it_can_be_done_again(moods, full, stuck, asked):
    moody, told, now = Moody(moods, full, stuck), [], []
    plan = DecodePlan(
        moody, 8, 2, Telemetry(), lambda word, number: told.append((moody.quantum, word, number))
    )
    now = played(plan, moody, asked)
    steady = Moody([(0, True)], set(), set())
    again = DecodePlan(steady, 8, 2, Telemetry())
    again.again = Lateness(told)
    assert played(again, steady, asked) == now
    if all(takes <= 8 and works for takes, works in moods) and not full and not stuck:
        assert told == [], "what is on time needs no words"


class Worker(InlineDecoder):
    """Decodes, but moods say when that is there and whether it works; between two quanta it is stuck."""

    def __init__(self, moods: list[tuple[int, bool]], stuck: range) -> None:
        super().__init__(None, Telemetry(), max_pending=1000)
        self._moods, self._stuck = moods, stuck
        self._due: dict[int, tuple[int, bool]] = {}
        self.quantum = 0

    def submit(self, job_id, z, texture, model=None) -> bool:
        takes, works = self._moods[len(self._due) % len(self._moods)]
        self._due[job_id] = (self.quantum + takes, works)
        return super().submit(job_id, z, texture, model)

    def collect(self, job_id):
        at, works = self._due[job_id]
        return super().collect(job_id) if works and self.quantum >= at else None

    def failed(self, job_id) -> bool:
        at, works = self._due[job_id]
        return not works and self.quantum >= at

    @property
    def stalled(self) -> bool:
        return self.quantum in self._stuck


@pytest.mark.parametrize(
    ("moods", "stuck"),
    [
        ([(0, True), (25, True), (14, True)], range(0)),
        ([(3, False), (20, True), (12, False)], range(0)),
        ([(60, True), (2, True)], range(30, 80)),
    ],
    ids=["slow", "failing", "stuck"],
)
def test_a_render_of_what_was_played_has_the_same_samples(model, tmp_path, moods, stuck):
    worker = Worker(moods, stuck)
    bench = Bench(model, worker)
    heard = []
    for k in range(120):
        worker.quantum = k
        if k % 12 == 1:
            bench.now(f"part{k % 3 + 1}/axis/d1", k / 100)
            bench.now(f"part{k % 3 + 1}/hit", 0.7)
        heard.append(bench.quanta(1))
    path = tmp_path / "played.jsonl"
    rate = model.spec.sample_rate
    path.write_text("\n".join(format_line(a.at / rate, a.addr, a.args) for a in bench.applied))
    log = read_log(path)
    assert log.decodes, "it was late"

    def render(as_played: bool) -> np.ndarray:
        options = RenderOptions(decode_delay=8, as_played=as_played)
        engine = build_engine(model, log, options, Telemetry())
        return np.concatenate([engine.render_quantum().copy() for _ in range(len(heard))])

    assert np.array_equal(render(as_played=True), np.concatenate(heard))
    assert not np.array_equal(render(as_played=False), np.concatenate(heard)), "as it should have been"
    assert len(heard[0]) == QUANTUM


@pytest.mark.parametrize("args", [[], ["late"], ["later", 3], ["late", -1], ["late", 0.5], ["late", 10**12]])
def test_a_line_that_says_nonsense_of_a_decode_is_named(tmp_path, args):
    path = tmp_path / "log.jsonl"
    path.write_text(format_line(0.0, DECODE, args))
    with pytest.raises(LogError, match="line 1: one of waits, late, failed"):
        read_log(path)
