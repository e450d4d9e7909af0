"""MIDI inputs that come and go, on a MIDI system made of lists."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from controlkit import wait_for
from ghostnote.control import midi_system
from ghostnote.control.midi_names import display_name, fits
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.control.midi_rtmidi import numbered
from ghostnote.control.midi_system import choose_api, list_outputs, list_ports
from midikit import FakeMidi

ID = 1 << 20


@pytest.fixture
def midi():
    return FakeMidi("nanoPAD2:nanoPAD2 MIDI 1 20:0", "Midi Through:Midi Through Port-0 14:0")


@pytest.fixture
def inputs(inbox, telemetry, midi):
    made = MidiInputs(inbox, telemetry, system=midi)
    made.poll()
    yield made
    made.close()


def heard(inbox):
    return [(e.addr, e.args, e.source) for e in inbox.drain()]


def test_messages_become_events_named_after_their_port(inbox, inputs, midi):
    assert inputs.ports == ("nanoPAD2:nanoPAD2 MIDI 1",)
    play = midi.receivers["nanoPAD2:nanoPAD2 MIDI 1 20:0"]
    play([0x90, 60, 127])
    play([0x99, 36, 127])
    play([0xB0, 120, 0])
    source = "midi:nanoPAD2:nanoPAD2 MIDI 1"
    assert heard(inbox) == [("/gn/panic", (1.0,), source)]
    play([0x90, 60, 127])
    play([0x99, 36, 127])
    play([0xC0, 99])
    assert heard(inbox) == [
        ("/gn/part1/note", (60, 1.0, ID + 60), source),
        ("/gn/part1/hit", (1.0,), source),
        ("/gn/part1/program", (7,), source),
    ]


def test_noise_sysex_and_unmapped_messages_are_counted(inbox, telemetry, inputs, midi):
    (play,) = midi.receivers.values()
    for data in ([], [0x90], [0xF0] + [1] * 10_000, [0xFE], [0x90, 200, 200]):
        play(data)
    play([0xB0, 3, 127])
    assert heard(inbox) == []
    assert telemetry.snapshot()["midi_ignored"] == 5
    assert telemetry.snapshot()["midi_unmapped"] == 1


def test_held_notes_of_a_lost_port_are_released_and_only_those(inbox, telemetry, inputs, midi):
    (play,) = midi.receivers.values()
    for data in ([0x90, 60, 9], [0x90, 62, 9], [0x91, 60, 9], [0x80, 62, 0], [0x90, 64, 9], [0x90, 64, 0]):
        play(data)
    inbox.drain()
    midi.present.clear()
    inputs.poll()
    events = inbox.drain()
    assert [(e.addr, e.args) for e in events] == [
        ("/gn/part1/off", (60, ID + 60)),
        ("/gn/part2/off", (60, ID + 128 + 60)),
    ]
    assert len({e.batch for e in events}) == 1
    assert inputs.ports == ()
    assert midi.receivers == {}
    assert any("went away" in r.text for r in telemetry.take_reports())


def test_a_port_that_is_back_is_opened_again_under_its_new_number(inbox, inputs, midi):
    midi.present = []
    inputs.poll()
    midi.present = ["nanoPAD2:nanoPAD2 MIDI 1 24:0"]
    inputs.poll()
    inputs.poll()
    assert inputs.ports == ("nanoPAD2:nanoPAD2 MIDI 1",)
    assert midi.opened == 2
    midi.receivers["nanoPAD2:nanoPAD2 MIDI 1 24:0"]([0x80, 60, 0])
    assert heard(inbox)[0][0] == "/gn/part1/off"


def test_a_port_replugged_between_two_looks_is_noticed_by_its_number(inbox, inputs, midi):
    (play,) = midi.receivers.values()
    play([0x90, 60, 9])
    midi.present = ["nanoPAD2:nanoPAD2 MIDI 1 24:0"]
    inputs.poll()
    assert [addr for addr, _, _ in heard(inbox)] == ["/gn/part1/note", "/gn/part1/off"]
    assert midi.opened == 2


def test_a_port_that_is_taken_is_told_and_tried_again(telemetry, inputs, midi):
    midi.present.append("Keys 28:0")
    midi.taken.add("Keys 28:0")
    inputs.poll()
    assert any("Keys 28:0 cannot be opened" in r.text for r in telemetry.take_reports())
    midi.taken.clear()
    inputs.poll()
    assert "Keys" in inputs.ports


def test_a_pattern_that_fits_nothing_waits_and_says_so_once(inbox, telemetry):
    midi = FakeMidi("Pads 20:0")
    inputs = MidiInputs(inbox, telemetry, pattern="keys*", system=midi)
    inputs.poll()
    inputs.poll()
    (report,) = telemetry.take_reports()
    assert "'keys*'; waiting for it (inputs now: Pads)" in report.text
    midi.present.append("KeyLab 24:0")
    inputs.poll()
    assert inputs.ports == ()
    midi.present.append("Keys 1 28:0")
    inputs.poll()
    assert inputs.ports == ("Keys 1",)
    inputs.close()


def test_a_missing_midi_system_is_a_note_and_no_error(inbox, telemetry):
    midi = FakeMidi()
    midi.reason = "no ALSA sequencer and no JACK server"
    inputs = MidiInputs(inbox, telemetry, system=midi)
    inputs.start()
    report = wait_for(telemetry.take_reports)[0]
    assert report.text.startswith("no MIDI: no ALSA sequencer and no JACK server; OSC works")
    inputs.close()
    assert midi.closed


def test_a_driver_that_raises_does_not_end_the_watch(inbox, telemetry, monkeypatch):
    midi = FakeMidi()
    inputs = MidiInputs(inbox, telemetry, system=midi, poll_s=0.01)
    monkeypatch.setattr(midi, "names", lambda: 1 / 0)
    inputs.start()
    wait_for(lambda: telemetry.snapshot().get("midi_internal", 0) >= 2)
    monkeypatch.undo()
    midi.present.append("Pads 20:0")
    wait_for(lambda: inputs.ports)
    inputs.close()


def test_closing_releases_what_is_held(inbox, telemetry):
    midi = FakeMidi("Pads")
    inputs = MidiInputs(inbox, telemetry, system=midi)
    inputs.start()
    wait_for(lambda: inputs.ports)
    midi.receivers["Pads"]([0x90, 60, 9])
    inputs.close()
    inputs.close()
    assert [addr for addr, _, _ in heard(inbox)] == ["/gn/part1/note", "/gn/part1/off"]


@pytest.mark.parametrize(
    ("name", "pattern", "fit"),
    [
        ("nanoKONTROL2:CTRL 20:0", None, True),
        ("Midi Through:Midi Through Port-0 14:0", None, False),
        ("ghostnote:in 130:0", None, False),
        ("ghostnote-out:out", "*", False),
        ("ghostnote-out-01:out", "out", False),
        ("ghostnote-controller:pads", "pads", True),
        ("ghostnote:out 131:0", "ghostnote*", True),
        ("Launch Control XL   20:0", "launch control xl", True),
        ("Midi Through:Midi Through Port-0 14:0", "through", True),
        ("nanoKONTROL2:CTRL 20:0", "NANO", True),
        ("nanoKONTROL2:CTRL 20:0", "nano*ctrl", True),
        ("nanoKONTROL2:CTRL 20:0", "ctrl*", False),
        ("nanoKONTROL2:CTRL 20:0", "20:0", False),
        ("nanoKONTROL2:CTRL 20:0", "nano?ontrol[23]*", True),
    ],
)
def test_which_ports_a_pattern_fits(name, pattern, fit):
    assert fits(name, pattern) is fit


def test_the_list_for_people_has_no_client_numbers():
    midi = FakeMidi("Pads 20:0", "Keys")
    assert list_ports(midi) == ["Pads", "Keys"]
    assert midi.closed
    midi.outs = ["Lights 24:0"]
    assert list_outputs(midi) == ["Lights"]
    assert midi.clients[0].closed
    assert display_name("Korg 2:1 thing") == "Korg 2:1 thing"


def test_equal_names_are_told_apart():
    assert numbered(["Pads", "Keys", "Pads", None]) == ["Pads", "Keys", "Pads #2", "unnamed"]


def binding(*compiled: str) -> SimpleNamespace:
    names = ("LINUX_ALSA", "UNIX_JACK", "MACOSX_CORE", "WINDOWS_MM", "RTMIDI_DUMMY")
    apis = {f"API_{name}": n for n, name in enumerate(names)}
    return SimpleNamespace(**apis, get_compiled_api=lambda: [apis[f"API_{name}"] for name in compiled])


@pytest.mark.parametrize(
    ("compiled", "sequencer", "jack", "chosen"),
    [
        (("LINUX_ALSA", "UNIX_JACK"), True, False, 0),
        (("LINUX_ALSA", "UNIX_JACK"), False, False, 1),
        (("LINUX_ALSA", "UNIX_JACK"), True, True, 1),
        (("LINUX_ALSA",), False, False, None),
        (("LINUX_ALSA",), True, True, None),
        (("MACOSX_CORE", "UNIX_JACK"), False, False, 2),
        (("WINDOWS_MM",), False, False, 3),
        (("RTMIDI_DUMMY",), False, False, None),
    ],
)
def test_which_midi_system_is_used(tmp_path, monkeypatch, compiled, sequencer, jack, chosen):
    device = tmp_path / "seq"
    if sequencer:
        device.touch()
    monkeypatch.setattr(midi_system, "_ALSA_SEQUENCER", str(device))
    api, reason = choose_api(binding(*compiled), jack)
    assert api == chosen
    assert bool(reason) or chosen is not None
