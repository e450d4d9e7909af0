"""SuperCollider's language itself, headless, with the shipped file: exact messages, times, an engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ghostnote.control.osc_guard import parse
from patches.conftest import Ear, entries
from playing import PATIENCE_S, wait_for

pytestmark = pytest.mark.real

FILE = Path(__file__).resolve().parents[2] / "patches" / "supercollider" / "ghostnote.scd"
SCRIPT = """(
fork {{
    "{file}".load;
    {body}
    "finished".postln;
}}
)
"""
RATE = 44100


@pytest.fixture
def sclang(tmp_path: Path) -> Iterator[Callable[[str, int], None]]:
    """Run code in sclang after the shipped file, with the engine at a port; nothing may be an error."""
    program = shutil.which("sclang")
    if program is None:
        pytest.skip("SuperCollider's language is not installed (Debian: supercollider-language)")
    running: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "sclang.log"

    def start(body: str, port: int) -> None:
        script = tmp_path / "run.scd"
        script.write_text(SCRIPT.format(file=FILE, body=body), encoding="utf-8")
        more = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1", "HOME": str(tmp_path)}
        env = {**os.environ, **more, "GHOSTNOTE_PORT": str(port)}
        with log.open("wb") as out:
            running.append(
                subprocess.Popen(
                    [program, str(script)], env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
                )
            )

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
    said = log.read_text(encoding="utf-8", errors="replace")
    assert "ERROR" not in said, said
    assert "compile done" in said, said


def messages(ear: Ear, how_many: int) -> list[tuple[int, str, tuple]]:
    """The next messages: time tag, address, arguments."""
    found: list[tuple[int, str, tuple]] = []
    ear.socket.settimeout(PATIENCE_S)
    while len(found) < how_many:
        for group in parse(ear.socket.recv(65536)).groups:
            found += [(group.timetag, message.addr, message.args) for message in group.messages]
    return found


def test_a_pattern_is_one_message_a_note_with_its_time(sclang, ear):
    """Only what the event itself says is sent, and the time tags are as far apart as the notes."""
    sclang(
        "Pbind(\\type, \\ghostnote, \\part, Pseq([1, 3, 8], 1), \\velocity, 0.5, \\dur, 0.25,"
        "\\other, 9).play;",
        ear.port,
    )
    found = messages(ear, 3)
    assert [rest for _, *rest in found] == [
        ["/gn/play", ("part", part, "velocity", 0.5)] for part in (1, 3, 8)
    ]
    tags = [tag / 2**32 for tag, *_ in found]
    assert [round((later - tags[0]) * RATE, 3) for later in tags] == [0.0, RATE / 4, RATE / 2]


def test_an_array_is_a_chord_at_one_time(sclang, ear):
    sclang("(type: \\ghostnote, part: 5, note: [48, 55, 63], pan: 0.5).play;", ear.port)
    found = messages(ear, 3)
    assert len({tag for tag, *_ in found}) == 1
    assert [args for *_, args in found] == [("part", 5, "note", note, "pan", 0.5) for note in (48, 55, 63)]


def test_the_engine_plays_what_a_pattern_says(sclang, playing):
    """And SuperCollider hears what others change."""
    sclang(
        '~listen.("/gn/part7/gain", { |msg| ~ghostnote.sendMsg("/gn/part8/gain", msg[1]) });'
        "Pbind(\\type, \\ghostnote, \\part, 2, \\note, Pseq([60, 67], 1), \\sustain, 0.1, \\dur, 0.5).play;",
        playing.port,
    )
    wait_for(lambda: len(entries(playing, "/gn/play")) == 2, "two notes")
    notes = [dict(zip(args[::2], args[1::2], strict=True)) for args in entries(playing, "/gn/play")]
    assert [(note["part"], note["note"]) for note in notes] == [(2, 60), (2, 67)]

    def told() -> bool:
        playing.send("part7/gain", -9.0)
        return playing.ask("part8/gain") == -9.0

    wait_for(told, "a change that SuperCollider was told of")
