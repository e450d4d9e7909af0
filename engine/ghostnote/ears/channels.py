"""The numbers that a stream to visuals carries: the only place where its addresses are defined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ghostnote.ears.coordinates import COORDINATES
from ghostnote.ears.levels import BANDS, EDGES_HZ


@dataclass(frozen=True)
class Channel:
    """One number. `{label}`, `{side}`, `{band}`, `{axis}` and `{part}` in a path stand for several."""

    path: str
    kind: Literal["i", "f"]
    text: str


CHANNELS = (
    Channel("class/index", "i", "Class of the last sound, 0 the first; −1: unknown, or none yet."),
    Channel("class/confidence", "f", "Probability of its likeliest class."),
    Channel("class/changes", "i", "Counts answers: each is a sound that got a class, or a better one."),
    Channel("class/p/{label}", "f", "Probability of each class."),
    Channel("onsets", "i", "Counts sounds: it goes up as one begins."),
    Channel("level/{side}", "f", "Peak since the last bundle, 1 is full scale."),
    Channel("rms/{side}", "f", "Root mean square since the last bundle."),
    Channel(
        "band{band}",
        "f",
        f"Level between {', '.join(f'{hz:g}' for hz in EDGES_HZ[:-1])} and {EDGES_HZ[-1]:g} Hz.",
    ),
    Channel(
        "z/{axis}", "f", "Where the last sound lies on its model's principal axes; of what is played, now."
    ),
    Channel("part", "i", "Part that was hit last, 1 the first; 0: none. Always 0 for live input."),
    Channel("part{part}/onsets", "i", "Counts a part's hits. Not for live input."),
)
"""In the order in which they are sent."""


@dataclass(frozen=True)
class Word:
    """A message of the stream of everything: its name, its arguments in order, and what it tells."""

    name: str
    arguments: str
    text: str


WORDS = (
    Word("onset", "i:number f:strength", "A sound begins; strength 1 is just enough. Live input only."),
    Word(
        "answer",
        "i:number s:class f:confidence f:age_ms i:final i:index",
        "What a sound is taken for after so much of it; final 1: it is over. Live input only.",
    ),
    Word("latent", "i:number f:d1 …", "Where a sound lies on the model's principal axes. Live input only."),
    Word(
        "hit",
        "i:part s:class f:confidence i:index",
        "A part begins a note; told before it is heard. What is played only.",
    ),
    Word("classes", "s:name …", "Names of the classes in the order of their index; every five seconds."),
    Word("model", "s:name", "Name of the model that listens; every five seconds."),
)
"""What is told beside the numbers."""

SIDES = ("l", "r")


def segments(labels: Sequence[str]) -> tuple[str, ...]:
    """Class labels as parts of an address: lower case, anything odd replaced, no two the same."""
    found: list[str] = []
    for label in labels:
        name = re.sub(r"[^a-z0-9_]", "_", label.lower()) or "_"
        name = f"c{name}" if name[0].isdigit() else name
        unique, n = name, 2
        while unique in found:
            unique, n = f"{name}_{n}", n + 1
        found.append(unique)
    return tuple(found)


def expand(labels: Sequence[str], axes: Sequence[str], parts: Sequence[int]) -> dict[str, str]:
    """All paths with their kinds, in order, for a model's classes and axes and these parts (input: none)."""
    names = {
        "label": segments(labels),
        "side": SIDES,
        "band": [str(n + 1) for n in range(BANDS)],
        "axis": [name for name in COORDINATES if name in axes],
        "part": [str(n) for n in parts],
    }
    found: dict[str, str] = {}
    for channel in CHANNELS:
        key = next((key for key in names if f"{{{key}}}" in channel.path), None)
        for name in names[key] if key is not None else [""]:
            found[channel.path.replace(f"{{{key}}}", name)] = channel.kind
    return found
