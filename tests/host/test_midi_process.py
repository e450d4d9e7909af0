"""MIDI in a process of its own: what goes through, and what a crash of it costs."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import pytest

from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.errors import DeviceError
from ghostnote.host import midi_process
from ghostnote.host.midi_child import MidiServer
from ghostnote.host.midi_process import RemoteMidi
from ghostnote.telemetry import Telemetry
from host.loop_midi import CRASH, REFUSE, LoopSystem
from playing import PATIENCE_S, wait_for

COMMAND = [sys.executable, str(Path(__file__).with_name("loop_midi.py"))]


def until(true):
    wait_for(true, "what the other process does")


def into(heard):
    """What keeps the bytes of messages."""
    return lambda data, at: heard.append(data)


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
def midi(telemetry, monkeypatch):
    monkeypatch.setattr(midi_process, "RESTART_S", 0.0)
    remote = RemoteMidi(False, telemetry, COMMAND)
    yield remote
    remote.close()


def test_messages_go_there_and_back_in_order(midi):
    assert midi.names() == ["Loop"]
    assert midi.ready
    assert midi.missing() == "nothing is missing"
    heard = []
    midi.open("Loop", into(heard))
    out = midi.output()
    assert out.names() == ["Loop"]
    out.open("Loop")
    sent = [[0x90, n % 128, 100] for n in range(300)]
    for data in sent:
        out.send(data)
    until(lambda: len(heard) == len(sent))
    assert heard == sent


def test_messages_have_the_time_at_which_they_came_in(midi):
    """So that the way through the pipe, which a busy machine makes long, is no part of when they sound."""
    midi.names()
    times = []
    midi.open("Loop", lambda data, at: times.append((at, time.monotonic())))
    out = midi.output()
    out.open("Loop")
    before = time.monotonic()
    for n in range(20):
        out.send([0x90, n, 100])
    until(lambda: len(times) == 20)
    assert [came for came, _ in times] == sorted(came for came, _ in times)
    assert all(before <= came <= heard for came, heard in times)


def test_a_closed_input_hears_nothing(midi):
    midi.names()
    heard = []
    port = midi.open("Loop", into(heard))
    port.hear_clock(True)
    until(lambda: heard == [[0xF8]])
    port.close()
    out = midi.output()
    out.open("Loop")
    out.send([0x90, 1, 1])
    assert midi.names() == ["Loop"]  # answered after what was sent before
    assert heard == [[0xF8]]


def test_what_the_system_refuses_is_refused_here(midi):
    midi.names()
    with pytest.raises(DeviceError, match="MIDI input Pads is gone"):
        midi.open("Pads", into([]))
    out = midi.output()
    with pytest.raises(DeviceError, match="MIDI output Pads is gone"):
        out.open("Pads")
    out.send(REFUSE)
    assert midi.names() == ["Loop"]
    with pytest.raises(DeviceError, match="MIDI output: full"):
        out.send([0x90, 1, 1])
    out.send([0x90, 1, 1])


def test_a_crash_costs_the_ports_and_nothing_else(midi, telemetry):
    midi.names()
    heard = []
    port, out = midi.open("Loop", into(heard)), midi.output()
    out.open("Loop")
    before = midi.generation
    out.send(CRASH)
    until(lambda: not midi.ready)
    with pytest.raises(DeviceError, match="has ended"):
        out.send([0x90, 1, 1])
    port.close()
    out.close()
    assert midi.names() == ["Loop"]  # of the next process
    assert midi.generation > before
    assert any("MIDI process ended (status -11)" in r.text for r in telemetry.take_reports())
    midi.open("Loop", into(heard))
    again = midi.output()
    again.open("Loop")
    again.send([0x91, 2, 3])
    until(lambda: heard == [[0x91, 2, 3]])


def test_a_process_that_does_not_answer_is_ended(midi, monkeypatch):
    midi.names()
    monkeypatch.setattr(midi_process, "ANSWER_LIMIT_S", 0.3)
    process = midi._process
    monkeypatch.setattr(midi._writer, "send", lambda message: None)
    with pytest.raises(DeviceError, match="does not answer"):
        midi.open("Loop", into([]))
    process.wait(PATIENCE_S)
    monkeypatch.undo()
    until(lambda: midi.names() == ["Loop"])


def test_a_note_held_while_the_process_crashes_is_released(midi, telemetry):
    inbox = Inbox(telemetry)
    inputs = MidiInputs(inbox, telemetry, system=midi, poll_s=0.05)
    inputs.start()
    try:
        until(lambda: inputs.ports == ("Loop",))
        out = midi.output()
        out.open("Loop")
        out.send([0x90, 60, 100])
        seen = []

        def events():
            seen.extend(event.addr for event in inbox.drain())
            return seen

        until(lambda: "/gn/part1/note" in events())
        out.send(CRASH)
        until(lambda: "/gn/part1/off" in events())
        until(lambda: inputs.ports == ("Loop",))
    finally:
        inputs.close()


def test_a_request_that_makes_no_sense_is_answered_and_the_server_goes_on():
    out = io.BytesIO()
    server = MidiServer(LoopSystem(), out)
    for request in (
        {"do": "fly", "id": 1},
        {"id": 2},
        {"do": "clock", "port": 9, "id": 3},
        {"do": "names", "id": 4},
    ):
        server.handle(request)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [a["re"] for a in answers] == [1, 2, 3, 4]
    assert all("error" in a for a in answers[:3])
    assert answers[3]["names"] == ["Loop"]
