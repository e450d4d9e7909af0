"""What the rows of the parameter table are made of; they are in `parameters`, `commands` and `readings`.

They are the only places where a parameter or a command is defined: OSC addresses, MIDI targets, logs,
`ghostnote params` and the reference pages all derive from them. `{part}` in a path stands for 1…8 and
`{slot}` for a…h; the full address is `ROOT/path`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

ROOT = "/gn"
PARTS = tuple(range(1, 9))
SLOTS = tuple("abcdefgh")
AXES = tuple(f"d{n}" for n in range(1, 9))
NAMED_AXES = ("brighter", "longer", "noisier", "higher", "softer")
"""Perceptual axes, in models that have them under these names."""

Kind = Literal["f", "i", "s", "v"]
Curve = Literal["linear", "square", "cube"]
Value = float | int | str

_EXPONENT = {"linear": 1.0, "square": 2.0, "cube": 3.0}


@dataclass(frozen=True)
class Parameter:
    """A value that can be set, asked for, mapped to a knob and stored.

    A word without `choices` is free: what fits it is known only while playing, and no knob turns it.
    `unit` uses OSCQuery's names where one exists. `curve` shapes a knob's travel (0…1) over low…high.
    `smoothing_s` is the time constant with which sounding notes follow a change; 0 = at once.
    """

    path: str
    kind: Kind
    default: Value
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    curve: Curve = "linear"
    smoothing_s: float = 0.0
    choices: tuple[str, ...] = ()
    text: str = ""

    def from_unit(self, x: float) -> Value:
        """Value at knob position `x` in 0…1 (clipped)."""
        x = min(max(x, 0.0), 1.0)
        if self.kind == "s":
            if not self.choices:
                return self.default
            return self.choices[min(int(x * len(self.choices)), len(self.choices) - 1)]
        value = self.low + (self.high - self.low) * math.pow(x, _EXPONENT[self.curve])
        return round(value) if self.kind == "i" else value

    def to_unit(self, value: Value) -> float:
        """Knob position 0…1 of a value, the inverse of `from_unit` up to rounding."""
        if isinstance(value, str):
            if not self.choices:
                return 0.0
            return (self.choices.index(value) + 0.5) / len(self.choices)
        x = (float(value) - self.low) / (self.high - self.low)
        return math.pow(min(max(x, 0.0), 1.0), 1.0 / _EXPONENT[self.curve])


@dataclass(frozen=True)
class Reading:
    """A value that can be asked for and subscribed to, but not set; `kinds` has a letter for each number."""

    path: str
    kinds: str
    unit: str = ""
    text: str = ""


@dataclass(frozen=True)
class Argument:
    """One argument of a command; `low`/`high` clip numbers, `optional` ones may be left out from the end.

    Kind `v` stands for any value, number or word.
    """

    name: str
    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    default: Value | None = None

    @property
    def optional(self) -> bool:
        """Whether the argument may be left out."""
        return self.default is not None


@dataclass(frozen=True)
class Command:
    """Something that is done rather than set.

    A `trigger` ignores a first argument of 0, since buttons send 1 on press, 0 on release. `urgent` ones pass
    a full queue. `slow` ones (files, models) run beside the sound and are logged by their effect. `variadic`
    commands take any number of their last argument; `pairs` ones take names and values of their arguments, in
    any order, each with its name before it. What `parameters` ones repeat are addresses and their values.
    """

    path: str
    arguments: tuple[Argument, ...] = ()
    trigger: bool = False
    urgent: bool = False
    slow: bool = False
    variadic: bool = False
    pairs: bool = False
    parameters: bool = False
    text: str = ""
