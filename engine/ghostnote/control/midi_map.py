"""What MIDI messages do: tables from channel messages to addresses, the default one and those of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ghostnote.control.midi_decode import Kind
from ghostnote.control.midi_takeover import TakeoverMode
from ghostnote.control.midi_values import RelativeMode, Scale
from ghostnote.state.registry import TARGETS, Target
from ghostnote.state.table import AXES, NAMED_AXES, PARTS, ROOT, SLOTS, Curve, Parameter, Value

Form = Literal[
    "note", "release", "velocity", "knob", "bend", "number", "index", "semitones", "pressure", "fixed", "none"
]
"""How a message's bytes become arguments:

`note` pitch and velocity 0…1 · `release` pitch · `velocity` 0…1 · `knob` the parameter's own range and curve
· `bend` −1…1 · `number` the program's number · `index` bank and program, counted from 1 · `semitones` data
entry in semitones and cents · `pressure` note id and 0…1, for each note that it is about · `fixed` the row's
own arguments · `none` no arguments
"""
Mode = Literal["absolute", "toggle"] | RelativeMode

DRUM_CHANNEL = 10
GLOBAL_CHANNEL = 16
HIT_PADS = range(36, 44)
SLOT_PADS = range(44, 52)
ANY_CHANNEL = range(1, 17)
RPN_BEND_RANGE, RPN_MPE = 0, 6


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a device is told of an address: a message with the value's position, or `off` and `on`.

    With `on` it is a light: `on` while the position is at or above `threshold` (0…1).
    """

    kind: Kind
    channel: int
    number: int
    bits: int = 7
    off: int = 0
    on: int | None = None
    threshold: float = 0.5
    source: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Messages of a kind, on channels, with a number (None: any) that go to an address.

    `{part}` in the path stands for the channel's part, `{last}` for the part whose pad was hit last. `bits`
    14: low bits are taken where they are sent. `low`, `high`, `curve` override the parameter's own; `step` is
    the share of the travel (0…1) of one relative step, 0: a sensible one. Earlier rows win over later ones.
    """

    kind: Kind
    number: int | None
    path: str
    form: Form
    channels: tuple[int, ...] = PARTS
    bits: int = 7
    mode: Mode = "absolute"
    takeover: TakeoverMode = "jump"
    low: float | None = None
    high: float | None = None
    curve: Curve | None = None
    step: float = 0.0
    args: tuple[Value, ...] = ()
    feedback: Feedback | None = None


_KNOBS: dict[int, str] = {
    1: "variance",
    5: "glide",
    7: "gain",
    10: "pan",
    16: "rate",
    17: "start",
    18: "length",
    19: "position",
    **{number: f"axis/{axis}" for number, axis in enumerate(AXES, start=20)},
    71: "formant",
    72: "release",
    73: "attack",
    74: "tilt",
    75: "decay",
    79: "sustain",
    **{number: f"weight/{slot}" for number, slot in enumerate(SLOTS, start=102)},
    **{number: f"axis/{axis}" for number, axis in enumerate(NAMED_AXES, start=110)},
}
_SWITCHES = {64: "pedal", 66: "freeze"}


def _rows() -> Iterator[Mapping]:
    everywhere = tuple(ANY_CHANNEL)
    yield Mapping("control", 120, "panic", "none", everywhere)
    yield Mapping("control", 123, "hush", "none", everywhere)
    for part, note in zip(PARTS, HIT_PADS, strict=True):
        yield Mapping("note_on", note, f"part{part}/hit", "velocity", (DRUM_CHANNEL,))
    for number, note in enumerate(SLOT_PADS):
        yield Mapping("note_on", note, "part{last}/program", "fixed", (DRUM_CHANNEL,), args=(number,))
    yield Mapping("note_on", None, "part{part}/note", "note")
    yield Mapping("note_off", None, "part{part}/off", "release")
    yield Mapping("pitch_bend", None, "part{part}/bend", "bend")
    yield Mapping("rpn", RPN_BEND_RANGE, "part{part}/bend_range", "semitones")
    yield Mapping("poly_pressure", None, "part{part}/expr/press", "pressure")
    yield Mapping("channel_pressure", None, "part{part}/expr/press", "pressure")
    yield Mapping("program", None, "part{part}/program", "number")
    yield Mapping("program", None, "scene/index", "index", (GLOBAL_CHANNEL,))
    yield Mapping("control", 121, "part{part}/reset", "none")
    yield Mapping("control", 7, "master/gain", "knob", (GLOBAL_CHANNEL,), 14, takeover="pickup")
    for number, name in _KNOBS.items():
        bits = 14 if number < 32 else 7
        yield Mapping("control", number, f"part{{part}}/{name}", "knob", PARTS, bits, takeover="pickup")
    for number, name in _SWITCHES.items():
        yield Mapping("control", number, f"part{{part}}/{name}", "knob")


DEFAULT_MAP: tuple[Mapping, ...] = tuple(_rows())


def with_echo(rows: Iterable[Mapping] = DEFAULT_MAP) -> tuple[Mapping, ...]:
    """The same rows, each knob and switch of them told back on its own number and channel."""
    told = []
    for row in rows:
        if row.form != "knob" or row.kind != "control" or row.number is None:
            told.append(row)
            continue
        for channel in row.channels:
            addr = f"{ROOT}/{row.path.format(part=channel)}"
            told.append(
                replace(
                    row, channels=(channel,), feedback=Feedback("control", channel, row.number, source=addr)
                )
            )
    return tuple(told)


@dataclass(frozen=True, slots=True)
class Bound:
    """A row made ready for one channel. `targets`: by part, where the row says `{last}`, else under 0."""

    row: Mapping
    targets: dict[int, Target]
    scale: Scale | None

    @property
    def target(self) -> Target:
        """The target of a row that leads to one address, else the first part's."""
        return next(iter(self.targets.values()))


class MidiMap:
    """A map made ready for look-up. Thread: any (nothing changes after it was made).

    Raises ValueError for a row whose address is not in the parameter table.
    """

    def __init__(self, rows: Iterable[Mapping] = DEFAULT_MAP) -> None:
        self._table: dict[tuple[Kind, int, int | None], Bound] = {}
        for row in rows:
            for channel in row.channels:
                key = (row.kind, channel, row.number)
                if key not in self._table:
                    self._table[key] = _bind(row, channel)
        self.with_feedback = tuple(b for b in self._table.values() if b.row.feedback is not None)
        """Rows whose device wants to be told of changes."""

    def find(self, kind: Kind, channel: int, number: int) -> Bound | None:
        """The row for a message, or None."""
        return self._table.get((kind, channel, number)) or self._table.get((kind, channel, None))

    def exact(self, kind: Kind, channel: int, number: int) -> Bound | None:
        """The row that names a message's very number, or None."""
        return self._table.get((kind, channel, number))

    def is_fine(self, channel: int, controller: int) -> bool:
        """Whether a controller's low bits, 32 numbers above it, belong to it."""
        bound = self._table.get(("control", channel, controller))
        return bound is not None and bound.row.bits == 14

    def is_plain(self, channel: int, controller: int) -> bool:
        """Whether a row wants this very controller, whatever it may otherwise stand for."""
        bound = self._table.get(("control", channel, controller))
        return bound is not None and bound.row.bits == 7


def _bind(row: Mapping, channel: int) -> Bound:
    targets = {}
    for part in PARTS if "{last}" in row.path else (0,):
        addr = f"{ROOT}/{row.path.format(part=channel, last=part)}"
        if addr not in TARGETS:
            raise ValueError(f"the MIDI map names {addr}, which is not in the parameter table")
        targets[part] = TARGETS[addr]
    first = next(iter(targets.values())).row
    scale = Scale(first, row.low, row.high, row.curve) if isinstance(first, Parameter) else None
    return Bound(row, targets, scale)
