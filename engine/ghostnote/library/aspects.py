"""Aspects of likeness and their weights: what counts how much when sounds are compared."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote.library.descriptors import COLUMNS

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_LEAST_SPREAD = 1e-6
_SHORTEST_S = 1e-3


@dataclass(frozen=True)
class Weights:
    """How much each aspect counts, from 0 on. With its weight at 1, an aspect counts as much as the latent
    point does at 1, in a library whose sounds differ in it as usual."""

    latent: float = 1.0
    classes: float = 0.0
    loudness: float = 0.0
    centroid: float = 0.0
    pitch: float = 0.0
    attack: float = 0.0
    length: float = 0.0
    noisiness: float = 0.0

    def __post_init__(self) -> None:
        values = [getattr(self, name) for name in NAMES.values()]
        if not all(np.isfinite(value) and 0.0 <= value <= 1e6 for value in values):
            raise UsageError(f"weights must be from 0 to 1000000, got {values}")
        if not any(values):
            raise UsageError("all weights are 0: nothing would count; give one aspect more")

    @property
    def latent_only(self) -> bool:
        """Whether nothing but the latent point counts."""
        return not any(getattr(self, name) for name in NAMES.values() if name != "latent")


NAMES = {"class" if field.name == "classes" else field.name: field.name for field in fields(Weights)}
"""What an aspect is called by people → its field."""

PLAIN = Weights()
"""The latent point alone."""


def parse_weights(text: str) -> Weights:
    """Weights written as `latent=1,loudness=0.5`; aspects that are not named keep theirs.

    Raises UsageError.
    """
    values: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name not in NAMES:
            raise UsageError(f"weights {text!r}: there is no aspect {name!r}; there are: {', '.join(NAMES)}")
        try:
            values[NAMES[name]] = float(number)
        except ValueError:
            raise UsageError(
                f"weights {text!r}: {name} needs a number, as in latent=1,loudness=0.5"
            ) from None
    return Weights(**values)


def usual_pitch(descriptors: Float64) -> float:
    """Mean pitch in octaves of those of descriptors (n, 6) that have one; 0 where none has."""
    pitches = descriptors[:, COLUMNS.index("pitch_hz")]
    return float(np.log2(pitches[pitches > 0.0]).mean()) if (pitches > 0.0).any() else 0.0


def scaled(descriptors: Float64, usual: float) -> dict[str, Float32]:
    """Aspects as they are compared, each (n, columns), of descriptors (n, 6) in the order of `COLUMNS`.

    Levels in dB, frequencies in octaves, times in powers of two; no pitch is one octave from the `usual` one.
    """
    by = {name: descriptors[:, k] for k, name in enumerate(COLUMNS)}
    pitched = by["pitch_hz"] > 0.0
    octaves = np.log2(np.where(pitched, by["pitch_hz"], 1.0))
    columns = {
        "loudness": [by["loudness_db"]],
        "centroid": [np.log2(np.maximum(by["centroid_hz"], 1.0))],
        "pitch": [np.where(pitched, octaves, usual), pitched.astype(np.float64)],
        "attack": [np.log2(np.maximum(by["attack_s"], _SHORTEST_S))],
        "length": [np.log2(np.maximum(by["length_s"], _SHORTEST_S))],
        "noisiness": [by["noisiness"]],
    }
    return {name: np.stack(values, axis=1).astype(np.float32) for name, values in columns.items()}


def spreads(aspects: dict[str, Float32]) -> dict[str, float]:
    """How far sounds differ in each aspect: root of the mean square distance from the mean."""
    return {
        name: float(np.sqrt(values.var(axis=0, dtype=np.float64).sum())) if len(values) else 0.0
        for name, values in aspects.items()
    }


def factors(weights: Weights, spread: dict[str, float], classes: int) -> dict[str, np.float32]:
    """What the columns of each aspect that counts are multiplied by, for sounds that differ by `spread`; with
    `classes` 0 they have no class. Raises UsageError when nothing would count."""
    found = {}
    for name, field in NAMES.items():
        weight = getattr(weights, field)
        if weight and (name != "class" or classes):
            own = 1.0 if name == "latent" else spread["latent"] / max(spread[name], _LEAST_SPREAD)
            found[name] = np.float32(np.sqrt(weight) * own)
    if not found:
        raise UsageError("this model has no classes: give another aspect than class a weight")
    return found


def project(aspects: dict[str, Float32], by: dict[str, np.float32]) -> Float32:
    """Points (n, …) of sounds with aspects (n, columns) each, whose distances are those that weights ask for.
    `by`: of `factors`."""
    columns = [aspects[name] * factor for name, factor in by.items()]
    return columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)


class Space:
    """The points (n, …) of a library's sounds in a space whose distances are those that weights ask for."""

    def __init__(self, aspects: dict[str, Float32], weights: Weights, spread: dict[str, float]) -> None:
        """`aspects`: (n, columns) each, "latent" and "class" among them; `spread`: of `spreads`."""
        self._factors = factors(weights, spread, aspects["class"].shape[1])
        points = project(aspects, self._factors)
        self._centre = points.mean(axis=0, dtype=np.float64).astype(np.float32) if len(points) else 0.0
        self.points = np.ascontiguousarray(points - self._centre)
        self._squares = np.einsum("nd,nd->n", self.points, self.points)

    def place(self, aspects: dict[str, Float32]) -> Float32:
        """The point (…,) of one sound with aspects (1, columns) each, as the points of this space are."""
        return np.asarray(project(aspects, self._factors)[0] - self._centre, dtype=np.float32)

    def squares(self, here: Float32) -> Float32:
        """Distances of all n from a point that `place` gave: in order, but squared and less a constant."""
        found = self.points @ here
        found *= np.float32(-2.0)
        found += self._squares
        return np.asarray(found, dtype=np.float32)

    def distances(self, rows: NDArray[np.int64], here: Float32) -> Float32:
        """Distances of rows from a point that `place` gave, exact also where they are small."""
        return np.asarray(np.sqrt(np.square(self.points[rows] - here).sum(axis=1)), dtype=np.float32)
