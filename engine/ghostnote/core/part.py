"""One of the eight parts: its parameters in the form in which sound needs them, and its next hit, decoded ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.latent.mixer import Axes, mix, shift
from ghostnote.latent.slots import SlotBank
from ghostnote.state.table import AXES, ROOT, SLOTS, Value
from ghostnote.synth.voice import Sound
from ghostnote.units import db_to_gain

Float32 = NDArray[np.float32]

LATENT_NAMES = frozenset(
    [*(f"weight/{slot}" for slot in SLOTS), *(f"axis/{axis}" for axis in AXES), "normalize", "variance"]
)
"""Parameters that move a part's latent point."""


@dataclass
class Armed:
    """The sound that the next hit will play: its hit number, noise and texture, and which point it was made from."""

    sound: Sound
    hit: int
    epsilon: Float32 | None
    texture: int
    version: int


class Part:
    """Parameters and latent point of one part. Thread: render."""

    def __init__(self, number: int, silent: Sound) -> None:
        self.number = number
        self.hits = 0
        self.version = 0
        self.point: Float32 = np.zeros(0, dtype=np.float32)
        self.armed = Armed(silent, 0, None, 0, -1)
        self.gain = 1.0
        self.left = self.right = math.sqrt(0.5)
        self.gain_s = 0.01
        self._prefix = f"{ROOT}/part{number}/"

    def value(self, values: dict[str, Value], name: str) -> float:
        """A numeric parameter of this part."""
        return float(values[self._prefix + name])

    def word(self, values: dict[str, Value], name: str) -> str:
        """A word parameter of this part."""
        return str(values[self._prefix + name])

    def set_level(self, values: dict[str, Value]) -> None:
        """Take gain, pan and mute from the values: equal-power pan, −3 dB in the middle."""
        gain = 0.0 if values[self._prefix + "mute"] else db_to_gain(self.value(values, "gain"))
        angle = (self.value(values, "pan") + 1.0) * math.pi / 4.0
        self.gain = gain
        self.left, self.right = gain * math.cos(angle), gain * math.sin(angle)

    def set_point(self, values: dict[str, Value], slots: SlotBank, axes: Axes, rest: Float32) -> None:
        """Compute the latent point anew. `rest`: where a part without any filled slot stands, shape (D,)."""
        weights = np.array([self.value(values, f"weight/{s}") for s in SLOTS], dtype=np.float32) * slots.filled
        steps = np.array([self.value(values, f"axis/{a}") for a in AXES[: len(axes.names)]], dtype=np.float32)
        base = mix(slots.points, weights, bool(values[self._prefix + "normalize"])) if weights.any() else rest
        self.point = shift(base, axes, steps)
        self.version += 1

    def semitones(self, values: dict[str, Value]) -> float:
        """Pitch of the part's notes from its pitch and bend parameters."""
        return self.value(values, "pitch") + self.value(values, "bend") * self.value(values, "bend_range")
