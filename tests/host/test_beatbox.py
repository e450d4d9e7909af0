"""Beatbox in the core: what shared memory tells of the input becomes hits and captures, in virtual time."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from core.enginekit import Bench
from ghostnote.decode.model import load
from ghostnote.ears.beatbox import Sighting
from ghostnote.host.beatbox import STEADY_S, Beatbox, classes_of
from ghostnote.host.ears_memory import MOST_CLASSES, SIGHTINGS, EarsMemory, ears_bytes

CLASSES = ("kick", "snare", "hat")


@pytest.fixture(scope="module")
def model(bundle):
    return load(bundle)


class Tasks:
    """Keeps what is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple]] = []

    def put(self, task) -> None:
        self.asked.append((task.target.addr, task.args))


class Box:
    """A core's beatbox and the ears' end of its memory."""

    def __init__(self, model) -> None:
        shared = mmap.mmap(-1, ears_bytes())
        self.ears = EarsMemory(shared)
        self.bench, self.tasks = Bench(model), Tasks()
        self.beatbox = Beatbox(self.bench.engine, self.tasks, EarsMemory(shared), CLASSES)

    def set(self, **values) -> None:
        for name, value in values.items():
            self.bench.now(f"beatbox/{name}", value)
        self.bench.quanta(1)

    def hear(
        self,
        at: float,
        *p: float,
        age_s: float = 0.03,
        took_s: float = 0.002,
        peak: float = 0.25,
        final=False,
    ):
        probabilities = np.array(p, dtype=np.float32)
        self.ears.add_sighting(Sighting(at, age_s, at + age_s + 0.002, peak, final, probabilities))
        return [(event.addr, *event.args) for event in self.beatbox.events()]

    def count(self, name: str) -> int:
        return self.beatbox.readings[f"/gn/beatbox/{name}"]()


@pytest.fixture
def box(model) -> Box:
    return Box(model)


def test_off_does_nothing_and_what_was_heard_then_does_not_play_later(box):
    assert box.hear(1.0, 0.9, 0.1, 0.0) == []
    box.set(mode="play")
    assert not box.beatbox.events()
    box.beatbox.over({"number": 1, "at": 1.0, "probabilities": [1.0, 0.0, 0.0]})
    assert box.tasks.asked == []


def test_each_class_plays_its_part_as_hard_as_it_was(box):
    box.set(mode="play", level=-12.0)
    ((addr, hard),) = box.hear(1.0, 0.9, 0.1, 0.0, peak=10 ** (-12 / 20))
    assert (addr, hard) == ("/gn/part1/hit", pytest.approx(1.0))
    ((addr, soft),) = box.hear(2.0, 0.1, 0.9, 0.0, peak=10 ** (-32 / 20))
    assert (addr, soft**2) == ("/gn/part2/hit", pytest.approx(0.1, rel=1e-3))
    assert box.count("hits") == 2


def test_the_first_answer_that_is_sure_enough_plays_and_later_ones_change_nothing(box):
    box.set(mode="play", confidence=0.5)
    assert box.hear(1.0, 0.4, 0.3, 0.3) == []
    assert [hit[0] for hit in box.hear(1.0, 0.2, 0.6, 0.2, age_s=0.06)] == ["/gn/part2/hit"]
    assert box.hear(1.0, 0.9, 0.1, 0.0, age_s=0.12) == []
    assert box.hear(1.0, 0.9, 0.1, 0.0, age_s=0.5, final=True) == []
    assert (box.count("hits"), box.count("ignored")) == (1, 0)
    assert box.hear(2.0, 0.4, 0.3, 0.3) == box.hear(2.0, 0.4, 0.3, 0.3, age_s=0.5, final=True) == []
    assert box.count("ignored") == 1


def test_a_hit_counts_as_asked_for_a_steady_while_after_what_it_needed_was_in(box):
    box.set(mode="play")
    for at, took_s, wanted in ((1.0, 0.001, STEADY_S), (2.0, 0.004, STEADY_S), (3.0, 0.009, 0.009)):
        seen = Sighting(at, 0.03, at + 0.03 + took_s, 0.5, False, np.array([1.0, 0, 0], dtype=np.float32))
        box.ears.add_sighting(seen)
        (event,) = box.beatbox.events()
        assert event.received == pytest.approx(at + 0.03 + wanted)
        assert event.due is None


def test_clocks_that_disagree_hold_a_hit_up_by_no_more_than_that(box):
    box.set(mode="play")
    box.ears.add_sighting(Sighting(9.0, 0.03, 1.0, 0.5, False, np.array([1.0, 0, 0], dtype=np.float32)))
    (event,) = box.beatbox.events()
    assert event.received == pytest.approx(1.0 + STEADY_S)


def test_own_hits_neither_play_nor_are_learnt(box):
    box.set(mode="both", guard=0.05)
    box.beatbox.own_hit(1.0)
    assert box.hear(1.01, 0.9, 0.1, 0.0) == []
    box.beatbox.over({"number": 1, "at": 1.01, "probabilities": [1.0, 0.0, 0.0]})
    assert box.tasks.asked == []
    assert box.count("ignored") == 1
    box.set(guard=0.0)
    assert len(box.hear(2.01, 0.9, 0.1, 0.0)) == 1


def test_the_last_answer_says_which_part_learns(box):
    box.set(mode="both", confidence=0.5)
    assert [hit[0] for hit in box.hear(1.0, 0.9, 0.1, 0.0)] == ["/gn/part1/hit"]
    box.beatbox.over({"number": 7, "at": 1.0, "probabilities": [0.2, 0.7, 0.1]})
    assert box.tasks.asked == [("/gn/part2/capture", (1.0, 7))]
    box.beatbox.over({"number": 8, "at": 2.0, "probabilities": [0.4, 0.3, 0.3]})
    assert len(box.tasks.asked) == 1
    assert box.count("learnt") == 1


def test_learning_alone_plays_nothing_and_playing_alone_learns_nothing(box):
    box.set(mode="learn")
    assert box.hear(1.0, 0.9, 0.1, 0.0) == []
    box.beatbox.over({"number": 7, "at": 1.0, "probabilities": [0.3, 0.3, 0.3]})
    assert box.count("ignored") == 1
    box.set(mode="play")
    box.beatbox.over({"number": 7, "at": 1.0, "probabilities": [0.9, 0.1, 0.0]})
    assert box.tasks.asked == []


def test_classes_go_where_they_were_sent_and_the_map_says_so(box):
    assert box.beatbox.readings["/gn/beatbox/map"]() == ("kick:1", "snare:2", "hat:3")
    box.set(mode="play", class1=5, class3=0)
    assert box.beatbox.readings["/gn/beatbox/map"]() == ("kick:5", "snare:2", "hat:0")
    assert [hit[0] for hit in box.hear(1.0, 0.9, 0.1, 0.0)] == ["/gn/part5/hit"]
    assert [hit[0] for hit in box.hear(2.0, 0.1, 0.4, 0.5)] == ["/gn/part2/hit"]
    box.set(class1=-1)
    assert box.beatbox.parts() == (1, 2, 0)


def test_without_an_input_it_says_so_once_for_each_time_it_is_turned_on(model):
    bench = Bench(model)
    deaf = Beatbox(bench.engine, Tasks(), None, ())
    for mode, told in (("off", 0), ("play", 1), ("play", 1), ("off", 1), ("learn", 2)):
        bench.now("beatbox/mode", mode)
        bench.quanta(1)
        assert deaf.events() == ()
        assert bench.counts.get("beatbox_deaf", 0) == told
    assert any("play --listen INPUT" in report.text for report in bench.telemetry.take_reports())


def test_more_answers_than_fit_cost_the_oldest_and_more_classes_than_fit_the_last(box):
    box.set(mode="play", hold=0.0)
    for k in range(SIGHTINGS + 5):
        box.ears.add_sighting(
            Sighting(float(k), 0.03, k + 0.04, 0.5, False, np.array([0, 1.0, 0], dtype=np.float32))
        )
    assert len(box.beatbox.events()) == SIGHTINGS
    many = np.full(MOST_CLASSES + 9, 1.0 / MOST_CLASSES, dtype=np.float32)
    box.ears.add_sighting(Sighting(99.0, 0.03, 99.04, 0.5, False, many))
    memory = EarsMemory(mmap.mmap(-1, ears_bytes()))
    memory.add_sighting(Sighting(1.0, 0.03, 1.04, 0.5, True, many))
    (seen,) = memory.new_sightings()
    assert (seen.at, seen.final, len(seen.probabilities)) == (1.0, True, MOST_CLASSES)
    assert memory.new_sightings() == []


def test_a_core_that_takes_over_does_not_play_what_was_heard_before(model):
    shared = mmap.mmap(-1, ears_bytes())
    EarsMemory(shared).add_sighting(
        Sighting(1.0, 0.03, 1.04, 0.5, False, np.array([1.0, 0, 0], dtype=np.float32))
    )
    bench = Bench(model)
    beatbox = Beatbox(bench.engine, Tasks(), EarsMemory(shared), CLASSES)
    bench.now("beatbox/mode", "play")
    bench.quanta(1)
    assert not beatbox.events()


def test_a_model_that_is_not_there_has_no_classes(tmp_path):
    assert classes_of(str(tmp_path / "none")) == ()
