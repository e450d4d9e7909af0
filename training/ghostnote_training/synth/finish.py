"""What machines and rooms do to a drum: drive, band limits, bit reduction, gates, room, hiss, level."""

from __future__ import annotations

import numpy as np

from ghostnote_training.synth.dsp import (
    LENGTH,
    RATE,
    Float64,
    Rng,
    chance,
    highpass,
    log_uniform,
    lowpass,
    noise,
    resonate,
    room,
    seconds,
    unit,
)


def _digital(rng: Rng, x: Float64) -> Float64:
    """Old sampler: lower rate with or without a reconstruction filter, 6 to 12 bits."""
    step = RATE / log_uniform(rng, 9000, 32000)
    index = (np.floor(np.arange(LENGTH) / step) * step).astype(np.int64)
    held = lowpass(x, RATE / step * 0.45, 4)[index]
    if chance(rng, 0.7):
        held = lowpass(held, RATE / step * rng.uniform(0.38, 0.55), int(rng.integers(2, 9)))
    levels = 2.0 ** rng.integers(6, 13)
    bent = np.sign(held) * np.log1p(255.0 * np.abs(held)) / np.log(256.0) if chance(rng, 0.4) else held
    crushed = np.round(bent * levels) / levels
    return (
        np.sign(crushed) * np.expm1(np.abs(crushed) * np.log(256.0)) / 255.0 if bent is not held else crushed
    )


def finish(rng: Rng, x: Float64) -> Float64:
    """Random recording chain for a raw drum, shape (LENGTH,); ends at a random peak level of -26 to 0
    dBFS.
    """
    x = unit(x)
    if chance(rng, 0.25):
        drive = log_uniform(rng, 1.5, 8.0)
        x = np.tanh(drive * x) / np.tanh(drive)
    if chance(rng, 0.35):
        x = x + resonate(x, log_uniform(rng, 80, 9000), rng.uniform(0.5, 3.0)) * rng.uniform(-0.7, 1.5)
    if chance(rng, 0.3):
        x = unit(x) + room(rng, x, log_uniform(rng, 0.1, 1.2), log_uniform(rng, 1500, 14000)) * log_uniform(
            rng, 0.02, 0.4
        )
    x = unit(x)
    if chance(rng, 0.35):
        x = unit(_digital(rng, x))
    if chance(rng, 0.2):
        x = lowpass(x, log_uniform(rng, 3000, 16000), int(rng.integers(1, 7)))
    if chance(rng, 0.15):
        x = highpass(x, log_uniform(rng, 30, 300), int(rng.integers(1, 3)))
    if chance(rng, 0.12):
        hiss = noise(rng) * 10.0 ** (rng.uniform(-80, -50) / 20.0)
        x = x + hiss * np.exp(
            -np.maximum(seconds() - rng.uniform(0.05, 0.8), 0.0) / log_uniform(rng, 0.002, 0.1)
        )
    if chance(rng, 0.4):
        loud = np.nonzero(np.abs(x) > 1e-3)[0]
        last = loud[-1] / RATE if len(loud) else 0.1
        close, release = last * rng.uniform(0.3, 1.0), log_uniform(rng, 0.0005, 0.03)
        x = x * np.exp(-np.maximum(seconds() - close, 0.0) / release)
    x = unit(x) * 10.0 ** (-rng.uniform(0, 26) * rng.random() / 20.0)
    return np.asarray(x)
