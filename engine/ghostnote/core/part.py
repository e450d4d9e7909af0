"""One of the eight parts: its parameters in the form that sound needs, and its next hit, decoded ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.latent.mixer import Axes, mix, shift
from ghostnote.latent.noise import hit_noise, texture_offset
from ghostnote.latent.slots import SlotBank
from ghostnote.state.table import AXES, ROOT, SLOTS, Value
from ghostnote.synth.voice import Sound
from ghostnote.units import db_to_gain

Float32 = NDArray[np.float32]

LATENT_NAMES = frozenset(
    [
        *(f"weight/{slot}" for slot in SLOTS),
        *(f"axis/{axis}" for axis in AXES),
        "normalize",
        "variance",
    ]
)
"""Parameters that move a part's latent point."""

LEVEL_NAMES = frozenset(["gain", "pan", "mute", "pitch", "bend", "bend_range"])
"""Parameters that move a part's level, place or pitch."""


@dataclass(frozen=True)
class Take:
    """The chance in one hit: its noise ε (None without variance) and where its texture starts."""

    epsilon: Float32 | None
    texture: int


@dataclass(frozen=True)
class Armed:
    """The sound that the next hit will play, and the version of the part's point that it was made from."""

    sound: Sound
    take: Take
    version: int


class Part:
    """Parameters and latent point of one part. Thread: render."""

    def __init__(self, number: int, silent: Sound) -> None:
        self.number = number
        self.hits = 0
        self.version = 0
        self.point: Float32 = np.zeros(0, dtype=np.float32)
        self.armed = Armed(silent, Take(None, 0), -1)
        self._prefix = f"{ROOT}/part{number}/"

    def value(self, values: dict[str, Value], name: str) -> float:
        """A numeric parameter of this part."""
        return float(values[self._prefix + name])

    def word(self, values: dict[str, Value], name: str) -> str:
        """A word parameter of this part."""
        return str(values[self._prefix + name])

    def level(self, values: dict[str, Value]) -> tuple[float, float]:
        """Left and right gain from gain, pan and mute: equal-power pan, 0 dB per side in the middle."""
        gain = 0.0 if values[self._prefix + "mute"] else db_to_gain(self.value(values, "gain"))
        angle = (self.value(values, "pan") + 1.0) * math.pi / 4.0
        return gain * math.sqrt(2.0) * math.cos(angle), gain * math.sqrt(2.0) * math.sin(angle)

    def take(self, seed: int, variance: float, texture_limit: int) -> Take:
        """The chance of the part's next hit; without variance every hit is the same."""
        hit = self.hits if variance > 0.0 else -1
        epsilon = hit_noise(seed, self.number, hit, len(self.point)) if variance > 0.0 else None
        return Take(epsilon, texture_offset(seed, self.number, hit + 1, texture_limit))

    def strayed(self, take_epsilon: Float32 | None, variance: float) -> Float32:
        """The latent point of a hit: the part's point plus variance times the hit's noise, shape (D,)."""
        return self.point if take_epsilon is None else self.point + np.float32(variance) * take_epsilon

    def set_point(self, values: dict[str, Value], slots: SlotBank, axes: Axes, rest: Float32) -> None:
        """Compute the latent point anew. `rest`: where a part without any filled slot stands, shape (D,)."""
        weights = (
            np.array([self.value(values, f"weight/{s}") for s in SLOTS], dtype=np.float32) * slots.filled
        )
        steps = np.array([self.value(values, f"axis/{a}") for a in AXES[: len(axes.names)]], dtype=np.float32)
        base = mix(slots.points, weights, bool(values[self._prefix + "normalize"])) if weights.any() else rest
        self.point = shift(base, axes, steps)
        self.version += 1

    def semitones(self, values: dict[str, Value]) -> float:
        """Pitch of the part's notes from its pitch and bend parameters."""
        return self.value(values, "pitch") + self.value(values, "bend") * self.value(values, "bend_range")
