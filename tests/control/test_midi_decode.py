"""MIDI decoding: the seven channel messages, and nothing else."""

from __future__ import annotations

import random

import mido
import pytest

from ghostnote.control.midi_decode import MidiMessage, decode, decode_pulse, is_pulse


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([0x90, 60, 100], MidiMessage("note_on", 1, 60, 100)),
        ([0x9F, 0, 127], MidiMessage("note_on", 16, 0, 127)),
        ([0x90, 60, 0], MidiMessage("note_off", 1, 60, 0)),
        ([0x82, 61, 64], MidiMessage("note_off", 3, 61, 64)),
        ([0xA0, 60, 5], MidiMessage("poly_pressure", 1, 60, 5)),
        ([0xB1, 7, 127], MidiMessage("control", 2, 7, 127)),
        ([0xC7, 3], MidiMessage("program", 8, 3, 0)),
        ([0xD0, 99], MidiMessage("channel_pressure", 1, 0, 99)),
        ([0xE0, 0, 64], MidiMessage("pitch_bend", 1, 0, 0)),
        ([0xE0, 0, 0], MidiMessage("pitch_bend", 1, 0, -8192)),
        ([0xE0, 127, 127], MidiMessage("pitch_bend", 1, 0, 8191)),
    ],
)
def test_channel_messages(data, expected):
    assert decode(data) == expected
    assert decode(bytes(data)) == expected


@pytest.mark.parametrize(
    "data",
    [
        [],
        [0x90],
        [0x90, 60],
        [0x90, 60, 128],
        [0x90, 60, -1],
        [0x90, 60, 100, 1],
        [60, 100, 1],
        [0xC0, 1, 2],
        [0xC0],
        [0xF0, 1, 0xF7],
        [0xF8],
        [0xF2, 1, 2],
        [0xFF, 0, 0],
        [300, 1, 1],
    ],
)
def test_everything_else_is_no_message(data):
    assert decode(data) is None


@pytest.mark.parametrize(
    ("data", "pulse"),
    [
        ([0xF8], ("clock", 0)),
        ([0xFA], ("start", 0)),
        ([0xFB], ("continue", 0)),
        ([0xFC], ("stop", 0)),
        ([0xF2, 0, 0], ("position", 0)),
        ([0xF2, 127, 127], ("position", 16383)),
        ([0xF2, 1, 2], ("position", 257)),
        ([0xF2, 1], None),
        ([0xF2, 1, 2, 3], None),
        ([0xF2, 1, 128], None),
        ([0xFE], None),
    ],
)
def test_messages_for_clocks(data, pulse):
    assert is_pulse(data)
    assert decode_pulse(data) == pulse


def test_channel_messages_are_none_for_clocks():
    for data in ([], [0x90, 60, 1], [0xC0, 1], [0xF0, 1, 0xF7]):
        assert not is_pulse(data)
        assert decode_pulse(data) is None


def test_noise_never_raises():
    dice = random.Random(1983)
    heard = 0
    for _ in range(300_000):
        heard += decode([dice.randrange(256) for _ in range(dice.randrange(5))]) is not None
    assert heard > 0


def test_it_agrees_with_mido_on_every_channel_message():
    dice = random.Random(7)
    bend = {"pitchwheel": "pitch_bend", "control_change": "control", "program_change": "program"}
    names = bend | {"polytouch": "poly_pressure", "aftertouch": "channel_pressure"}
    for status in range(0x80, 0xF0):
        data = [status, dice.randrange(128), dice.randrange(1, 128)][: 2 if 0xC0 <= status < 0xE0 else 3]
        ours, theirs = decode(data), mido.Message.from_bytes(data)
        assert ours is not None
        assert ours.kind == names.get(theirs.type, theirs.type)
        assert ours.channel == theirs.channel + 1
        fields = theirs.dict()
        for name in ("note", "control", "program"):
            assert fields.get(name, ours.number) == ours.number
        for name in ("velocity", "value", "pitch"):
            assert fields.get(name, ours.value) == ours.value
