"""Augmentation of cached features: gain, gates, band limits and noise, all on the log scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How often and how much; decibels of gain, probabilities of the rest."""

    gain_low_db: float = -15.0
    gain_high_db: float = 6.0
    gate: float = 0.2
    band: float = 0.25
    tilt_db: float = 9.0
    noise: float = 0.0
    earliest_gate_frame: int = 8


def apply(batch: Float32, spec: FeatureSpec, options: Augmentation, rng: np.random.Generator) -> Float32:
    """Augment log-scaled features of shape (n, frames, bins), cached scale in, model scale (0…1) out.

    Gates fall by up to 60 dB a frame, like a sample that was cut; band limits have slopes of 12 to 96 dB
    per octave.
    The gain never lifts a peak above full scale by more than 1 dB.
    """
    count, frames, bins = batch.shape
    span_db = -20.0 * math.log10(spec.floor)
    peak = batch.reshape(count, -1).max(axis=1)
    room_db = (1.0 - peak) * span_db + 1.0
    high = np.minimum(options.gain_high_db, room_db)
    gain_db = rng.uniform(np.minimum(options.gain_low_db, high), high)
    out = batch + (gain_db / span_db)[:, None, None].astype(np.float32)
    octave = np.log2(np.maximum(np.arange(bins), 0.5) * spec.sample_rate / spec.n_fft)
    frame = np.arange(frames)
    for k in range(count):
        if rng.random() < options.gate:
            start = rng.integers(
                options.earliest_gate_frame, max(options.earliest_gate_frame + 1, frames // 2)
            )
            slope_db = math.exp(rng.uniform(math.log(3.0), math.log(60.0)))
            out[k] -= (np.maximum(frame - start, 0) * slope_db / span_db)[:, None].astype(np.float32)
        if rng.random() < options.band:
            curve = np.zeros(bins)
            curve += rng.uniform(-options.tilt_db, options.tilt_db) * (octave - 10.0) / 5.0
            if rng.random() < 0.5:
                edge = math.log2(math.exp(rng.uniform(math.log(3000), math.log(18000))))
                curve -= np.maximum(octave - edge, 0.0) * rng.uniform(12, 96)
            if rng.random() < 0.3:
                edge = math.log2(math.exp(rng.uniform(math.log(25), math.log(400))))
                curve -= np.maximum(edge - octave, 0.0) * rng.uniform(6, 36)
            out[k] += (np.minimum(curve, 6.0) / span_db).astype(np.float32)
        if rng.random() < options.noise:
            floor = 1.0 + (rng.uniform(-95.0, -45.0) + rng.uniform(-6, 3) * (octave - 10.0) / 5.0) / span_db
            spread = rng.rayleigh(size=out[k].shape).astype(np.float32)
            hiss = floor + np.log(np.maximum(spread, 1e-3)) * (20.0 / math.log(10.0) / span_db)
            out[k] = np.maximum(out[k], hiss)
    return np.clip(out, 0.0, 1.2).astype(np.float32)
