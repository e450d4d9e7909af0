"""What the supervisor does with what its children tell it; the children here are played by the test."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator

import pytest

from ghostnote.host import supervisor as module
from ghostnote.host.child import TURN_S
from ghostnote.host.options import PlayOptions
from ghostnote.host.pipe import Message
from ghostnote.host.supervisor import MAX_CRASHES, SILENT_S, START_LIMIT_S, Supervisor
from playing import loaded_by

READY: Message = {
    "type": "ready",
    "model": "tiny",
    "rate": 48000,
    "block": 128,
    "latency_ms": 5.0,
    "device": "a device",
    "osc": ["127.0.0.1", 9770],
    "midi": [],
}
BEAT: Message = {"type": "beat", "alive": True, "seconds": 1.0, "counters": {}, "reports": []}


SILENT_TURNS = round(SILENT_S / TURN_S)
"""Turns of the watch that a child may be silent for."""


class Actor:
    """A child process without a process."""

    def __init__(self, name: str, handle: Callable[[Message], None]) -> None:
        self.name = name.rsplit(".", 1)[-1]
        self._handle = handle
        self.told: list[Message] = []
        self.running = True
        self.started = self.heard = time.monotonic()
        self.status = 0

    def send(self, message: Message) -> None:
        self.told.append(message)

    def say(self, message: Message) -> None:
        self.heard = time.monotonic()
        self._handle(message)

    def silent_for(self) -> float:
        return time.monotonic() - self.heard

    def kill(self) -> int:
        self.running = False
        return self.status

    def end(self, limit_s: float) -> int:
        return self.kill()


class Theatre:
    """A supervisor whose every turn is one step of a script."""

    def __init__(self) -> None:
        self.actors: list[Actor] = []
        self.screen, self.errors = io.StringIO(), io.StringIO()
        self.supervisor = Supervisor(PlayOptions(log=None), self.screen, self.errors)

    def hire(self, name: str, handle: Callable[[Message], None], *more: object, **others: object) -> Actor:
        self.actors.append(Actor(name, handle))
        return self.actors[-1]

    @property
    def cores(self) -> list[Actor]:
        return [a for a in self.actors if a.name == "core"]

    @property
    def fronts(self) -> list[Actor]:
        return [a for a in self.actors if a.name == "front"]

    def run(self, *script: Callable[[], object]) -> int:
        """Run with a step of the script before each look at the children; the exit status."""
        steps: Iterator[Callable[[], object]] = iter(script)

        def wait(seconds: float) -> bool:
            step = next(steps, None)
            if step is None:
                return True
            step()
            return False

        self.supervisor._quit.wait = wait
        return self.supervisor.run()


@pytest.fixture
def theatre(monkeypatch) -> Theatre:
    made = Theatre()
    monkeypatch.setattr(module, "Child", made.hire)
    monkeypatch.setattr(module.signal, "signal", lambda *args: None)
    return made


def test_a_dead_render_thread_is_a_dead_core(theatre):
    theatre.run(
        lambda: theatre.cores[0].say(READY),
        lambda: theatre.cores[0].say({**BEAT, "alive": False}),
        lambda: theatre.cores[1].say(BEAT),
        lambda: None,
    )
    assert len(theatre.cores) == 2
    assert "the core ended" in theatre.errors.getvalue()


def test_the_state_goes_to_the_next_core_and_to_the_front(theatre):
    state = {"schema": "ghostnote-state", "values": {"/gn/seed": 5}}

    def die() -> None:
        theatre.cores[0].say({"type": "state", "state": state})
        theatre.cores[0].running = False

    theatre.run(lambda: theatre.cores[0].say(READY), die, lambda: None)
    start = theatre.cores[1].told[0]
    assert start["state"] == state
    assert start["began"] is not None
    assert start["options"]["rate"] == 48000, "at the rate that it had"
    assert {"type": "state", "state": state} in theatre.fronts[0].told
    assert theatre.cores[0].told[0]["state"] is None
    assert theatre.cores[0].told[0]["began"] is None


def test_a_stuck_driver_is_no_crash(theatre):
    steps = [lambda: theatre.cores[-1].say(READY)]
    for _ in range(2 * MAX_CRASHES):
        steps.append(lambda: theatre.cores[-1].say({**BEAT, "counters": {"restart_needed": True}}))
    assert theatre.run(*steps) == 0
    assert len(theatre.cores) == 1 + 2 * MAX_CRASHES
    assert "giving up" not in theatre.errors.getvalue()


def test_a_core_that_keeps_dying_is_given_up(theatre):
    def die() -> None:
        theatre.cores[-1].running = False

    assert theatre.run(lambda: theatre.cores[0].say(READY), *[die] * 10) == 1
    assert len(theatre.cores) == MAX_CRASHES
    assert f"ended {MAX_CRASHES} times" in theatre.errors.getvalue()


def test_a_start_that_fails_is_told_once_and_ends_it(theatre):
    def fail() -> None:
        theatre.cores[0].say({"type": "failed", "text": "UDP port 9770 is taken"})
        theatre.cores[0].running = False

    assert theatre.run(fail, lambda: None) == 2
    assert theatre.errors.getvalue() == "ghostnote: UDP port 9770 is taken\n"
    assert len(theatre.cores) == 1


def test_a_restart_that_fails_is_told_and_tried_again(theatre):
    def die() -> None:
        theatre.cores[0].running = False

    def fail() -> None:
        theatre.cores[1].say({"type": "failed", "text": "UDP port 9770 is taken"})
        theatre.cores[1].running = False

    theatre.run(lambda: theatre.cores[0].say(READY), die, fail, lambda: theatre.cores[2].say(READY))
    assert len(theatre.cores) == 3
    assert "ghostnote: UDP port 9770 is taken\n" in theatre.errors.getvalue()


def test_lines_that_were_not_written_go_to_the_next_front_in_order(theatre):
    def log(*numbers: int) -> Callable[[], None]:
        return lambda: [theatre.cores[0].say({"type": "log", "lines": [str(n)]}) for n in numbers] and None

    def write_two() -> None:
        written = [m["type"] for m in theatre.fronts[0].told if m["type"] in ("note", "log")]
        for _ in range(written.index("log") + 2):
            theatre.fronts[0].say({"type": "logged"})

    def die() -> None:
        theatre.fronts[0].running = False

    theatre.run(lambda: theatre.cores[0].say(READY), log(1, 2, 3), write_two, log(4), die, log(5))
    lines = [m["lines"][0] for m in theatre.fronts[1].told if m["type"] == "log"]
    assert lines == ["3", "4", "5"]
    assert not theatre.fronts[1].told[0]["fresh"]
    assert theatre.fronts[0].told[0]["fresh"]


def test_the_network_is_warned_of(theatre):
    theatre.run(lambda: theatre.cores[0].say({**READY, "osc": ["0.0.0.0", 9770]}))
    assert "open to the network" in theatre.errors.getvalue()


def test_reports_are_told_with_their_count(theatre):
    theatre.run(lambda: theatre.cores[0].say({**BEAT, "reports": [["it is late", 1], ["it is full", 7]]}))
    assert theatre.errors.getvalue() == "ghostnote: it is late\nghostnote: it is full (×7)\n"


def all_talk(theatre) -> None:
    for actor in (theatre.cores[-1], theatre.fronts[-1]):
        actor.say(BEAT if actor.name == "core" else {"type": "beat"})


def test_a_core_that_falls_silent_is_replaced_and_one_that_talks_is_not(theatre):
    def front_only() -> None:
        theatre.fronts[0].say({"type": "beat"})

    talking = [lambda: all_talk(theatre)] * (3 * SILENT_TURNS)
    theatre.run(lambda: theatre.cores[0].say(READY), *talking, *[front_only] * SILENT_TURNS)
    assert len(theatre.cores) == 1
    theatre.supervisor = Supervisor(PlayOptions(log=None), theatre.screen, theatre.errors)
    theatre.actors.clear()
    theatre.run(lambda: theatre.cores[0].say(READY), *talking, *[front_only] * (SILENT_TURNS + 2))
    assert len(theatre.cores) == 2
    assert len(theatre.fronts) == 1


def test_a_supervisor_that_was_away_does_not_take_that_for_silence(theatre, monkeypatch):
    """Its own process was not run for a minute: what the core said meanwhile waits unread in the pipe."""
    away = 0.0
    real = time.monotonic
    monkeypatch.setattr(module.time, "monotonic", lambda: real() + away)

    def go_away() -> None:
        nonlocal away
        away += 60.0

    talk, away_again = [lambda: all_talk(theatre)], [go_away]
    theatre.run(lambda: theatre.cores[0].say(READY), *(talk + away_again) * 10)
    assert len(theatre.cores) == len(theatre.fronts) == 1
    assert theatre.errors.getvalue() == ""


@pytest.mark.parametrize("limit_s", [SILENT_S, START_LIMIT_S])
def test_a_start_may_take_a_minute(theatre, limit_s):
    nothing = [lambda: None] * (round(limit_s / TURN_S) - 1)
    theatre.run(
        *nothing,
        lambda: theatre.fronts[0].say({"type": "beat"}),
        lambda: theatre.cores[0].say(READY),
        lambda: all_talk(theatre),
    )
    assert len(theatre.cores) == len(theatre.fronts) == 1


def test_a_start_that_takes_longer_is_a_hang(theatre):
    theatre.run(*[lambda: None] * (round(START_LIMIT_S / TURN_S) + 1))
    assert len(theatre.cores) == 2
    assert len(theatre.fronts) == 2


def test_the_goodbye_counts_what_every_core_played(theatre):
    def beat(seconds: float, **counters: float) -> Message:
        return {**BEAT, "seconds": seconds, "counters": counters}

    def die() -> None:
        theatre.cores[-1].running = False

    theatre.run(
        lambda: theatre.cores[0].say(READY),
        lambda: theatre.cores[0].say(beat(2.0, shortfalls=1)),
        lambda: theatre.cores[0].say(beat(30.0, shortfalls=2, decode_late=5)),
        die,
        lambda: theatre.cores[1].say(beat(4.5, shortfalls=3)),
        lambda: theatre.cores[1].say(beat(5.0, shortfalls=3, restart_needed=True)),
        lambda: theatre.cores[2].say(beat(1.25, decode_late=1)),
        die,
    )
    assert len(theatre.cores) == 4
    assert theatre.screen.getvalue().endswith("Played 36.2 s; dropouts 5, late decodes 6.\n")


def test_what_never_played_says_no_goodbye(theatre):
    theatre.run(lambda: None)
    assert theatre.screen.getvalue() == ""


def test_the_supervisor_imports_nothing_heavy():
    """The core waits for it."""
    heavy = ["numpy", "scipy", "onnxruntime", "soundfile", "rich", "ghostnote.state.registry"]
    assert loaded_by("ghostnote.host.supervisor", heavy) == []
