"""`ghostnote midi` with a real MIDI port: JACK's."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from playing import PATIENCE_S, environment, wait_for

pytest.importorskip("jack")
pytestmark = [pytest.mark.jack, pytest.mark.real]


@pytest.fixture
def ghostnote(jack_server, tmp_path):
    """Start `ghostnote midi` with these words; its process and a look at what it said."""
    started = []

    def start(*words: str):
        said = tmp_path / f"said{len(started)}.txt"
        with said.open("wb") as out:
            command = [sys.executable, "-m", "ghostnote", "midi", *words]
            started.append(
                subprocess.Popen(command, env=environment(jack_server.env), stdout=out, stderr=out)
            )
        return started[-1], said.read_text

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_ports_are_listed_by_their_names(ghostnote, keys):
    process, said = ghostnote("ports")
    assert process.wait(PATIENCE_S) == 0
    inputs = said().partition("outputs:")[0]
    assert "keys" in inputs, said()


def test_the_monitor_shows_what_a_controller_sends_and_does(ghostnote, keys):
    process, said = ghostnote("monitor", "--midi", "jack:keys")

    def shown() -> bool:
        keys.send("b0 0a 7f", "90 3c 40", "80 3c 00", "f2 10 00")
        time.sleep(0.1)
        wanted = (
            "cc 10 channel 1 value 127",
            "note 60 channel 1 value 64 → /gn/part1/note 60",
            "position 16",
        )
        return all(text in said() for text in wanted)

    wait_for(shown, "what was sent")
    assert process.poll() is None


def test_a_control_learnt_by_hand_is_in_a_file_that_plays(ghostnote, keys, home):
    process, said = ghostnote("learn", "/gn/part5/tilt", "--midi", "jack:keys", "--seconds", "40")
    wait_for(lambda: "Move the control for /gn/part5/tilt" in said(), "the question")

    def learnt() -> bool:
        keys.send(*(f"b3 15 {value:02x}" for value in range(60, 40, -1)))
        time.sleep(0.1)
        return process.poll() is not None

    wait_for(learnt, "the end")
    assert process.returncode == 0, said()
    assert "/gn/part5/tilt learnt from cc 21 channel 4 of" in said()
    (path,) = (home / "midi").glob("*.json")
    (control,) = json.loads(path.read_text())["controls"]
    assert control == {"in": {"kind": "cc", "channel": 4, "number": 21}, "to": "/gn/part5/tilt"}
