"""Channel messages of MIDI 1.0, decoded one by one; everything else is no message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["note_off", "note_on", "poly_pressure", "control", "program", "channel_pressure", "pitch_bend"]

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


@dataclass(frozen=True, slots=True)
class MidiMessage:
    """A channel message: `channel` 1…16.

    `number` is the pitch, controller or program (0 where there is none), `value` is the velocity,
    controller value or pressure (0…127), or the pitch bend (−8192…8191).
    """

    kind: Kind
    channel: int
    number: int
    value: int


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
