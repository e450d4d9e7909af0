"""`ghostnote midi`: ports, what comes in and what it does, and learning a control into a file."""

from __future__ import annotations

import json
import threading

import pytest

from controlkit import wait_for
from ghostnote.cli import midi as module
from ghostnote.control.midi_schema import schema
from midikit import FakeMidi


@pytest.fixture
def fake(monkeypatch):
    """The computer's MIDI as a stand-in that the test plays on."""
    made = FakeMidi("Knobs 20:0")
    made.outs = ["Knobs 20:0"]
    monkeypatch.setattr(module, "SystemMidi", lambda jack=False: made)
    monkeypatch.setattr(module, "list_ports", lambda: ["Knobs"])
    monkeypatch.setattr(module, "list_outputs", lambda: ["Knobs"])
    return made


def played(fake, *stream):
    """Play on the port as soon as it is open, in a thread of its own."""

    def run() -> None:
        play = wait_for(lambda: fake.receivers.get("Knobs 20:0"))
        for data in stream:
            play(list(data))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_the_schema_is_printed(command):
    assert json.loads(command("midi", "schema").out) == json.loads(json.dumps(schema()))


def test_ports_come_with_their_maps(command, fake, home):
    assert command("midi", "ports").out.splitlines() == ["inputs:", "  Knobs", "outputs:", "  Knobs"]
    (home / "midi").mkdir()
    head = {"schema": "ghostnote-midi-map", "version": 1, "device": {"match": "knobs"}, "controls": []}
    path = home / "midi" / "mine.json"
    path.write_text(json.dumps(head))
    assert f"  Knobs  (map {path})" in command("midi", "ports").out


def test_the_monitor_shows_messages_and_what_they_do(command, fake):
    thread = played(fake, (0x90, 60, 127), (0xB0, 10, 64), (0xF1,), (0x80, 60, 0))
    said = command("midi", "monitor", "--seconds", "1").out
    thread.join()
    assert "Knobs  note 60 channel 1 value 127 → /gn/part1/note 60 1 " in said
    assert "cc 10 channel 1 value 64 → /gn/part1/pan 0\n" in said
    assert "not understood" in said
    assert "note 60 channel 1 release value 0 → /gn/part1/off 60" in said


def test_a_learnt_control_is_in_the_users_folder_afterwards(command, fake, home):
    thread = played(fake, (0xB0, 30, 127), (0xB0, 30, 127), (0xB0, 30, 127))
    result = command("midi", "learn", "/gn/part1/gain", "--seconds", "20")
    thread.join()
    assert result.status == 0
    assert "learnt from cc 30 channel 1 of Knobs, relative-twos-complement; saved as" in result.out
    document = json.loads((home / "midi" / "Knobs.json").read_text())
    assert document["device"]["match"] == "Knobs"
    assert document["controls"][0]["to"] == "/gn/part1/gain"


def test_a_map_for_another_controller_is_not_spoilt(command, fake, tmp_path):
    path = tmp_path / "other.json"
    head = {"schema": "ghostnote-midi-map", "version": 1, "device": {"match": "Pads"}, "controls": []}
    path.write_text(json.dumps(head))
    thread = played(fake, (0xB0, 30, 100))
    result = command("midi", "learn", "/gn/part1/gain", "--map", str(path), "--seconds", "20")
    thread.join()
    assert result.status == 2
    assert "is for 'Pads', and the control is on Knobs" in result.err
    assert json.loads(path.read_text()) == head


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["learn", "/gn/part1/gian"], "nearest is /gn/part1/gain"),
        (["learn", "/gn/part1/gain", "--seconds", "0.1"], "no control was moved in 0.1 s"),
        (["monitor", "--map", "none.json", "--seconds", "0.1"], "none.json: no such map file"),
    ],
)
def test_wrong_input_is_one_line(command, fake, arguments, told):
    result = command("midi", *arguments)
    assert result.status == 2
    assert told in result.err
    assert result.err.count("\n") == 1
