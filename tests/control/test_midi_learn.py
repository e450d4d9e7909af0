"""Learning: the control that was moved is found, and how it talks is guessed from a slow turn to the left."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.control.midi_commands import MidiCommands, learnable
from ghostnote.control.midi_decode import MidiMessage
from ghostnote.control.midi_files import parse, read
from ghostnote.control.midi_learn import LISTEN_S, Learner, guess, recognise
from ghostnote.control.midi_library import MapLibrary
from ghostnote.control.midi_ports import MidiInputs
from ghostnote.core.tasks import Task
from ghostnote.errors import MapError
from ghostnote.state.registry import TARGETS
from midikit import FADER, FakeMidi, map_file

PAN, MUTE, HIT = (TARGETS[f"/gn/part1/{name}"] for name in ("pan", "mute", "hit"))


def cc(number: int, value: int, channel: int = 1) -> MidiMessage:
    return MidiMessage("control", channel, number, value)


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        ([127, 127, 127], "relative-twos-complement"),
        ([127, 126, 126, 127], "relative-twos-complement"),
        ([65, 65, 65], "relative-signed-bit"),
        ([63, 63, 62, 63], "relative-bin-offset"),
        ([1, 1, 2, 1], "relative-signed-bit-2"),
        ([60, 59, 58, 57], None),
        ([3, 2, 1, 0], None),
        ([127, 0, 127, 0], None),
        ([127], None),
        ([127, 126, 125], None),
    ],
)
def test_encodings_are_told_apart_by_a_slow_turn_to_the_left(values, mode):
    assert guess(values) == mode


@pytest.mark.parametrize(
    ("heard", "target", "control"),
    [
        ([cc(20, v) for v in (60, 59, 58)], PAN, {"in": {"kind": "cc", "channel": 1, "number": 20}}),
        (
            [m for v in range(5) for m in (cc(20, v, 3), cc(52, 9, 3))],
            PAN,
            {"in": {"kind": "cc", "channel": 3, "number": 20, "bits": 14}},
        ),
        ([cc(52, v) for v in (60, 59)], PAN, {"in": {"kind": "cc", "channel": 1, "number": 52}}),
        (
            [cc(99, 2), cc(98, 3), cc(6, 5), cc(6, 6)],
            PAN,
            {"in": {"kind": "nrpn", "channel": 1, "number": 259}},
        ),
        (
            [cc(99, 2), cc(98, 3), cc(6, 5), cc(38, 0), cc(6, 6), cc(38, 1)],
            PAN,
            {"in": {"kind": "nrpn", "channel": 1, "number": 259, "bits": 14}},
        ),
        (
            [cc(48, 127), cc(48, 0)],
            MUTE,
            {"in": {"kind": "cc", "channel": 1, "number": 48}, "mode": "toggle"},
        ),
        ([cc(48, 127)], MUTE, {"in": {"kind": "cc", "channel": 1, "number": 48}}),
        (
            [cc(30, 127)] * 4,
            PAN,
            {"in": {"kind": "cc", "channel": 1, "number": 30}, "mode": "relative-twos-complement"},
        ),
        (
            [MidiMessage("note_on", 10, 36, 9)],
            HIT,
            {"in": {"kind": "note", "channel": 10, "number": 36}},
        ),
        (
            [MidiMessage("note_on", 10, 36, 9)],
            MUTE,
            {"in": {"kind": "note", "channel": 10, "number": 36}, "mode": "toggle"},
        ),
        ([MidiMessage("pitch_bend", 4, 0, 9)], PAN, {"in": {"kind": "pitch_bend", "channel": 4}}),
        ([MidiMessage("channel_pressure", 4, 0, 9)], PAN, {"in": {"kind": "channel_pressure", "channel": 4}}),
    ],
)
def test_controls_are_recognised(heard, target, control):
    assert recognise(heard, target) == {**control, "to": target.addr}


def test_a_parameter_that_was_only_chosen_is_not_enough():
    assert recognise([cc(99, 2), cc(98, 3)], PAN) is None


KINDS = st.sampled_from(["control", "note_on", "pitch_bend", "channel_pressure", "program"])
NUMBERS = st.sampled_from([0, 6, 20, 38, 52, 96, 98, 99, 100, 101])
HEARD = st.builds(MidiMessage, KINDS, st.just(5), NUMBERS, st.integers(0, 127))


@given(st.lists(HEARD, min_size=1, max_size=20), st.sampled_from([PAN, MUTE, HIT]))
def test_whatever_was_heard_what_is_learnt_is_a_good_map(heard, target):
    control = recognise(heard, target)
    if control is not None:
        head = {"schema": "ghostnote-midi-map", "version": 1, "device": {"match": "*"}}
        assert parse({**head, "controls": [control]}, "x").rows[0].channels == (5,)


def test_the_learner_listens_for_a_while_to_one_control_of_one_port():
    learner = Learner()
    assert not learner.hear("a", cc(20, 1), 0.0)
    learner.arm(PAN, "osc:x")
    assert not learner.hear("a", MidiMessage("note_on", 1, 60, 9), 0.0), "the keys play on"
    assert learner.hear("a", cc(20, 60), 1.0)
    assert not learner.hear("b", cc(21, 60), 1.1)
    assert learner.hear("a", cc(20, 59), 1.2)
    assert learner.settle(1.1) is None
    learnt = learner.settle(1.0 + LISTEN_S)
    assert (learnt.port, learnt.address, learnt.source) == ("a", PAN.addr, "osc:x")
    assert not learner.armed


def test_cancelling_forgets():
    learner = Learner()
    learner.arm(PAN, "")
    assert learner.cancel() == PAN.addr
    assert learner.cancel() == ""
    assert not learner.hear("a", cc(20, 1), 0.0)


@pytest.mark.parametrize(
    ("addr", "told"),
    [
        ("/gn/part1/gian", "is no address; the nearest is /gn/part1/gain"),
        ("/gn/slot/a/file", "cannot be learnt: .*takes s:path"),
        ("", "is no address"),
    ],
)
def test_what_cannot_be_learnt_is_told(addr, told):
    with pytest.raises(MapError, match=told):
        learnable(addr)


class Commands:
    """The handlers of `/gn/midi/…`, and what their authors are told."""

    def __init__(self, inbox, telemetry) -> None:
        self.midi = FakeMidi("Knobs 20:0")
        self.inputs = MidiInputs(inbox, telemetry, system=self.midi, library=MapLibrary())
        self.told = []
        self.handlers = MidiCommands(self.inputs, lambda *notice: self.told.append(notice)).handlers
        self.inputs.poll()

    def do(self, name: str, *args: str) -> str:
        target = TARGETS[f"/gn/midi/{name}"]
        return self.handlers[target.name](Task(target, args, "osc:x", 0.0, 7))


@pytest.fixture
def commands(inbox, telemetry):
    made = Commands(inbox, telemetry)
    yield made
    made.inputs.close()


def test_learning_over_osc_from_the_first_word_to_the_file(commands, inbox, home):
    assert "armed for /gn/part3/pan" in commands.do("learn", "/gn/part3/pan")
    play = commands.midi.receivers["Knobs 20:0"]
    for value in (70, 69, 68):
        play([0xB0, 90, value])
    assert inbox.drain() == []
    commands.inputs.turn(1e12)
    assert commands.told == [
        ("osc:x", "/gn/midi/learn", "", "/gn/part3/pan learnt from cc 90 channel 1 of Knobs", 7)
    ]
    play([0xB0, 90, 60])
    play([0xB0, 90, 127])
    assert [(e.addr, e.args) for e in inbox.drain()][-1] == ("/gn/part3/pan", (1.0,))
    assert commands.do("map_save", "mine").endswith("mine.json")
    assert (home / "midi" / "mine.json").exists()
    assert "1 controls for 'Knobs'" in commands.do("map_load", "mine")
    assert commands.do("rescan") == "Knobs"
    assert commands.do("learn_cancel") == "nothing was being learnt"


def test_what_is_saved_is_the_map_of_the_controller_that_learnt_last(commands, home):
    commands.midi.present.append("Pads 24:0")
    commands.inputs.poll()
    for port, number in (("Knobs 20:0", 90), ("Pads 24:0", 91)):
        commands.do("learn", "/gn/part3/pan")
        commands.midi.receivers[port]([0xB0, number, 9])
        commands.inputs.turn(1e12)
    commands.do("map_save", "pads")
    assert read(home / "midi" / "pads.json").match == "Pads"


def test_learning_a_control_that_had_a_row_for_any_channel_replaces_it(home):
    library = MapLibrary()
    library.learn("Knobs", {"in": {"kind": "cc", "number": 9}, "to": "/gn/part1/pan"})
    found = library.learn("Knobs", {"in": {"kind": "cc", "channel": 3, "number": 9}, "to": "/gn/part2/pan"})
    assert [(row.path, row.channels) for row in found.rows] == [("part2/pan", (3,))]


def _learn(library: MapLibrary, port: str, number: int, to: str = "/gn/part1/pan") -> None:
    library.learn(port, {"in": {"kind": "cc", "channel": 1, "number": number}, "to": to})


def _paths(library: MapLibrary, port: str) -> list[str]:
    found = library.of_port(port)
    return [] if found is None else [row.path for row in found.rows]


def test_what_was_learnt_or_loaded_is_handed_to_the_next_core(home, tmp_path, telemetry):
    own = map_file(tmp_path, FADER, match="Faders")
    other = tmp_path / "other.json"
    other.write_text(own.read_text().replace("Faders", "Pads"))
    library = MapLibrary([own], telemetry)
    assert library.kept() == [], "what every start finds by itself is not kept"
    _learn(library, "Knobs 20:0", 90)
    library.load(str(other))
    _learn(library, "Faders 20:0", 91, "/gn/part2/pan")
    kept = json.loads(json.dumps(library.kept(), allow_nan=False))
    assert [entry.get("path") for entry in kept] == [str(own), str(other), None]
    assert ["document" in entry for entry in kept] == [True, False, True]

    again = MapLibrary([own], telemetry)
    before = again.version
    again.take_back(kept)
    assert again.version > before
    for port in ("Knobs 20:0", "Pads 24:0", "Faders 20:0", "Keys 28:0"):
        assert _paths(again, port) == _paths(library, port)
    assert again.kept() == kept, "and to the one after that"
    assert _paths(again, "Faders 20:0") == ["part1/pan", "part2/pan"]
    assert telemetry.take_reports() == []


def test_what_was_saved_is_read_from_where_it_was_saved(home, tmp_path, telemetry):
    library = MapLibrary(telemetry=telemetry)
    _learn(library, "Knobs 20:0", 90)
    path = library.save(str(tmp_path / "elsewhere.json"), "Knobs 20:0")
    (entry,) = library.kept()
    assert entry == {"path": str(path)}
    path.write_text(path.read_text().replace("part1/pan", "part3/pan"))
    again = MapLibrary(telemetry=telemetry)
    again.take_back([entry])
    assert _paths(again, "Knobs 20:0") == ["part3/pan"], "a file that was edited since counts"


@pytest.mark.parametrize(
    "bad",
    [
        7,
        {},
        {"path": 3},
        {"path": "no\0such.json"},
        {"path": "nosuch.json"},
        {"document": []},
        {"document": {"schema": "ghostnote-midi-map", "version": 1, "device": {"match": "x"}}},
    ],
)
def test_a_map_that_cannot_be_handed_on_is_told_and_the_others_are_there(home, telemetry, bad):
    library = MapLibrary(telemetry=telemetry)
    _learn(library, "Knobs 20:0", 90)
    again = MapLibrary(telemetry=telemetry)
    again.take_back([bad, *library.kept(), bad])
    assert _paths(again, "Knobs 20:0") == ["part1/pan"]
    assert "a MIDI map of the last state is lost" in telemetry.take_reports()[0].text
    MapLibrary(telemetry=telemetry).take_back(bad)


def test_wrong_commands_change_nothing(commands):
    with pytest.raises(MapError, match="nearest"):
        commands.do("learn", "/gn/part3/pam")
    assert not commands.inputs.learner.armed
    with pytest.raises(MapError, match="no such map file"):
        commands.do("map_load", "none")
    with pytest.raises(MapError, match="nothing to save"):
        commands.do("map_save", "x")
