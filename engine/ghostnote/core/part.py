"""One of the eight parts: its parameters in the form that sound needs, and its next hit, decoded ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.detail import Blend
from ghostnote.latent.mixer import Axes, mix, shares, shift
from ghostnote.latent.noise import hit_noise, texture_offset
from ghostnote.latent.slots import SlotBank
from ghostnote.state.registry import DEFAULTS
from ghostnote.state.table import AXES, NAMED_AXES, ROOT, SLOTS, Value
from ghostnote.synth.voice import Sound
from ghostnote.units import db_to_gain

Float32 = NDArray[np.float32]

_WEIGHT = {f"weight/{slot}": k for k, slot in enumerate(SLOTS)}
_AXIS = {f"axis/{axis}": k for k, axis in enumerate((*AXES, *NAMED_AXES))}

LATENT_NAMES = frozenset([*_WEIGHT, *_AXIS, "normalize", "variance", "detail"])
"""Parameters that move a part's latent point."""

LEVEL_NAMES = frozenset(["gain", "pan", "mute", "solo"])
"""Parameters that move a part's level or place."""

PITCH_NAMES = frozenset(["pitch", "bend", "bend_range"])
"""Parameters that move a part's pitch."""


@dataclass(frozen=True)
class Take:
    """The chance in one hit: its noise ε (None without variance), where its texture starts, whose it is."""

    epsilon: Float32 | None
    texture: int
    chance: tuple[int, int] = (0, 0)


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
        self.plays = 0
        """Number of the model that its point is of."""
        self.armed = Armed(silent, Take(None, 0), -1)
        self.variance = 0.0
        self.detail: Blend | None = None
        """What its sound has beside the point, as much as is heard."""
        self.outshone = False
        """Whether other parts have a solo and this one has none."""
        self._values: dict[str, Value] = {}
        self._weights = np.zeros(len(SLOTS), dtype=np.float32)
        self._shares = self._weights
        self._detail_amount = 0.0
        self._steps = np.zeros(len(_AXIS), dtype=np.float32)
        self._axes: Axes | None = None
        self._turned: list[int] = []
        self._base: Float32 = self.point
        self._base_of: tuple[SlotBank, int] | None = None
        self._take = self.armed.take
        self._take_of: tuple[int, int, int, int] | None = None
        prefix = f"{ROOT}/part{number}/"
        for addr, value in DEFAULTS.items():
            if addr.startswith(prefix):
                self.set(addr.removeprefix(prefix), value)

    def set(self, name: str, value: Value) -> None:
        """Set a parameter of this part, such as `axis/d1`."""
        self._values[name] = value
        if name in _AXIS:
            self._steps[_AXIS[name]] = float(value)
        elif name in _WEIGHT:
            self._weights[_WEIGHT[name]] = float(value)
            self._base_of = None
        elif name == "normalize":
            self._base_of = None
        elif name == "variance":
            self.variance = float(value)
        elif name == "detail":
            self._detail_amount = float(value)

    def given(self, name: str) -> Value:
        """A parameter of this part as it was set."""
        return self._values[name]

    def value(self, name: str) -> float:
        """A numeric parameter of this part."""
        return float(self._values[name])

    def word(self, name: str) -> str:
        """A word parameter of this part."""
        return str(self._values[name])

    def level(self) -> tuple[float, float]:
        """Left and right gain from gain, pan, mute and solo: equal-power pan, 0 dB per side in the middle."""
        gain = 0.0 if self._values["mute"] or self.outshone else db_to_gain(self.value("gain"))
        angle = (self.value("pan") + 1.0) * math.pi / 4.0
        return gain * math.sqrt(2.0) * math.cos(angle), gain * math.sqrt(2.0) * math.sin(angle)

    def take(self, seed: int, texture_limit: int) -> Take:
        """The chance of the part's next hit; without variance every hit is the same."""
        strays = self.variance > 0.0
        hit, size = (self.hits, len(self.point)) if strays else (-1, 0)
        if self._take_of != (seed, hit, size, texture_limit):
            epsilon = hit_noise(seed, self.number, hit, size) if strays else None
            texture = texture_offset(seed, self.number, hit + 1, texture_limit)
            self._take = Take(epsilon, texture, (seed, self.hits))
            self._take_of = (seed, hit, size, texture_limit)
        return self._take

    def strayed(self, take_epsilon: Float32 | None) -> Float32:
        """The latent point of a hit: the part's point plus variance times the hit's noise, shape (D,)."""
        return self.point if take_epsilon is None else self.point + np.float32(self.variance) * take_epsilon

    def set_point(self, slots: SlotBank, axes: Axes, rest: Float32) -> None:
        """Compute the latent point anew. `rest`: where a part without any filled slot stands, shape (D,).

        The mixture of slots is kept until a slot or a weight changes; `rest` goes with `slots`.
        """
        if self._base_of != (slots, slots.changes):
            weights = self._weights * slots.filled
            self._base = (
                mix(slots.points, weights, bool(self._values["normalize"])) if weights.any() else rest
            )
            self._base_of = (slots, slots.changes)
            self._shares = shares(weights, bool(self._values["normalize"]))
        self.detail = slots.details(self._shares, self._detail_amount) if self._detail_amount else None
        if self._axes is not axes:
            self._axes, self._turned = axes, [_AXIS[f"axis/{name}"] for name in axes.names]
        self.point = shift(self._base, axes, self._steps[self._turned])
        self.version += 1

    def captured(self, slots: SlotBank) -> Blend | None:
        """The whole detail of the slots that the part's point is mixed of, however much of it is heard."""
        return slots.details(self._shares, 1.0)

    def lacking(self, axes: Axes) -> list[str]:
        """Axes that this part turns and that a model with `axes` has not."""
        return [name for axis, k in _AXIS.items() if self._steps[k] and (name := axis[5:]) not in axes.names]

    def semitones(self) -> float:
        """Pitch of the part's notes from its pitch and bend parameters."""
        return self.value("pitch") + self.value("bend") * self.value("bend_range")
