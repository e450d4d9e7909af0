"""Every question to the finder is answered, whatever becomes of its process, and another one is started."""

from __future__ import annotations

from typing import ClassVar

import pytest

from ghostnote.errors import LibraryError
from ghostnote.host import finder_keeper as module
from ghostnote.host.finder_keeper import FinderKeeper
from ghostnote.host.options import PlayOptions


class FakeChild:
    """A finder process that does what a test says."""

    made: ClassVar[list[FakeChild]] = []

    def __init__(self, name, handle) -> None:
        self.handle, self.sent, self.running, self.started = handle, [], True, 0.0
        self.made.append(self)

    def send(self, message) -> None:
        self.sent.append(message)

    def kill(self) -> int:
        self.running = False
        return -9

    def end(self, timeout_s: float) -> int:
        self.running = False
        return 0


class Keeping:
    """A keeper, what it answers and tells, and its children."""

    def __init__(self, **options) -> None:
        self.answers: list[dict] = []
        self.said: list[str] = []
        self.told: list[str] = []
        given = PlayOptions(**options)
        self.keeper = FinderKeeper(given, self.answers.append, self.said.append, self.told.append)

    @property
    def children(self) -> list[FakeChild]:
        return FakeChild.made

    def answered(self) -> list[tuple]:
        return [(a["id"], a.get("code")) for a in self.answers]


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    monkeypatch.setattr(FakeChild, "made", [])
    monkeypatch.setattr(module, "Child", FakeChild)


def question(number: str) -> dict:
    return {"type": "find", "id": number}


def found(number: str) -> dict:
    return {"type": "found", "id": number, "neighbours": []}


def test_it_is_started_by_the_first_question_and_hands_on():
    keeping = Keeping()
    keeping.keeper.begin()
    keeping.keeper.look()
    assert keeping.children == []
    keeping.keeper.ask(question("1"))
    (child,) = keeping.children
    assert child.sent == [{"type": "start", "library": None}, question("1")]
    child.handle(found("1"))
    child.handle(found("1"))
    assert keeping.answers == [found("1")], "each question has one answer"


def test_a_library_that_is_named_is_opened_with_the_performance():
    keeping = Keeping(library="lib", model="kits")
    keeping.keeper.begin()
    (child,) = keeping.children
    assert child.sent == [{"type": "start", "library": "lib"}, {"type": "open", "model": "kits"}]
    child.handle({"type": "opened", "sounds": 7})
    child.handle({"type": "trouble", "text": "a problem"})
    assert (keeping.said, keeping.told) == (["library lib: 7 sounds"], ["a problem"])


def test_what_waits_when_it_dies_is_refused_and_another_one_is_started():
    keeping = Keeping()
    for number in ("1", "2"):
        keeping.keeper.ask(question(number))
    keeping.children[0].running = False
    keeping.keeper.look()
    assert keeping.answered() == [("1", "busy"), ("2", "busy")]
    assert "ask again" in keeping.answers[0]["text"]
    assert len(keeping.children) == 2
    assert "status -9" in keeping.told[0]
    keeping.keeper.ask(question("3"))
    keeping.children[1].handle(found("3"))
    assert keeping.answered()[2:] == [("3", None)]


def test_a_question_while_it_is_dead_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", float("inf"))
    keeping = Keeping()
    keeping.keeper.ask(question("1"))
    keeping.children[0].running = False
    keeping.keeper.ask(question("2"))
    assert keeping.answered() == [("2", "busy")]
    keeping.keeper.look()
    assert keeping.answered() == [("2", "busy"), ("1", "busy")]
    assert len(keeping.children) == 1, "not before its time"


def test_one_that_says_nothing_for_long_is_ended(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", -1.0)
    keeping = Keeping()
    keeping.keeper.ask(question("1"))
    keeping.keeper.look()
    assert keeping.answered() == [("1", "busy")]
    assert [child.running for child in keeping.children] == [False, True]


def test_one_that_dies_again_and_again_is_told_once_until_it_works():
    keeping = Keeping(library="lib")
    keeping.keeper.begin()
    for _ in range(3):
        keeping.children[-1].running = False
        keeping.keeper.look()
    assert len(keeping.told) == 1
    keeping.children[-1].handle({"type": "opened", "sounds": 1})
    keeping.children[-1].running = False
    keeping.keeper.look()
    assert len(keeping.told) == 2


def test_after_the_end_nothing_is_started():
    keeping = Keeping(library="lib")
    keeping.keeper.begin()
    keeping.keeper.close()
    keeping.keeper.look()
    keeping.keeper.ask(question("1"))
    assert len(keeping.children) == 1
    assert keeping.answered() == [("1", "busy")]
    Keeping().keeper.close()


def test_a_text_that_is_no_library_is_refused():
    with pytest.raises(LibraryError, match="give a name"):
        Keeping(library="no:library").keeper.check()
    Keeping().keeper.check()
