"""The default MIDI map: every row leads to a table row, and knobs reach both ends of their range."""

from __future__ import annotations

import pytest

from ghostnote.control.midi_decode import MidiMessage, decode
from ghostnote.control.midi_map import DEFAULT_MAP, Mapping, MidiMap, with_echo
from ghostnote.control.midi_player import Player
from ghostnote.control.midi_takeover import Takeover
from ghostnote.control.midi_values import knob_position
from ghostnote.state.registry import DEFAULTS, TARGETS, check
from ghostnote.state.table import AXES, PARTS, SLOTS, Parameter

MAP = MidiMap()
KNOBS = [row for row in DEFAULT_MAP if row.form == "knob"]


def played(*data: int):
    """What one message does on a port where nothing was played before; None if nothing is mapped to it."""
    message = decode(data)
    assert message is not None
    return Player("port", 0, MAP, DEFAULTS, Takeover()).play(message, 0.0)


def turned(number: int, value: int, part: int = 1):
    """Where a default knob puts its parameter, once it has hold of it."""
    player = Player("port", 0, MAP, DEFAULTS, Takeover())
    for position in (0, 127, value):
        actions = player.play(MidiMessage("control", part, number, position), 0.0)
    ((addr, (found,)),) = actions
    return addr, found


ID = 1 << 20


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([0x90, 60, 127], ("/gn/part1/note", (60, 1.0, ID + 60))),
        ([0x97, 0, 1], ("/gn/part8/note", (0, 1 / 127, ID + 7 * 128))),
        ([0x91, 60, 0], ("/gn/part2/off", (60, -1))),
        ([0x81, 60, 9], ("/gn/part2/off", (60, -1))),
        ([0x99, 36, 127], ("/gn/part1/hit", (1.0,))),
        ([0x99, 43, 127], ("/gn/part8/hit", (1.0,))),
        ([0x99, 46, 127], ("/gn/part1/program", (2,))),
        ([0xE2, 0, 64], ("/gn/part3/bend", (0.0,))),
        ([0xE2, 0, 0], ("/gn/part3/bend", (-1.0,))),
        ([0xE2, 127, 127], ("/gn/part3/bend", (1.0,))),
        ([0xB0, 120, 0], ("/gn/panic", ())),
        ([0xBF, 120, 0], ("/gn/panic", ())),
        ([0xB9, 123, 0], ("/gn/hush", ())),
        ([0xB4, 121, 0], ("/gn/part5/reset", ())),
        ([0xC5, 2], ("/gn/part6/program", (2,))),
        ([0xB0, 10, 64], ("/gn/part1/pan", (0.0,))),
        ([0xB0, 1, 0], ("/gn/part1/variance", (0.0,))),
    ],
)
def test_messages_and_where_they_go(data, expected):
    ((addr, args),) = played(*data)
    assert (addr, args) == (expected[0], pytest.approx(expected[1]))


@pytest.mark.parametrize("data", [[0x99, 35, 100], [0x99, 52, 100], [0x98, 60, 9], [0xBF, 10, 9]])
def test_what_is_not_mapped(data):
    assert played(*data) is None


def test_every_knob_reaches_both_ends_of_its_range_on_every_part():
    assert len(KNOBS) >= 5 + len(AXES) + len(SLOTS)
    for row in (r for r in KNOBS if "{part}" in r.path):
        for part in PARTS:
            low, high = turned(row.number, 0, part), turned(row.number, 127, part)
            target = TARGETS[low[0]].row
            assert isinstance(target, Parameter)
            assert TARGETS[low[0]].part == part
            assert (low[1], high[1]) == (pytest.approx(target.low), pytest.approx(target.high))


def test_a_knob_turned_up_never_turns_a_value_down():
    for row in (r for r in KNOBS if "{part}" in r.path and TARGETS[turned(r.number, 0)[0]].row.kind == "f"):
        values = [turned(row.number, v)[1] for v in range(0, 128, 3)]
        assert values == sorted(values)
        assert len(set(values)) == len(values)


def test_a_knob_and_its_value_agree_both_ways():
    """Round trip: the value of a knob position leads back to that position."""
    for row in (r for r in KNOBS if "{part}" in r.path and TARGETS[turned(r.number, 0)[0]].row.kind == "f"):
        for position in (0, 1, 63, 64, 65, 126, 127):
            addr, value = turned(row.number, position, 4)
            assert TARGETS[addr].row.to_unit(value) == pytest.approx(knob_position(position), abs=1e-9)


def test_all_that_is_mapped_passes_the_registrys_check():
    for status in range(0x80, 0xF0):
        for number in range(128):
            for value in (0, 1, 64, 127):
                for addr, args in played(*[status, number, value][: 2 if 0xC0 <= status < 0xE0 else 3]) or ():
                    _, clipped = check(TARGETS[addr], args)
                    assert not clipped or addr.endswith("/program")


def test_no_two_rows_want_the_same_message():
    keys = [(row.kind, row.number, channel) for row in DEFAULT_MAP for channel in row.channels]
    assert len(keys) == len(set(keys))


def test_low_bits_belong_to_no_other_row():
    plain = {row.number for row in DEFAULT_MAP if row.kind == "control" and row.bits == 7}
    fine = {row.number + 32 for row in DEFAULT_MAP if row.kind == "control" and row.bits == 14}
    assert not plain & (fine | {0, 6, 32, 38, *range(96, 102)})


def test_a_map_that_names_an_unknown_address_is_refused():
    with pytest.raises(ValueError, match="part1/nonsense"):
        MidiMap([Mapping("control", 1, "part{part}/nonsense", "knob")])


def test_the_echo_of_the_default_map_answers_every_knob_where_it_stands():
    told = MidiMap(with_echo()).with_feedback
    assert len(told) == sum(len(row.channels) for row in KNOBS)
    for bound in told:
        feedback = bound.row.feedback
        assert (feedback.number, (feedback.channel,)) == (bound.row.number, bound.row.channels)
        assert feedback.source == bound.target.addr
