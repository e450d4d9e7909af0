"""The default MIDI map: every row leads to a table row, and knobs reach both ends of their range."""

from __future__ import annotations

import pytest

from ghostnote.control.midi_decode import MidiMessage, decode
from ghostnote.control.midi_map import DEFAULT_MAP, Mapping, MidiMap, knob_position
from ghostnote.state.registry import TARGETS, check
from ghostnote.state.table import AXES, PARTS, SLOTS, Parameter

MAP = MidiMap()


def played(*data: int):
    message = decode(data)
    assert message is not None
    return MAP.translate(message)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([0x90, 60, 127], ("/gn/part1/note", (60, 1.0))),
        ([0x97, 0, 1], ("/gn/part8/note", (0, 1 / 127))),
        ([0x91, 60, 0], ("/gn/part2/off", (60,))),
        ([0x81, 60, 9], ("/gn/part2/off", (60,))),
        ([0x99, 36, 127], ("/gn/part1/hit", (1.0,))),
        ([0x99, 43, 127], ("/gn/part8/hit", (1.0,))),
        ([0xE2, 0, 64], ("/gn/part3/bend", (0.0,))),
        ([0xE2, 0, 0], ("/gn/part3/bend", (-1.0,))),
        ([0xE2, 127, 127], ("/gn/part3/bend", (1.0,))),
        ([0xB0, 120, 0], ("/gn/panic", ())),
        ([0xBF, 120, 0], ("/gn/panic", ())),
        ([0xB9, 123, 0], ("/gn/hush", ())),
        ([0xB4, 121, 0], ("/gn/part5/reset", ())),
        ([0xC5, 2], ("/gn/part6/program", (2,))),
        ([0xB0, 10, 64], ("/gn/part1/pan", (0.0,))),
        ([0xB0, 10, 0], ("/gn/part1/pan", (-1.0,))),
        ([0xB0, 10, 127], ("/gn/part1/pan", (1.0,))),
        ([0xB0, 7, 0], ("/gn/part1/gain", (-60.0,))),
    ],
)
def test_messages_and_where_they_go(data, expected):
    addr, args = played(*data)
    assert (addr, args) == (expected[0], pytest.approx(expected[1]))


@pytest.mark.parametrize(
    "data",
    [
        [0x99, 35, 100],
        [0x99, 44, 100],
        [0x89, 36, 0],
        [0x98, 60, 9],
        [0xB0, 64, 127],
        [0xD0, 9],
        [0xBF, 7, 9],
    ],
)
def test_what_is_not_mapped(data):
    assert played(*data) is None


def test_every_knob_reaches_both_ends_of_its_range_on_every_part():
    knobs = [row for row in DEFAULT_MAP if row.form == "knob"]
    assert len(knobs) == 5 + len(AXES) + len(SLOTS)
    for row in knobs:
        for part in PARTS:
            low = MAP.translate(MidiMessage("control", part, row.number, 0))
            high = MAP.translate(MidiMessage("control", part, row.number, 127))
            target = TARGETS[low[0]].row
            assert isinstance(target, Parameter)
            assert TARGETS[low[0]].part == part
            assert (low[1], high[1]) == ((pytest.approx(target.low),), (pytest.approx(target.high),))


def test_a_knob_turned_up_never_turns_a_value_down():
    for row in (r for r in DEFAULT_MAP if r.form == "knob"):
        values = [MAP.translate(MidiMessage("control", 1, row.number, v))[1][0] for v in range(128)]
        assert values == sorted(values)
        assert len(set(values)) == 128


def test_a_knob_and_its_value_agree_both_ways():
    """Round trip: the value of a knob position leads back to that position."""
    for row in (r for r in DEFAULT_MAP if r.form == "knob"):
        for position in (0, 1, 63, 64, 65, 126, 127):
            addr, (value,) = MAP.translate(MidiMessage("control", 4, row.number, position))
            assert TARGETS[addr].row.to_unit(value) == pytest.approx(knob_position(position), abs=1e-9)


def test_all_that_is_mapped_passes_the_registrys_check():
    for status in range(0x80, 0xF0):
        for number in range(128):
            for value in (0, 1, 64, 127):
                data = [status, number, value][: 2 if 0xC0 <= status < 0xE0 else 3]
                mapped = MAP.translate(decode(data))
                if mapped is not None:
                    _, clipped = check(TARGETS[mapped[0]], mapped[1])
                    assert not clipped or mapped[0].endswith("/program")


def test_no_two_rows_want_the_same_message():
    keys = [(row.kind, row.number, channel) for row in DEFAULT_MAP for channel in row.channels]
    assert len(keys) == len(set(keys))


def test_a_map_that_names_an_unknown_address_is_refused():
    with pytest.raises(ValueError, match="part1/nonsense"):
        MidiMap([Mapping("control", 1, "part{part}/nonsense", "knob")])
