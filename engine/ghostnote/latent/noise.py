"""Seeded chance: every draw depends only on the session's seed and on what it is for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_HIT, _SLOT, _TEXTURE = 1, 2, 3


def hit_noise(seed: int, part: int, hit: int, size: int) -> Float32:
    """Standard normal ε of one hit, shape (size,); the same for the same seed, part and hit number."""
    return _generator(seed, _HIT, part, hit).standard_normal(size, dtype=np.float32)


def slot_draw(seed: int, draw: int, size: int) -> Float32:
    """Chance for a random slot, shape (size,), standard normal."""
    return _generator(seed, _SLOT, draw).standard_normal(size, dtype=np.float32)


@lru_cache(maxsize=4096)
def texture_offset(seed: int, part: int, hit: int, limit: int) -> int:
    """Where in the bank of noise a hit's texture starts, in [0, limit)."""
    return int(_generator(seed, _TEXTURE, part, hit).integers(limit))


def _generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
