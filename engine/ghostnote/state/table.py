"""The parameter table: the only place where a parameter or a command is defined.

OSC addresses, MIDI targets, logs, `ghostnote params` and the reference pages all derive from these rows.
`{part}` in a path stands for 1…8 and `{slot}` for a…h; the full address is `ROOT/path`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

ROOT = "/gn"
PARTS = tuple(range(1, 9))
SLOTS = tuple("abcdefgh")
AXES = tuple(f"d{n}" for n in range(1, 9))

Kind = Literal["f", "i", "s"]
Curve = Literal["linear", "square", "cube"]
Value = float | int | str

_EXPONENT = {"linear": 1.0, "square": 2.0, "cube": 3.0}


@dataclass(frozen=True)
class Parameter:
    """A value that can be set, asked for, mapped to a knob and stored.

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
            return self.choices[min(int(x * len(self.choices)), len(self.choices) - 1)]
        value = self.low + (self.high - self.low) * math.pow(x, _EXPONENT[self.curve])
        return round(value) if self.kind == "i" else value

    def to_unit(self, value: Value) -> float:
        """Knob position 0…1 of a value, the inverse of `from_unit` up to rounding."""
        if isinstance(value, str):
            return (self.choices.index(value) + 0.5) / len(self.choices)
        x = (float(value) - self.low) / (self.high - self.low)
        return math.pow(min(max(x, 0.0), 1.0), 1.0 / _EXPONENT[self.curve])


@dataclass(frozen=True)
class Argument:
    """One argument of a command; `low`/`high` clip numbers, `optional` ones may be left out from the end."""

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
    commands take any number of their last argument.
    """

    path: str
    arguments: tuple[Argument, ...] = ()
    trigger: bool = False
    urgent: bool = False
    slow: bool = False
    variadic: bool = False
    text: str = ""


def _number(
    path: str, default: float, low: float, high: float, unit: str, text: str, **more: object
) -> Parameter:
    return Parameter(path, "f", default, low, high, unit, text=text, **more)  # type: ignore[arg-type]


def _switch(path: str, text: str, default: int = 0) -> Parameter:
    return Parameter(path, "i", default, 0, 1, text=text)


GLOBAL_PARAMETERS = (
    _number(
        "master/gain", 0.0, -60.0, 6.0, "gain.db", "Level of everything; −60 is silence.", smoothing_s=0.02
    ),
    _switch("master/mute", "Silences the output, with a short ramp."),
    Parameter(
        "synth/mode",
        "s",
        "quality",
        choices=("quality", "low_latency"),
        text="Phase reconstruction of new notes.",
    ),
    Parameter("synth/voices", "i", 16, 1, 16, text="Notes that may sound at once; the oldest gives way."),
    Parameter(
        "seed", "i", 0, 0, 2**31 - 1, text="Seed of all chance; the same seed and log give the same samples."
    ),
)

PART_PARAMETERS = (
    _number("part{part}/gain", 0.0, -60.0, 6.0, "gain.db", "Level of the part.", smoothing_s=0.01),
    _number("part{part}/pan", 0.0, -1.0, 1.0, "", "Place between left (−1) and right (1).", smoothing_s=0.01),
    _switch("part{part}/mute", "Silences the part, with a short ramp."),
    *(
        Parameter(
            "part{part}/weight/" + slot, "f", 0.0, -2.0, 2.0, text=f"How much of slot {slot} is in the part."
        )
        for slot in SLOTS
    ),
    _switch("part{part}/normalize", "Divides the weights by their sum, so that they mix instead of add.", 1),
    *(
        Parameter(
            "part{part}/axis/" + axis,
            "f",
            0.0,
            -4.0,
            4.0,
            text=f"Shift along axis {axis}, in spreads of the sounds learnt.",
        )
        for axis in AXES
    ),
    _number(
        "part{part}/variance", 0.0, 0.0, 2.0, "", "How far each hit strays from the part's point, by chance."
    ),
    Parameter(
        "part{part}/mode",
        "s",
        "oneshot",
        choices=("oneshot", "hold"),
        text="Whether a note plays out or ends with its release.",
    ),
    _number("part{part}/attack", 0.0, 0.0, 2.0, "time.second", "Fade-in of a note.", curve="cube"),
    _number(
        "part{part}/release", 0.1, 0.003, 4.0, "time.second", "Fade-out of a released note.", curve="cube"
    ),
    _number(
        "part{part}/pitch",
        0.0,
        -24.0,
        24.0,
        "semitones",
        "Pitch; length stays. With notes and bend, from three octaves down to two up.",
    ),
    _number("part{part}/bend", 0.0, -1.0, 1.0, "", "Pitch wheel, in parts of the bend range."),
    _number("part{part}/bend_range", 2.0, 0.0, 24.0, "semitones", "Pitch that a full bend adds."),
    Parameter(
        "part{part}/choke",
        "i",
        0,
        0,
        8,
        text="Choke group: a hit ends other parts' notes of the same group; 0 = none.",
    ),
)

PARAMETERS = GLOBAL_PARAMETERS + PART_PARAMETERS

_VELOCITY = Argument("velocity", "f", 0.0, 1.0, default=1.0)
_NOTE = Argument("pitch", "i", 0, 127)
_ID = Argument("id", "i", -1, 2**31 - 1, default=-1)

COMMANDS = (
    Command("part{part}/hit", (_VELOCITY,), trigger=True, text="Plays the part once."),
    Command(
        "part{part}/note",
        (_NOTE, Argument("velocity", "f", 0.0, 1.0), _ID),
        text="Plays the part at a pitch (60 = as it is); velocity 0 releases.",
    ),
    Command("part{part}/off", (_NOTE, _ID), text="Releases a note of the part."),
    Command(
        "part{part}/hush",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        urgent=True,
        text="Fades the part's notes out in 50 ms.",
    ),
    Command(
        "part{part}/reset",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        text="Sets bend, axes and variance back to their defaults.",
    ),
    Command(
        "part{part}/program",
        (Argument("slot", "i", 0, len(SLOTS) - 1),),
        text="Puts the part on one slot alone (0 = a).",
    ),
    Command(
        "slot/{slot}/z",
        (Argument("z", "f"),),
        variadic=True,
        text="Sets the slot's latent point; without arguments, asks for it.",
    ),
    Command(
        "slot/{slot}/random",
        (Argument("seed", "i", -1, 2**31 - 1, default=-1),),
        text="Puts a random draw into the slot (−1: the next of the session's seed).",
    ),
    Command(
        "slot/{slot}/prototype",
        (Argument("class", "s"),),
        text="Puts the model's typical sound of a class into the slot.",
    ),
    Command(
        "slot/{slot}/part",
        (Argument("part", "i", PARTS[0], PARTS[-1]),),
        text="Stores a part's present point in the slot.",
    ),
    Command(
        "slot/{slot}/file", (Argument("path", "s"),), slow=True, text="Embeds a sound file into the slot."
    ),
    Command("slot/{slot}/clear", text="Empties the slot."),
    Command(
        "model/load",
        (Argument("name", "s"),),
        slow=True,
        text="Loads a model bundle; if it is bad, the present one plays on.",
    ),
    Command(
        "hush",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        urgent=True,
        text="Fades all notes out in 50 ms.",
    ),
    Command(
        "panic",
        (Argument("on", "f", default=1.0),),
        trigger=True,
        urgent=True,
        text="Silence within one block; forgets held notes and what is scheduled.",
    ),
)
