"""What MIDI messages do by default: a table from channel messages to addresses and arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ghostnote.control.midi_decode import Kind, MidiMessage
from ghostnote.state.registry import TARGETS
from ghostnote.state.table import AXES, PARTS, ROOT, SLOTS, Parameter, Value

Form = Literal["note", "release", "velocity", "knob", "bend", "number", "none"]
"""How a message's bytes become arguments:

`note` pitch and velocity 0…1 · `release` pitch · `velocity` 0…1 · `knob` the parameter's own range and
curve · `bend` −1…1 · `number` the program's number · `none` no arguments
"""

DRUM_CHANNEL = 10
DRUM_NOTES = range(36, 44)
ANY_CHANNEL = range(1, 17)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Messages of a kind, on channels, with a number (None: any) that go to an address.

    `{part}` in the path stands for the channel's part. Earlier rows win over later ones.
    """

    kind: Kind
    number: int | None
    path: str
    form: Form
    channels: tuple[int, ...] = PARTS


def _rows() -> Iterator[Mapping]:
    everywhere = tuple(ANY_CHANNEL)
    yield Mapping("control", 120, "panic", "none", everywhere)
    yield Mapping("control", 123, "hush", "none", everywhere)
    for part, note in zip(PARTS, DRUM_NOTES, strict=True):
        yield Mapping("note_on", note, f"part{part}/hit", "velocity", (DRUM_CHANNEL,))
    yield Mapping("note_on", None, "part{part}/note", "note")
    yield Mapping("note_off", None, "part{part}/off", "release")
    yield Mapping("pitch_bend", None, "part{part}/bend", "bend")
    yield Mapping("program", None, "part{part}/program", "number")
    yield Mapping("control", 121, "part{part}/reset", "none")
    yield Mapping("control", 1, "part{part}/variance", "knob")
    yield Mapping("control", 7, "part{part}/gain", "knob")
    yield Mapping("control", 10, "part{part}/pan", "knob")
    yield Mapping("control", 72, "part{part}/release", "knob")
    yield Mapping("control", 73, "part{part}/attack", "knob")
    for number, axis in enumerate(AXES, start=20):
        yield Mapping("control", number, f"part{{part}}/axis/{axis}", "knob")
    for number, slot in enumerate(SLOTS, start=102):
        yield Mapping("control", number, f"part{{part}}/weight/{slot}", "knob")


DEFAULT_MAP: tuple[Mapping, ...] = tuple(_rows())


class MidiMap:
    """A map made ready for look-up. Thread: any (nothing changes after it was made)."""

    def __init__(self, rows: Iterable[Mapping] = DEFAULT_MAP) -> None:
        self._table: dict[tuple[Kind, int, int | None], tuple[str, Form]] = {}
        for row in rows:
            for channel in row.channels:
                addr = f"{ROOT}/{row.path.format(part=channel)}"
                if addr not in TARGETS:
                    raise ValueError(f"the MIDI map names {addr}, which is not in the parameter table")
                self._table.setdefault((row.kind, channel, row.number), (addr, row.form))

    def translate(self, message: MidiMessage) -> tuple[str, tuple[Value, ...]] | None:
        """Address and arguments of a message, or None if nothing is mapped to it."""
        found = self._table.get((message.kind, message.channel, message.number)) or self._table.get(
            (message.kind, message.channel, None)
        )
        if found is None:
            return None
        addr, form = found
        return addr, _arguments(addr, form, message)


def knob_position(value: int) -> float:
    """A 7-bit value as 0…1, with both ends reached and 64 exactly in the middle."""
    return value / 128 if value <= 64 else 0.5 + (value - 64) / 126


def _arguments(addr: str, form: Form, message: MidiMessage) -> tuple[Value, ...]:
    match form:
        case "note":
            return message.number, message.value / 127
        case "release" | "number":
            return (message.number,)
        case "velocity":
            return (message.value / 127,)
        case "bend":
            return (message.value / (8191 if message.value > 0 else 8192),)
        case "knob":
            row = TARGETS[addr].row
            assert isinstance(row, Parameter)
            return (row.from_unit(knob_position(message.value)),)
        case "none":
            return ()
