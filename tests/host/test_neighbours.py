"""Neighbours told, put into slots and stepped through, with a finder that always has the same ones."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bundles import build_bundle
from core.enginekit import Bench, entry, rendered
from ghostnote.control.inbox import Inbox
from ghostnote.core import model_change
from ghostnote.core.decode_plan import DecodeTiming
from ghostnote.core.tasks import Task, Tasks
from ghostnote.decode.model import load
from ghostnote.errors import MessageError
from ghostnote.features import audio_file
from ghostnote.features.stft import magnitudes
from ghostnote.host import neighbours as module
from ghostnote.host.finding import FinderLine
from ghostnote.host.neighbours import Neighbours
from ghostnote.state.registry import check, resolve
from playing import wait_for
from soundfolders import fill, hit, recording, write

FILES = [f"n{k}.wav" for k in range(1, 7)]


class Stand:
    """An engine, its tasks, and a finder whose neighbours are always the same files; driven by hand."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.bench = Bench(load(bundle))
        self.engine = self.bench.engine
        self.rows = [[str(folder / name), 0.0, 1.0 + k, "kick", 0.0] for k, name in enumerate(FILES)]
        self.asked: list[dict] = []
        self.inbox = Inbox(self.bench.telemetry)
        self.tasks = Tasks(self.engine.model, self.inbox, self.bench.telemetry)
        self.tasks.engine = self.engine
        self.told: list[tuple] = []
        self.tasks.notify = lambda *notice: self.told.append(notice[1:])
        self.answers: list[tuple] = []
        self.refusal: dict | None = None
        self.line = FinderLine(self._find)
        self.neighbours = Neighbours(self.engine, self.tasks, self.line, folder / "heard")
        self.neighbours.answer = self._answer
        self.tasks.start()
        self.bench.quanta(2)

    def _find(self, question: dict) -> None:
        self.asked.append(question)
        answer = {"neighbours": self.rows[: question["n"]]} if self.refusal is None else self.refusal
        self.line.told({**answer, "id": question["id"]})

    def _answer(self, source: str, messages) -> int:
        self.answers += messages
        return len(messages) if source else 0

    def do(self, addr: str, *args, request: int = 0) -> tuple:
        """Carry a command out and let it take effect; the code and text that its author is told."""
        target = resolve(f"/gn/{addr}")
        fitted = check(target, args)[0]
        self.tasks.put(Task(target, fitted, "osc:127.0.0.1:5000", time.monotonic(), request))
        wait_for(lambda: self.tasks.settled(time.monotonic()), "the end of the task")
        for event in self.inbox.drain():
            self.engine.schedule(self.engine.now, resolve(event.addr), event.args, event.source)
        self.inbox.drain()
        self.bench.quanta(3)
        (addr, code, text, number) = self.told.pop()
        assert (addr, number) == (target.addr, request)
        return code, text

    def set(self, addr: str, *args) -> None:
        self.bench.now(addr, *args)
        self.bench.quanta(2)

    def origins(self, slots: str = "abcdefgh") -> list[str]:
        held = (self.engine.slots.get(slot) for slot in slots)
        return ["" if slot is None else slot.origin for slot in held]

    def point_of(self, name: str) -> np.ndarray:
        """The point of one of the files in the main model."""
        model = self.engine.model
        return model.encode(
            magnitudes(audio_file.load(Path(self.rows[0][0]).parent / name, model.spec), model.spec)
        )

    @property
    def point(self) -> np.ndarray:
        return self.engine.parts[1].point


@pytest.fixture
def stand(bundle, tmp_path) -> Iterator[Stand]:
    fill(tmp_path, FILES)
    made = Stand(bundle, tmp_path)
    yield made
    made.tasks.close()


def test_neighbours_are_told_one_by_one_and_then_how_many(stand):
    assert stand.do("library/similar", "a", 2, "class=kick", "pitch=1", request=7) == ("", "2 like a")
    (question,) = stand.asked
    assert (question["n"], question["within"], question["weights"]) == (2, "class=kick", "pitch=1")
    assert np.array_equal(np.float32(question["point"]), stand.engine.slots.get("a").z)
    assert stand.answers == [
        ("/gn/library/neighbour", (1, stand.rows[0][0], 0.0, 1.0, "kick", 7)),
        ("/gn/library/neighbour", (2, stand.rows[1][0], 0.0, 2.0, "kick", 7)),
        ("/gn/library/found", (2, 7)),
    ]
    assert not stand.bench.applied, "nothing changes"


def test_what_the_finder_refuses_is_told_to_the_author(stand):
    stand.refusal = {"code": "not_found", "text": "there is no library"}
    for command in (("library/similar", "a"), ("slot/b/similar", "a"), ("part1/similar",)):
        assert stand.do(*command) == ("not_found", "there is no library")
    assert stand.answers == []
    assert not stand.bench.applied


def test_a_neighbour_goes_into_a_slot_as_its_file_would(stand, bundle):
    assert stand.do("slot/b/similar", "a", 3) == ("", "n3.wav (kick)")
    held = stand.engine.slots.get("b")
    assert held.origin == "n3.wav"
    assert np.array_equal(held.z, stand.point_of("n3.wav"))
    assert held.detail is not None
    assert [a.addr for a in stand.bench.applied] == ["/gn/slot/b/point", "/gn/slot/b/detail"]


def test_a_sound_of_a_recording_goes_into_a_slot_without_what_follows_it(stand, tmp_path):
    path = write(tmp_path / "long.wav", recording(3))
    stand.rows[0] = [str(path), 0.65, 1.0, "kick", 0.25]
    assert stand.do("slot/b/similar", "a", 1) == ("", "long.wav 0.65 s (kick)")
    alone = np.zeros(2 * 44100, dtype=np.float32)
    alone[: round(0.25 * 44100)] = hit(501, 0.4)[: round(0.25 * 44100)]
    model = stand.engine.model
    wanted = model.encode(magnitudes(alone, model.spec))
    got = stand.engine.slots.get("b").z
    whole = model.encode(magnitudes(audio_file.load(path, model.spec, offset_s=0.6), model.spec))
    assert np.linalg.norm(got - wanted) < 0.1 * np.linalg.norm(whole - wanted)


def test_a_name_that_is_no_text_can_be_logged_and_told(stand, tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/n\xff.wav")
    stand.rows[0] = [path, 0.0, 1.0, "", 0.0]
    code, text = stand.do("slot/b/similar", "a")
    assert (code, "n\\udcff.wav: there is no such file" in text) == ("io", True)
    os.link(tmp_path / "n1.wav", path)
    assert stand.do("slot/b/similar", "a") == ("", "n\\udcff.wav (no class)")
    assert stand.origins("b") == ["n\\udcff.wav"]


@pytest.mark.parametrize(("rank", "text"), [(7, "there are only 6 such sounds"), (1000, "there are only 6")])
def test_a_rank_beyond_the_last(stand, rank, text):
    code, said = stand.do("slot/b/similar", "a", rank)
    assert code == "not_found"
    assert text in said


def test_no_neighbour_at_all(stand):
    stand.rows.clear()
    for command in (("slot/b/similar", "a"), ("part1/similar",)):
        assert stand.do(*command) == ("not_found", "no other sound of the library meets that")


def test_a_file_that_vanished_leaves_the_slot(stand, tmp_path):
    (tmp_path / "n2.wav").unlink()
    before = stand.origins()
    code, text = stand.do("slot/b/similar", "a", 2)
    assert code == "io"
    assert "n2.wav: there is no such file" in text
    assert stand.origins() == before
    assert not stand.bench.applied


def test_a_part_steps_through_the_neighbours_of_what_it_played(stand):
    began, others = stand.point.copy(), stand.origins("bcdefgh")
    said = [stand.do("part1/similar", *steps)[1] for steps in ((), (1,), (2,), (-1,))]
    assert said == ["1: n1.wav (kick)", "2: n2.wav (kick)", "4: n4.wav (kick)", "3: n3.wav (kick)"]
    assert np.array_equal(stand.point, stand.point_of("n3.wav"))
    for question in stand.asked:
        assert np.array_equal(np.float32(question["point"]), began), "all of them are of the first sound"
    assert stand.origins("bcdefgh") == others, "no other slot changed"


def test_back_at_the_beginning_it_plays_what_it_began_with(stand):
    began, origin = stand.point.copy(), stand.origins()
    stand.do("part1/similar")
    stand.do("part1/similar")
    assert stand.do("part1/similar", -2) == ("", "what it began with")
    assert np.array_equal(stand.point, began)
    assert stand.origins() == origin
    assert stand.engine.slots.get("a").detail is None
    code, text = stand.do("part1/similar", -1)
    assert (code, "step forward first" in text) == ("range", True)


def test_a_mixture_becomes_one_sound_and_comes_back(stand):
    for addr, value in (("weight/b", 2.0), ("axis/d1", 1.0), ("axis/brighter", -0.5)):
        stand.set(f"part1/{addr}", value)
    began, origins = stand.point.copy(), stand.origins()
    stand.do("part1/similar")
    assert np.array_equal(stand.point, stand.point_of("n1.wav")), "as it is, without the axes"
    assert stand.origins("ab") == [origins[0], "n1.wav"], "in the slot that it played most of"
    values = stand.engine.values
    assert (values["/gn/part1/weight/a"], values["/gn/part1/axis/d1"]) == (0.0, 0.0)
    stand.do("part1/similar", -1)
    assert np.array_equal(stand.point, began)
    assert stand.origins() == origins
    assert values["/gn/part1/weight/b"] == 2.0


def test_an_undo_takes_a_whole_step_back(stand):
    stand.set("part1/weight/b", 2.0)
    stand.bench.seconds(1.1)
    began, origins = stand.point.copy(), stand.origins()
    stand.do("part1/similar")
    stand.set("undo")
    assert np.allclose(stand.point, began)
    assert stand.origins() == origins


@pytest.mark.parametrize("change", [("slot/a/random", 3), ("part1/weight/c", 1.0), ("part1/axis/d2", 0.5)])
def test_what_was_changed_since_begins_anew(stand, change):
    stand.do("part1/similar", 3)
    stand.set(*change)
    now = stand.point.copy()
    assert stand.do("part1/similar")[1].startswith("1: ")
    assert np.array_equal(np.float32(stand.asked[-1]["point"]), now)


def test_a_step_passes_over_files_that_are_gone(stand, tmp_path):
    for name in ("n2.wav", "n3.wav"):
        (tmp_path / name).unlink()
    assert [stand.do("part1/similar")[1] for _ in range(2)] == ["1: n1.wav (kick)", "4: n4.wav (kick)"]
    assert stand.do("part1/similar", -1)[1] == "1: n1.wav (kick)"
    for name in FILES:
        (tmp_path / name).unlink(missing_ok=True)
    code, text = stand.do("part1/similar")
    assert (code, "no such file" in text) == ("io", True)
    assert np.array_equal(stand.point, np.asarray(stand.engine.slots.get("a").z))


def test_other_filters_begin_with_the_nearest_again(stand):
    assert stand.do("part1/similar", 2)[1].startswith("2: ")
    assert stand.do("part1/similar", 1, "class=snare")[1].startswith("1: ")
    assert stand.asked[-1]["within"] == "class=snare"


def test_no_step_does_nothing(stand):
    assert stand.do("part1/similar", 0) == ("", "0")
    assert stand.asked == []


def test_every_model_gets_the_sound_and_the_part_searches_by_its_own(stand, tmp_path):
    other = load(build_bundle(tmp_path / "other", name="other", latent_size=8))
    model_change.add(stand.engine, other, DecodeTiming(8, 2))
    stand.set("part1/model", "other")
    stand.do("part1/similar")
    assert len(stand.asked[-1]["point"]) == 8
    there, new = stand.engine.models
    assert there.slots.get("a").origin == new.slots.get("a").origin == "n1.wav"
    assert stand.do("part1/similar")[1].startswith("2: ")


def test_a_log_of_it_needs_no_library(stand, tmp_path):
    """What was applied, rendered without the files, is what was heard."""
    stand.do("part1/similar")
    stand.do("slot/b/similar", "part1", 2)
    rate, lines = 44100, stand.bench.applied
    assert not [a for a in lines if a.addr.endswith("/similar")]
    again = [entry(a.at / rate, a.addr.removeprefix("/gn/"), *a.args) for a in lines]
    last = max(line.t for line in again)
    stand.set("part1/hit", 1.0)
    point, beside = stand.point.copy(), stand.engine.slots.get("b").z.copy()
    for name in FILES:
        (tmp_path / name).unlink()
    sound = rendered(stand.engine.model, [*again, entry(last + 0.1, "part1/hit", 1.0)], seconds=last + 0.4)
    assert np.abs(sound).max() > 0.0
    copy = Bench(stand.engine.model)
    for line in again:
        copy.engine.apply(line.target, line.args)
    copy.quanta(2)
    assert np.array_equal(copy.engine.parts[1].point, point)
    assert np.array_equal(copy.engine.slots.get("b").z, beside)


def test_what_came_before_takes_effect_first(stand, monkeypatch):
    """A question waits until the instrument has done what was asked of it before, though not for ever."""
    looks: list[float] = []

    def settled(before: float) -> bool:
        looks.append(before)
        return len(looks) > 3

    stand.neighbours._settled = settled
    assert stand.do("library/similar", "a")[0] == ""
    assert len(looks) > 3
    stand.neighbours._settled = lambda before: False
    monkeypatch.setattr(module, "EFFECT_S", 0.01)
    assert stand.do("library/similar", "a")[0] == ""


def test_two_steps_at_once_are_two_steps(stand):
    """The second waits for the first to be in effect, and does not begin anew."""
    target = resolve("/gn/part1/similar")
    stand.neighbours._settled = lambda before: True
    for _ in range(2):
        stand.tasks.put(Task(target, (1, "", ""), "test", time.monotonic()))

    def carried_out() -> bool:
        for event in stand.inbox.drain():
            stand.engine.schedule(stand.engine.now, resolve(event.addr), event.args, event.source)
        stand.bench.quanta(1)
        return stand.tasks.settled(time.monotonic())

    wait_for(carried_out, "both steps")
    assert [text[:2] for _, _, text, _ in stand.told] == ["1:", "2:"]


@pytest.mark.parametrize(
    ("addr", "args"), [("library/similar", ()), ("slot/a/similar", (3,)), ("part1/similar", ("next",))]
)
def test_arguments_that_are_none_are_refused(addr, args):
    with pytest.raises(MessageError, match=f"{addr} takes"):
        check(resolve(f"/gn/{addr}"), args)


def test_numbers_that_are_absurd_are_clipped():
    assert check(resolve("/gn/library/similar"), ("a", 10**9)) == (("a", 100, "", ""), True)
    assert check(resolve("/gn/slot/a/similar"), ("a", -5)) == (("a", 1, "", ""), True)
    assert check(resolve("/gn/part1/similar"), (-(10**9),)) == ((-1000, "", ""), True)


def test_what_a_slot_was_filled_from_is_no_neighbour_of_it(stand, tmp_path):
    path = write(tmp_path / "long.wav", recording(3))
    stand.rows[0] = [str(path), 0.65, 1.0, "kick", 0.25]
    stand.do("slot/b/similar", "a")
    assert "but" not in stand.asked[-1]
    stand.do("library/similar", "b")
    assert stand.asked[-1]["but"] == [str(path), 0.65]
    stand.do("part2/similar")
    assert stand.asked[-1]["but"] == [str(path), 0.65], "nor of a part that plays it"
    stand.set("slot/b/random", 4)
    stand.do("library/similar", "b")
    assert "but" not in stand.asked[-1]


def test_only_so_many_points_are_remembered(stand, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 1)
    stand.do("slot/b/similar", "a", 1)
    stand.do("slot/c/similar", "a", 2)
    stand.do("library/similar", "b")
    assert "but" not in stand.asked[-1]
    stand.do("library/similar", "c")
    assert "but" in stand.asked[-1]
