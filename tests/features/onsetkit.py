"""Sounds with known beginnings, at any rate."""

from __future__ import annotations

import numpy as np


def hit(rate: int, hz: float = 180.0, seconds: float = 0.4, seed: int = 0) -> np.ndarray:
    """A drum: a decaying sine from its crest and a burst of noise, shape (n,), peak about 0.5."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal(len(t))
    sound = 0.35 * np.cos(2 * np.pi * hz * t) * np.exp(-12 * t) + 0.1 * noise * np.exp(-60 * t)
    return (sound * np.minimum(1.0, (seconds - t) / 0.05)).astype(np.float32)


def cymbal(rate: int, seconds: float = 1.9, seed: int = 0) -> np.ndarray:
    """Noise and inharmonic partials that beat and decay slowly, shape (n,), peak about 0.5."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    top = 0.4 * rate
    partials = sum(np.sin(2 * np.pi * hz * t + 6 * rng.random()) for hz in top * rng.uniform(0.1, 1.0, 24))
    sound = 0.03 * np.asarray(partials) + 0.08 * rng.standard_normal(len(t))
    return (
        sound * np.exp(-2.0 * t) * np.minimum(1.0, t / 0.004) * np.minimum(1.0, (seconds - t) / 0.1)
    ).astype(np.float32)


def swell(rate: int, hz: float = 220.0, seconds: float = 1.0, rise_s: float = 0.06) -> np.ndarray:
    """A bowed note: harmonics that rise slowly, shape (n,), peak about 0.4."""
    t = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 8) if hz * k < 0.45 * rate)
    shape = np.minimum(1.0, t / rise_s) * np.minimum(1.0, (seconds - t) / 0.2)
    return (0.25 * np.asarray(tone) * shape).astype(np.float32)


def place(sounds: list[tuple[float, np.ndarray]], seconds: float, rate: int) -> np.ndarray:
    """A recording with sounds at times in s, shape (n,)."""
    out = np.zeros(round(seconds * rate), dtype=np.float32)
    for at, sound in sounds:
        start = round(at * rate)
        part = sound[: len(out) - start]
        out[start : start + len(part)] += part
    return out
