"""The session log: a line for what a person wants to find again, and the front that writes it."""

from __future__ import annotations

import json
import re
import time

import pytest

from ghostnote.core.control_log import format_line, recording_line
from ghostnote.host import session
from ghostnote.host.front import Front
from ghostnote.host.log_file import LogFile


class Ears:
    """Hears what a front says."""

    def __init__(self) -> None:
        self.heard: list[dict] = []

    def send(self, message: dict) -> None:
        self.heard.append(message)

    @property
    def troubles(self) -> list[str]:
        return [m["text"] for m in self.heard if m["type"] == "trouble"]

    @property
    def written(self) -> int:
        return sum(m["type"] == "logged" for m in self.heard)


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def front(ears, tmp_path):
    made = Front(ears)

    def start(**changes: object) -> Front:
        opening = {
            "type": "open",
            "log": None,
            "session": None,
            "spool": str(tmp_path / "home" / "session-1.jsonl"),
            "state_path": str(tmp_path / "home" / "last.json"),
            "recording": None,
            "fresh": True,
        }
        made.handle({**opening, **{k: None if v is None else str(v) for k, v in changes.items()}})
        return made

    yield start
    made.close()


def log(front: Front, *addresses: str) -> None:
    front.handle({"type": "log", "lines": [format_line(0.5, f"/gn/{a}", [1.0]) for a in addresses]})


def note(front: Front, text: str) -> None:
    front.handle({"type": "note", "wall": 0.0, "t": 1.5, "text": text})


def record(front: Front, path) -> None:
    front.handle({"type": "recording", "path": str(path), "line": recording_line(path.name, 48000, 24000)})


def addresses(path) -> list[str]:
    return [json.loads(line)["addr"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.0, "0:00:00.0"), (61.25, "0:01:01.2"), (3725.0, "1:02:05.0"), (360000.0, "100:00:00.0")],
)
def test_elapsed(seconds, said):
    assert session.elapsed(seconds) == said


def test_a_line_has_both_times():
    line = session.note(time.time(), 12.0, "scene verse")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  0:00:12\.0  scene verse", line.replace("   ", "  "))


def test_recalls_models_and_panics_are_worth_telling_and_knobs_are_not():
    lines = [
        format_line(0.0, "/gn/part1/gain", [-3.0]),
        format_line(0.0, "/gn/scene/set", [2.5, "verse", "/gn/part1/gain", 0.0]),
        format_line(0.0, "/gn/scene/set", [2.5, "verse", "/gn/part2/gain", 0.0]),
        format_line(0.0, "/gn/scene/slot", [2.5, "verse", "a", "kick", 0.1]),
        format_line(0.1, "/gn/scene/set", [0.0, "", "/gn/part2/gain", 0.0]),
        format_line(0.2, "/gn/scene/set", [0.0, "/gn/panic"]),
        format_line(0.3, "/gn/panic", [1.0]),
        format_line(0.4, "/gn/model/load", ["808"]),
        format_line(0.4, "/gn/slot/a/file", ["/gn/panic"]),
    ]
    told = ["scene verse, in 2.5 s", "scene /gn/panic", "panic 1.0", "model/load 808"]
    assert list(session.worth_telling(lines)) == told


def test_a_recording_gets_the_log_from_the_start_on(front, ears, tmp_path):
    made = front()
    log(made, "part1/hit", "part2/hit")
    note(made, "before")
    record(made, tmp_path / "take.wav")
    log(made, "part3/hit")
    note(made, "during")
    made.handle({"type": "recorded", "line": recording_line("end", 48000, 0)})
    log(made, "part4/hit")
    note(made, "after")
    hits = [f"/gn/part{n}/hit" for n in (1, 2)]
    marks = ["/gn/log/recording"]
    assert addresses(tmp_path / "take.jsonl") == [*hits, *marks, "/gn/part3/hit", *marks]
    told = (tmp_path / "take.txt").read_text()
    assert "before" in told
    assert "during" in told
    assert "after" not in told
    assert ears.written == 8
    made.close()
    assert not list((tmp_path / "home").glob("session-*")), "nobody asked for that log"


def test_a_log_and_a_session_that_were_asked_for_stay(front, tmp_path):
    made = front(log=tmp_path / "set.jsonl", session=tmp_path / "set.txt")
    log(made, "part1/hit")
    record(made, tmp_path / "set.wav")
    note(made, "hello")
    made.close()
    assert addresses(tmp_path / "set.jsonl") == ["/gn/part1/hit", "/gn/log/recording"]
    assert "hello" in (tmp_path / "set.txt").read_text()
    assert not (tmp_path / "set.1.jsonl").exists(), "the log beside the recording is the one asked for"


def test_a_new_front_goes_on_where_one_died(ears, front, tmp_path):
    made = front()
    log(made, "part1/hit")
    record(made, tmp_path / "take.wav")
    note(made, "one")
    another = Front(ears)
    another.handle(
        {
            "type": "open",
            "log": None,
            "session": None,
            "spool": str(tmp_path / "home" / "session-1.jsonl"),
            "state_path": str(tmp_path / "home" / "last.json"),
            "recording": str(tmp_path / "take.wav"),
            "fresh": False,
        }
    )
    log(another, "part2/hit")
    note(another, "two")
    another.close()
    assert addresses(tmp_path / "take.jsonl") == ["/gn/part1/hit", "/gn/log/recording", "/gn/part2/hit"]
    told = (tmp_path / "take.txt").read_text()
    assert told.index("one") < told.index("two")
    assert ears.troubles == []


def test_a_log_that_cannot_be_written_is_told_once_and_the_other_goes_on(front, ears, tmp_path):
    made = front(log=tmp_path / "no" / "set.jsonl", session=tmp_path / "set.txt")
    for _ in range(3):
        log(made, "part1/hit")
        note(made, "still here")
    assert len(ears.troubles) == 1
    assert "set.jsonl" in ears.troubles[0]
    assert (tmp_path / "set.txt").read_text().count("still here") == 3


def test_an_endless_log_that_nobody_asked_for_is_given_up(tmp_path):
    told: list[str] = []
    file = LogFile(tmp_path / "spool.jsonl", told.append, limit=100)
    for _ in range(20):
        file.write(["x" * 30])
    beside = LogFile(tmp_path / "take.jsonl", told.append, fresh=True)
    beside.follow(file)
    beside.write(["more"])
    assert len(told) == 2
    assert "too long" in told[0]
    assert (tmp_path / "spool.jsonl").stat().st_size < 200
    assert not (tmp_path / "take.jsonl").exists()
