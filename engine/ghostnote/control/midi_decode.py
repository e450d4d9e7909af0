"""Messages of MIDI 1.0, decoded one by one: channel messages, and the clock's; everything else is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "note_off",
    "note_on",
    "poly_pressure",
    "control",
    "program",
    "channel_pressure",
    "pitch_bend",
    "rpn",
    "nrpn",
]
Pulse = Literal["clock", "start", "continue", "stop", "position"]

_KINDS: tuple[Kind, ...] = (
    "note_off",
    "note_on",
    "poly_pressure",
    "control",
    "program",
    "channel_pressure",
    "pitch_bend",
)
_ONE_BYTE = frozenset({"program", "channel_pressure"})
_POSITION = 0xF2
_PULSES: dict[int, Pulse] = {0xF8: "clock", 0xFA: "start", 0xFB: "continue", 0xFC: "stop"}


@dataclass(frozen=True, slots=True)
class MidiMessage:
    """A channel message: `channel` 1…16.

    `number` is the pitch, controller or program (0 where there is none), `value` is the velocity,
    controller value or pressure (0…127), or the pitch bend (−8192…8191).

    What `midi_pairs` puts together has `bits` 14 and a `value` of 0…16383, or `bits` 0 and a `value` of ±1
    for an increment or decrement of a parameter; the kinds `rpn` and `nrpn` come from there too.
    """

    kind: Kind
    channel: int
    number: int
    value: int
    bits: int = 7


def decode(data: Sequence[int]) -> MidiMessage | None:
    """The message in `data` (status and data bytes), or None for system messages and for noise.

    A note-on with velocity 0 is a note-off, as the specification says. Never raises.
    """
    if not 2 <= len(data) <= 3:
        return None
    status = data[0]
    if not 0x80 <= status < 0xF0 or any(not 0 <= byte < 0x80 for byte in data[1:]):
        return None
    kind = _KINDS[(status >> 4) - 8]
    channel = (status & 0x0F) + 1
    if kind in _ONE_BYTE:
        if len(data) != 2:
            return None
        return (
            MidiMessage(kind, channel, data[1], 0)
            if kind == "program"
            else MidiMessage(kind, channel, 0, data[1])
        )
    if len(data) != 3:
        return None
    number, value = data[1], data[2]
    if kind == "pitch_bend":
        return MidiMessage(kind, channel, 0, (value << 7 | number) - 8192)
    if kind == "note_on" and value == 0:
        kind = "note_off"
    return MidiMessage(kind, channel, number, value)


def is_pulse(data: Sequence[int]) -> bool:
    """Whether a message, well-formed or not, is one for clocks: a single byte, or a song position."""
    return len(data) == 1 or (len(data) > 0 and data[0] == _POSITION)


def decode_pulse(data: Sequence[int]) -> tuple[Pulse, int] | None:
    """The clock message in `data` with the sixteenths of a song position (else 0), or None. Never raises."""
    if len(data) == 3 and data[0] == _POSITION and all(0 <= byte < 0x80 for byte in data[1:]):
        return "position", data[2] << 7 | data[1]
    pulse = _PULSES.get(data[0]) if len(data) == 1 else None
    return None if pulse is None else (pulse, 0)
