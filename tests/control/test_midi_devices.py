"""Devices that tell and are told: feedback, recall, clock, virtual ports, changing maps, learning, noise."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.control.inbox import Inbox
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.state.registry import TARGETS
from ghostnote.telemetry import Telemetry
from midikit import FADER, FakeMidi, Rig, map_file


@pytest.fixture
def rig(inbox, telemetry, tmp_path):
    made = Rig(inbox, telemetry, tmp_path)
    yield made
    made.inputs.close()


def test_only_a_device_whose_map_wants_feedback_gets_an_output(rig, inbox, telemetry):
    assert rig.inputs.outputs == ("Faders",)
    assert [client.name for client in rig.midi.clients if not client.closed] == ["Faders 20:0"]
    plain = FakeMidi("Keys 24:0")
    MidiInputs(inbox, telemetry, system=plain).poll()
    assert plain.clients == []


def test_a_device_is_told_everything_when_it_connects_and_then_what_changes(rig):
    rig.turn()
    assert rig.sent() == [(0xB0, 20, 64)]
    rig.turn()
    rig.set("/gn/part1/pan", -1.0)
    rig.set("/gn/part1/pan", 1.0)
    rig.turn()
    rig.turn()
    assert rig.sent() == [(0xB0, 20, 64), (0xB0, 20, 127)], "the latest value, once"


def test_a_device_that_returns_is_told_everything_again(rig, telemetry):
    rig.turn()
    rig.midi.outs.remove("Faders 20:0")
    rig.set("/gn/part1/pan", 1.0)
    rig.turn()
    rig.inputs.poll()
    assert rig.inputs.outputs == ()
    assert any("MIDI output" in r.text for r in telemetry.take_reports())
    rig.midi.outs.append("Faders 28:0")
    rig.inputs.poll()
    rig.turn()
    assert rig.midi.clients[-1].sent == [(0xB0, 20, 127)]
    rig.midi.present.remove("Faders 20:0")
    rig.inputs.poll()
    assert all(client.closed for client in rig.midi.clients)


def test_feedback_does_not_fight_the_hand_and_is_right_in_the_end(rig, inbox):
    rig.turn()
    rig.midi.receivers["Faders 20:0"]([0xB0, 20, 100])
    rig.now = time.monotonic()
    rig.set("/gn/part1/pan", -1.0, "osc:x")
    rig.turn(0.1)
    assert rig.sent() == [(0xB0, 20, 64)]
    rig.turn(0.3)
    assert rig.sent() == [(0xB0, 20, 64), (0xB0, 20, 0)]


def test_a_fader_is_not_told_where_the_hand_just_put_it(rig, inbox):
    rig.turn()
    rig.midi.receivers["Faders 20:0"]([0xB0, 20, 100])
    (event,) = inbox.drain()
    rig.values["/gn/part1/pan"] = event.args[0]
    rig.now = time.monotonic()
    rig.turn(1.0)
    assert rig.sent() == [(0xB0, 20, 64)]


@pytest.mark.parametrize("mark", ["", "/gn/scene/current"])
def test_a_recall_arms_takeover_and_tells_devices_again(inbox, telemetry, tmp_path, mark):
    rig = Rig(inbox, telemetry, tmp_path, {**FADER, "takeover": "pickup"})
    play = rig.midi.receivers["Faders 20:0"]
    play([0xB0, 20, 64])
    play([0xB0, 20, 80])
    assert len(inbox.drain()) == 2
    rig.turn(1.0)
    rig.set("/gn/part1/pan", -1.0)
    play([0xB0, 20, 90])
    assert inbox.drain() == []
    before = len(rig.sent())
    rig.changes.note(mark, "scene")
    rig.turn(1.0)
    assert rig.sent()[before:] == [(0xB0, 20, 0)]
    rig.inputs.close()


def test_the_clock_is_heard_only_when_it_counts_and_stamped_when_it_came(rig, inbox):
    play = rig.midi.receivers["Faders 20:0"]
    rig.turn()
    assert not rig.midi.inputs["Faders 20:0"].clock
    play([0xF8])
    assert inbox.drain() == []
    rig.values["/gn/clock/source"] = "midi"
    rig.turn()
    assert all(port.clock for port in rig.midi.inputs.values())
    before = time.monotonic()
    for data in ([0xFA], [0xF8], [0xFC]):
        play(data)
    rig.midi.receivers["Keys 24:0"]([0xF8])
    events = inbox.drain()
    assert [(e.addr, e.args) for e in events] == [
        ("/gn/clock/pulse", (kind, 0)) for kind in ("start", "clock", "stop")
    ]
    assert all(before <= e.received <= time.monotonic() for e in events)


def test_where_the_song_goes_on_is_heard_as_the_clock_is(rig, inbox):
    play = rig.midi.receivers["Faders 20:0"]
    play([0xF2, 16, 0])
    assert inbox.drain() == []
    rig.values["/gn/clock/source"] = "midi"
    rig.turn()
    for data in ([0xFC], [0xF2, 5, 2], [0xF2, 5], [0xF2, 5, 200], [0xFB]):
        play(data)
    assert [e.args for e in inbox.drain()] == [("stop", 0), ("position", 2 * 128 + 5), ("continue", 0)]


def test_a_virtual_pair_answers_every_knob_of_the_default_map(inbox, telemetry, tmp_path):
    rig = Rig(inbox, telemetry, tmp_path, virtual=True)
    assert set(rig.inputs.ports) == {"Faders", "Keys", "virtual"}
    assert set(rig.inputs.outputs) == {"Faders", "virtual"}
    rig.midi.receivers[None]([0x90, 60, 127])
    assert [(e.addr, e.source) for e in inbox.drain()] == [("/gn/part1/note", "midi:virtual")]
    for _ in range(20):
        rig.turn()
    out = next(client for client in rig.midi.clients if client.name is None)
    assert (0xB7, 10, 64) in out.sent
    count = len(out.sent)
    rig.set("/gn/part8/pan", 1.0)
    rig.turn()
    assert out.sent[count:] == [(0xB7, 10, 127)]
    rig.inputs.close()


def test_a_system_that_was_lost_is_given_up_as_a_whole(inbox, telemetry, tmp_path):
    rig = Rig(inbox, telemetry, tmp_path, virtual=True)
    rig.midi.generation += 1
    rig.midi.present, rig.midi.ready = [], False
    rig.inputs.poll()
    assert rig.inputs.ports == rig.inputs.outputs == ()
    told = [report.text for report in telemetry.take_reports()]
    assert [name for name in ("Faders", "Keys") if any(f"{name} went away" in text for text in told)]
    assert all(client.closed for client in rig.midi.clients)
    rig.midi.present, rig.midi.ready = ["Faders 20:0"], True
    rig.inputs.poll()
    assert rig.inputs.outputs == ("Faders", "virtual") or set(rig.inputs.outputs) == {"Faders", "virtual"}
    rig.inputs.close()


def test_what_was_touched_last_is_told(rig):
    assert rig.inputs.last_touched is None
    rig.midi.receivers["Faders 20:0"]([0xB0, 20, 127])
    touch = rig.inputs.last_touched
    assert (touch.port, touch.control, touch.addr, touch.value) == (
        "Faders",
        "cc 20 channel 1",
        "/gn/part1/pan",
        1.0,
    )


def test_a_map_loaded_while_playing_is_used_at_once_and_notes_stay_held(rig, inbox, tmp_path):
    play = rig.midi.receivers["Faders 20:0"]
    play([0x90, 60, 9])
    rig.inputs.library.load(str(map_file(tmp_path, {**FADER, "to": "/gn/part2/pan"})))
    rig.turn()
    play([0xB0, 20, 127])
    play([0x80, 60, 0])
    assert [e.addr for e in inbox.drain()] == ["/gn/part1/note", "/gn/part2/pan", "/gn/part1/off"]


def test_learning_takes_the_control_and_nothing_else_and_uses_it(rig, inbox):
    play = rig.midi.receivers["Keys 24:0"]
    told = []
    rig.inputs.learnt = lambda learnt, error: told.append((learnt.address, learnt.source, error))
    rig.inputs.learner.arm(TARGETS["/gn/part5/pan"], "osc:x")
    play([0x90, 60, 9])
    play([0xB2, 33, 10])
    play([0xB2, 33, 11])
    assert [e.addr for e in inbox.drain()] == ["/gn/part1/note"], "keys stay playable"
    rig.now = time.monotonic()
    rig.turn(1.0)
    assert told == [("/gn/part5/pan", "osc:x", "")]
    play([0xB2, 33, 64])
    play([0xB2, 33, 127])
    assert [(e.addr, e.args) for e in inbox.drain()][-1] == ("/gn/part5/pan", (1.0,))
    play([0x90, 61, 9])
    assert inbox.drain()[0].addr == "/gn/part1/note", "the default map is still behind it"


@given(st.lists(st.lists(st.integers(0, 255), max_size=4), max_size=80))
def test_after_any_bytes_and_a_lost_port_no_note_hangs(stream):
    """Property: what came in as noise is let go of when the port goes, and nothing was raised."""
    telemetry = Telemetry()
    inbox, midi = Inbox(telemetry), FakeMidi("Pads")
    inputs = MidiInputs(inbox, telemetry, system=midi)
    inputs.poll()
    for data in stream:
        midi.receivers["Pads"](data)
    midi.present.clear()
    inputs.poll()
    sounding = set()
    while events := inbox.drain():
        for event in events:
            part, _, name = event.addr.removeprefix("/gn/").partition("/")
            if name == "note":
                sounding.add((part, event.args[0]))
            elif name == "off":
                sounding.discard((part, event.args[0]))
            elif event.addr in ("/gn/panic", "/gn/hush"):
                sounding.clear()
    assert not sounding
    assert "midi_internal" not in telemetry.snapshot()


def test_a_fine_fader_is_not_moved_by_coarse_feedback_of_its_own_position(inbox, telemetry, tmp_path):
    fine = {**FADER, "in": {**FADER["in"], "bits": 14}, "feedback": {"bits": 7}}
    rig = Rig(inbox, telemetry, tmp_path, fine)
    rig.turn()
    play = rig.midi.receivers["Faders 20:0"]
    for data in ([0xB0, 20, 100], [0xB0, 52, 64]):
        play(data)
    rig.values["/gn/part1/pan"] = inbox.drain()[-1].args[0]
    rig.now = time.monotonic()
    rig.turn(1.0)
    assert rig.sent() == [(0xB0, 20, 64)]
    rig.inputs.close()
