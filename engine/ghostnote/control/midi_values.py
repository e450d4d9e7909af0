"""From bytes to knob positions and back: 7 and 14 bits, four relative encodings, and a map's own range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from ghostnote.control.midi_decode import MidiMessage
from ghostnote.state.table import Curve, Parameter, Value

RelativeMode = Literal[
    "relative-twos-complement", "relative-signed-bit", "relative-signed-bit-2", "relative-bin-offset"
]

_EXPONENT: dict[Curve, float] = {"linear": 1.0, "square": 2.0, "cube": 3.0}


def knob_position(value: int, bits: int = 7) -> float:
    """A 7- or 14-bit value as 0…1, with both ends reached and 64 (8192) exactly in the middle."""
    middle = 1 << (bits - 1)
    return value / (2 * middle) if value <= middle else 0.5 + (value - middle) / (2 * (middle - 1))


def knob_value(position: float, bits: int = 7) -> int:
    """The 7- or 14-bit value nearest to a position: the inverse of `knob_position`."""
    middle = 1 << (bits - 1)
    position = min(max(position, 0.0), 1.0)
    if position <= 0.5:
        return round(position * 2 * middle)
    return round(middle + (position - 0.5) * 2 * (middle - 1))


def position_of(message: MidiMessage) -> float:
    """Where the control stands that sent an absolute message; a key is down or up."""
    if message.kind == "pitch_bend":
        return knob_position(message.value + 8192, 14)
    if message.kind in ("note_on", "note_off"):
        return 1.0 if message.kind == "note_on" else 0.0
    return knob_position(message.value, message.bits)


def _twos_complement(value: int) -> int:
    return value if value < 64 else value - 128


def _signed_bit(value: int) -> int:
    return value if value < 64 else 64 - value


def _signed_bit_2(value: int) -> int:
    return -value if value < 64 else value - 64


def _bin_offset(value: int) -> int:
    return value - 64


RELATIVE: dict[RelativeMode, Callable[[int], int]] = {
    "relative-twos-complement": _twos_complement,
    "relative-signed-bit": _signed_bit,
    "relative-signed-bit-2": _signed_bit_2,
    "relative-bin-offset": _bin_offset,
}
"""Steps up (down where negative) in a 7-bit value, by encoding."""


class Scale:
    """A parameter's values over a control's travel: the table's range and curve, or a map's own.

    `low` > `high` turns a control round. Words have no range of their own.
    """

    def __init__(
        self,
        row: Parameter,
        low: float | None = None,
        high: float | None = None,
        curve: Curve | None = None,
    ) -> None:
        self._row = row
        self._own = row.kind != "s" and (low is not None or high is not None or curve is not None)
        self._low = row.low if low is None else low
        self._high = row.high if high is None else high
        self._exponent = _EXPONENT[curve or row.curve]

    def value(self, position: float) -> Value:
        """The value at a position 0…1."""
        if not self._own:
            return self._row.from_unit(position)
        x = math.pow(min(max(position, 0.0), 1.0), self._exponent)
        found = self._low + (self._high - self._low) * x
        return round(found) if self._row.kind == "i" else found

    def position(self, value: Value) -> float:
        """The position of a value, clipped to 0…1: the inverse of `value` up to rounding."""
        if isinstance(value, str):
            return self._row.to_unit(value) if value in self._row.choices else 0.0
        if self._row.kind == "s":
            return 0.0
        if not self._own:
            return self._row.to_unit(value)
        if self._high == self._low:
            return 0.0
        x = (float(value) - self._low) / (self._high - self._low)
        return math.pow(min(max(x, 0.0), 1.0), 1.0 / self._exponent)
