"""Messages that belong together: high and low bits, registered and other parameters."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.control.midi_decode import MidiMessage, decode
from ghostnote.control.midi_pairs import LSB_WAIT_S, Pairs

ANY = 0.0


def pairs(fine=lambda channel, number: number < 32, plain=lambda channel, number: False) -> Pairs:
    return Pairs(fine, plain)


def sent(made: Pairs, *controls: tuple[int, int], channel: int = 0, now: float = ANY) -> list[MidiMessage]:
    found = []
    for control, value in controls:
        message = mido.Message("control_change", channel=channel, control=control, value=value)
        found += made.take(decode(message.bytes()), now)
    return found


def test_high_bits_alone_are_seven_bits_at_once():
    assert sent(pairs(), (20, 5), (20, 127)) == [
        MidiMessage("control", 1, 20, 5),
        MidiMessage("control", 1, 20, 127),
    ]


def test_after_the_first_low_bits_high_bits_wait_for_theirs():
    made = pairs()
    assert sent(made, (20, 5), (52, 3)) == [
        MidiMessage("control", 1, 20, 5),
        MidiMessage("control", 1, 20, 5 << 7 | 3, 14),
    ]
    assert sent(made, (20, 6)) == []
    assert made.waiting
    assert sent(made, (52, 9)) == [MidiMessage("control", 1, 20, 6 << 7 | 9, 14)]
    assert not made.waiting


def test_low_bits_that_do_not_come_are_zero_after_a_while():
    made = pairs()
    sent(made, (20, 5), (52, 3))
    sent(made, (20, 6), now=10.0)
    assert made.due(10.0 + LSB_WAIT_S / 2) == []
    assert made.due(10.0 + LSB_WAIT_S) == [MidiMessage("control", 1, 20, 6 << 7, 14)]
    assert made.due(99.0) == []


def test_high_bits_that_follow_high_bits_end_the_wait():
    made = pairs()
    sent(made, (20, 5), (52, 3))
    assert sent(made, (20, 6), (20, 7)) == [MidiMessage("control", 1, 20, 6 << 7, 14)]


def test_low_bits_alone_refine_what_came_last():
    made = pairs()
    sent(made, (20, 5), (52, 3))
    assert sent(made, (52, 4)) == [MidiMessage("control", 1, 20, 5 << 7 | 4, 14)]


def test_low_bits_of_nothing_do_nothing_and_those_of_others_are_controllers():
    assert sent(pairs(), (52, 3)) == []
    assert sent(pairs(lambda c, n: False), (52, 3)) == [MidiMessage("control", 1, 52, 3)]
    assert sent(pairs(plain=lambda c, n: n == 52), (52, 3)) == [MidiMessage("control", 1, 52, 3)]


@pytest.mark.parametrize(("kind", "high", "low"), [("rpn", 101, 100), ("nrpn", 99, 98)])
def test_parameters_are_set_finely_and_stepped(kind, high, low):
    made = pairs()
    assert sent(made, (high, 3), (low, 4), (6, 10)) == [MidiMessage(kind, 1, 3 << 7 | 4, 10)]
    assert sent(made, (38, 11)) == [MidiMessage(kind, 1, 3 << 7 | 4, 10 << 7 | 11, 14)]
    assert sent(made, (96, 0), (97, 0)) == [
        MidiMessage(kind, 1, 3 << 7 | 4, 1, 0),
        MidiMessage(kind, 1, 3 << 7 | 4, -1, 0),
    ]


def test_the_null_parameter_takes_nothing():
    made = pairs(lambda c, n: False)
    sent(made, (101, 0), (100, 0), (101, 127), (100, 127))
    assert sent(made, (38, 5), (96, 0)) == []
    assert sent(made, (6, 5)) == [MidiMessage("control", 1, 6, 5)], "data entry is a knob like any other"


def test_choosing_an_nrpn_forgets_the_rpn_until_its_number_is_whole():
    made = pairs(lambda c, n: False)
    sent(made, (101, 0), (100, 0), (99, 1))
    assert sent(made, (6, 5)) == [MidiMessage("control", 1, 6, 5)]
    assert sent(made, (98, 2), (6, 5)) == [MidiMessage("nrpn", 1, 130, 5)]


def test_channels_do_not_mix():
    made = pairs(lambda c, n: False)
    sent(made, (101, 0), (100, 0), channel=2)
    assert sent(made, (6, 5), channel=3) == [MidiMessage("control", 4, 6, 5)]
    assert sent(made, (6, 5), channel=2) == [MidiMessage("rpn", 3, 0, 5)]


def test_a_map_that_wants_a_controller_itself_gets_it():
    made = pairs(plain=lambda c, n: n in (6, 99))
    assert [m.number for m in sent(made, (99, 1), (98, 2), (6, 3))] == [99, 6]


@given(st.lists(st.integers(0, 16383), min_size=1, max_size=20))
def test_whatever_is_sent_as_pairs_comes_out_whole(values):
    """Round trip: split by the MIDI specification, put together here."""
    made = pairs()
    sent(made, (7, 0), (39, 0))
    found = [m.value for value in values for m in sent(made, (7, value >> 7), (39, value & 127))]
    assert found == values


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 127), st.integers(0, 15)), max_size=200))
def test_noise_never_raises_and_memory_is_bounded(stream):
    made = pairs()
    for n, (control, value, channel) in enumerate(stream):
        made.take(MidiMessage("control", channel + 1, control, value), n / 100)
        made.due(n / 100)
    assert len(made._pairs) <= 512
