"""What ears tell: that a sound began, what of it is to be classified, and what it was taken for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

UNKNOWN = -1
"""Index of the class of a sound that is taken for none."""


@dataclass(frozen=True)
class Began:
    """Sound `number` (1 the first) began at sample `at`, which was known at sample `decided`."""

    number: int
    at: int
    decided: int
    strength: float


@dataclass(frozen=True, eq=False)
class Question:
    """What of sound `number` has been heard at sample `asked`: `samples` (n,), from its beginning on.

    `frames`: how many the classifier is shown. `final`: nothing more will be heard of it.
    """

    number: int
    at: int
    asked: int
    frames: int
    final: bool
    samples: Float32
    age_s: float


@dataclass(frozen=True, eq=False)
class Answer:
    """What sound `number` was taken for after `age_s` of it were heard.

    `index`: its likeliest class, or `UNKNOWN`; `label`: that class's name, or "unknown"; `confidence`: the
    likeliest class's probability; `probabilities`: shape (C,), in the order of the model's classes.
    """

    number: int
    at: int
    age_s: float
    index: int
    label: str
    confidence: float
    probabilities: Float32
    final: bool
