"""Map files: what is read, what is refused and where, and what outlives a rewrite."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.control import midi_library
from ghostnote.control.midi_files import MapFile, parse, read
from ghostnote.control.midi_library import MapLibrary, compiled
from ghostnote.control.midi_schema import schema
from ghostnote.errors import MapError
from ghostnote.telemetry import Telemetry

GOOD = {
    "schema": "ghostnote-midi-map",
    "version": 1,
    "device": {"match": "nanoKONTROL2*", "direction": "in+out"},
    "note": "unknown keys stay",
    "controls": [
        {
            "in": {"kind": "cc", "channel": 1, "number": 20, "bits": 14},
            "to": "/gn/part1/axis/d1",
            "range": [-2.0, 2.0],
            "curve": "linear",
            "mode": "absolute",
            "takeover": "pickup",
            "feedback": {"kind": "cc", "channel": 1, "number": 20},
            "colour": "blue",
        },
        {
            "in": {"kind": "cc", "channel": 1, "number": 30},
            "to": "/gn/part1/axis/d2",
            "mode": "relative-twos-complement",
            "step": 0.02,
        },
        {
            "in": {"kind": "note", "channel": 10, "number": 36},
            "to": "/gn/part1/hit",
            "feedback": {"on": 127, "off": 0, "from": "/gn/part1/mute", "threshold": 0.05},
        },
        {"in": {"kind": "program"}, "to": "/gn/part1/program"},
    ],
}


def changed(path: str, value: object) -> dict:
    """GOOD with one value changed, at a path such as `controls.0.in.kind`; `...` removes it."""
    document = copy.deepcopy(GOOD)
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place = document
    for step in parents:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def test_a_good_map_is_read_as_written(tmp_path):
    path = tmp_path / "nano.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    found = read(path)
    assert (found.match, found.defaults, found.out, len(found.rows)) == ("nanoKONTROL2*", True, True, 4)
    fine, endless, pad, program = found.rows
    assert (fine.kind, fine.number, fine.bits, fine.low, fine.high) == ("control", 20, 14, -2.0, 2.0)
    assert (endless.mode, endless.step) == ("relative-twos-complement", 0.02)
    assert (pad.form, pad.feedback.source, pad.feedback.kind) == ("velocity", "/gn/part1/mute", "note_on")
    assert (program.form, len(program.channels)) == ("number", 16)
    compiled(found)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("schema", "other", 'not a MIDI map: "schema" must be'),
        ("schema", ..., "not a MIDI map"),
        ("version", 2, r"newer ghostnote \(version 2, this one reads 1\)"),
        ("version", "1", '"version" must be a whole number, found "1"'),
        ("version", True, '"version" must be a whole number'),
        ("device", ..., '"device" is missing'),
        ("device", [], "device: expected an object with named values, found a list of 0"),
        ("device.match", "", 'device: "match" must be a text'),
        ("device.direction", "out", '"direction" must be one of in, in.out, found "out"'),
        ("controls", {}, '"controls" must be a list, found an object'),
        ("controls.1", 5, r"controls\[1\]: expected an object"),
        ("controls.0.in", ..., r'controls\[0\]: "in" is missing'),
        ("controls.0.in.kind", "sysex", r'controls\[0\]: in: "kind" must be one of cc, nrpn'),
        ("controls.0.in.kind", ..., '"kind" is missing'),
        ("controls.0.in.kind", [], '"kind" must be one of'),
        ("controls.0.in.number", 128, '"number" must be a whole number from 0 to 127, found 128'),
        ("controls.0.in.number", ..., '"number" is missing'),
        ("controls.0.in.number", 40, '"bits" is 7, or 14 for controllers 0 to 31'),
        ("controls.0.in.channel", 0, '"channel" must be a whole number from 1 to 16'),
        ("controls.0.in.bits", 8, '"bits" is 7, or 14'),
        (
            "controls.0.to",
            "/gn/part1/gian",
            "no such address '/gn/part1/gian'; the nearest is /gn/part1/gain",
        ),
        ("controls.0.to", 7, '"to" must be a text'),
        ("controls.0.range", [1], '"range" must be two numbers, found a list of 1'),
        ("controls.0.range", [-5, 2], '"range" must be within -4 to 4 for /gn/part1/axis/d1'),
        ("controls.0.range", [1e400, 2], '"range" must be two numbers'),
        ("controls.0.curve", "log", '"curve" must be one of linear'),
        ("controls.0.mode", "relative", '"mode" must be one of absolute, toggle'),
        ("controls.0.takeover", None, '"takeover" is missing'),
        ("controls.0.feedback", 3, "feedback: expected an object"),
        ("controls.0.feedback.number", -1, 'feedback: "number" must be'),
        ("controls.0.args", [1], '"args" are for commands'),
        ("controls.2.args", ["loud"], "\"args\": /gn/part1/hit takes a number, got the word 'loud'"),
        ("controls.2.feedback.from", "/gn/part1/hit", 'no value to tell; name one with "from"'),
        ("controls.1.step", 2, '"step" must be a number from 0 to 1'),
        ("controls.3.to", "/gn/slot/a/file", "takes s:path, got 0 arguments"),
        ("controls.2.mode", "relative-bin-offset", "endless controls are of kind cc, not note"),
        ("defaults", "no", '"defaults" must be true or false'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path, value, told):
    with pytest.raises(MapError, match=told) as raised:
        parse(changed(path, value), "nano.json")
    assert str(raised.value).startswith("nano.json")


def test_two_rows_for_one_control_are_refused():
    document = changed("controls.1.in.number", 20)
    with pytest.raises(MapError, match=r"controls\[1\]: its control is that of controls\[0\] already"):
        parse(document, "x")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b" " * (1 << 20) + b"  {}", "larger than a map file can be"),
        (b"[]", "expected an object"),
        (b'{"version": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, data, told):
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(MapError, match=told) as raised:
        read(path)
    assert "bad.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_files_and_folders_are_told(tmp_path):
    with pytest.raises(MapError, match="no such map file"):
        read(tmp_path / "none.json")
    with pytest.raises(MapError, match="cannot be read"):
        read(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PATHS = [
    "device",
    "device.match",
    "controls",
    "controls.0",
    "controls.0.in",
    "controls.0.in.kind",
    "controls.0.in.channel",
    "controls.0.in.number",
    "controls.0.in.bits",
    "controls.0.to",
    "controls.0.range",
    "controls.0.curve",
    "controls.0.mode",
    "controls.0.takeover",
    "controls.0.feedback",
    "controls.2.feedback.on",
    "controls.2.args",
    "defaults",
    "version",
    "takeover",
]


@given(st.sampled_from(PATHS), JSON)
def test_whatever_stands_anywhere_it_is_a_map_or_one_clear_error(path, value):
    try:
        found = parse(changed(path, value), "x.json")
    except MapError as error:
        told = str(error)
    else:
        assert isinstance(found, MapFile)
        told = f"x.json: {len(compiled(found).with_feedback)} told back"
    assert told.startswith("x.json")


@pytest.fixture
def library(home) -> MapLibrary:
    folder = home / "midi"
    folder.mkdir()
    (folder / "nano.json").write_text(json.dumps(GOOD))
    return MapLibrary()


def test_maps_of_the_users_folder_go_with_their_devices(library):
    assert library.of_port("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0").match == "nanoKONTROL2*"
    assert library.of_port("Keys 24:0") is None


def test_a_damaged_map_in_the_folder_is_told_and_left_out(home, library):
    (home / "midi" / "bad.json").write_text("{")
    telemetry = Telemetry()
    assert len(MapLibrary(telemetry=telemetry).maps) == 1
    (report,) = telemetry.take_reports()
    assert "left out" in report.text
    assert "bad.json" in report.text


def test_a_map_that_was_asked_for_must_be_sound_at_the_start_and_not_after_a_crash(tmp_path):
    with pytest.raises(MapError, match="no such map file"):
        MapLibrary([tmp_path / "x.json"])
    telemetry = Telemetry()
    assert MapLibrary([tmp_path / "x.json"], telemetry, strict=False).maps == ()
    assert telemetry.take_reports()


def test_a_bad_map_leaves_the_old_one(home, library):
    before, version = library.maps, library.version
    (home / "midi" / "bad.json").write_text(json.dumps(changed("controls.0.to", "/gn/nowhere")))
    for wanted in ("bad", "none", "", "a\0b", str(home)):
        with pytest.raises(MapError):
            library.load(wanted)
    assert (library.maps, library.version) == (before, version)


def test_learnt_controls_are_saved_with_all_that_is_not_understood(home, library):
    control = {"in": {"kind": "cc", "channel": 1, "number": 30}, "to": "/gn/part2/pan"}
    library.learn("nanoKONTROL2 20:0", control)
    path = library.save("my nano", "nanoKONTROL2 20:0")
    assert path == home / "midi" / "my-nano.json"
    written = json.loads(path.read_text())
    assert written["note"] == "unknown keys stay"
    assert written["controls"][0]["colour"] == "blue"
    assert written["controls"][-1] == control
    assert len(written["controls"]) == 4, "it replaces what the control did before"
    assert read(path).rows[-1].path == "part2/pan"
    assert not list(path.parent.glob("*.part"))


def test_learning_on_a_port_without_a_map_begins_one_for_its_very_name(library):
    control = {"in": {"kind": "cc", "channel": 1, "number": 30}, "to": "/gn/part2/pan"}
    library.learn("Odd [1] * 24:0", control)
    assert library.of_port("Odd [1] * 28:0").rows[0].path == "part2/pan"
    assert library.of_port("Odd 1 x") is None


def test_saving_where_nothing_can_be_written_says_so(home, library):
    (home / "file").write_text("")
    with pytest.raises(MapError, match="cannot be written"):
        library.save(str(home / "file" / "x.json"), None)
    assert library.maps[0].path == home / "midi" / "nano.json"


def test_nothing_to_save_is_told(home):
    with pytest.raises(MapError, match="nothing to save"):
        MapLibrary().save("x", None)


def test_the_published_schema_is_that_of_the_code():
    published = Path(__file__).resolve().parents[2] / "docs" / "reference" / "midi-map.schema.json"
    expected = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    assert published.read_text(encoding="utf-8") == expected, "run: ghostnote midi schema"


def test_the_schema_knows_every_key_that_the_reader_does():
    control = schema()["properties"]["controls"]["items"]["properties"]
    assert {k for c in GOOD["controls"] for k in c} - set(control) == {"colour"}
    feedback = control["feedback"]["oneOf"][1]["properties"]
    assert {"on", "off", "from", "threshold", "kind", "channel", "number", "bits"} == set(feedback)


def test_the_library_folder_is_the_users(home):
    assert midi_library.folder() == home / "midi"


@pytest.mark.parametrize(("args", "steps"), [([], 1), ([-1], -1)])
def test_a_pad_steps_a_part_through_neighbours(args, steps):
    control = {"in": {"kind": "note", "channel": 10, "number": 52}, "to": "/gn/part2/similar", "args": args}
    (row,) = parse({**GOOD, "controls": [control]}, "a map").rows
    assert (row.form, row.args) == ("fixed", (steps, "", ""))
