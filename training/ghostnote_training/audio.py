"""Sounds as training sees them: mono at the model's rate, starting at the onset, level kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import lfilter

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

ONSET_DB = -40.0
"""A sound starts at its first sample within this many dB of its peak."""


def remove_offset(samples: Float32, rate: int, cutoff_hz: float = 10.0) -> Float32:
    """First-order high-pass without start-up step, shape kept; a steady offset would fill the lowest bins."""
    if not len(samples):
        return samples
    pole = float(np.exp(-2.0 * np.pi * cutoff_hz / rate))
    gain = (1.0 + pole) / 2.0
    return np.asarray(lfilter([gain, -gain], [1.0, -pole], samples), dtype=np.float32)


def cut_to_onset(samples: Float32, threshold_db: float = ONSET_DB) -> Float32:
    """Drop what lies before the first sample within `threshold_db` of the peak. Silence comes back
    unchanged.
    """
    level = np.abs(samples)
    peak = float(level.max(initial=0.0))
    if peak == 0.0:
        return samples
    return samples[int(np.argmax(level >= peak * 10.0 ** (threshold_db / 20.0))) :]


def fit(samples: Float32, spec: FeatureSpec, fade_s: float = 0.01) -> Float32:
    """Crop (with a short fade) or zero-pad to `spec.samples` samples."""
    out = np.zeros(spec.samples, dtype=np.float32)
    take = min(len(samples), spec.samples)
    out[:take] = samples[:take]
    if len(samples) > spec.samples:
        fade = int(fade_s * spec.sample_rate)
        out[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return out


def load(path: Path, spec: FeatureSpec, speed: float = 1.0) -> Float32:
    """Read a file as mono at the model's rate, cut to its onset, shape (spec.samples,).

    `speed` ≠ 1 plays it faster (and higher), as a tape would. Raises soundfile.LibsndfileError for
    unreadable files.
    """
    data, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = np.asarray(data.mean(axis=1), dtype=np.float32)
    if rate * speed != spec.sample_rate:
        mono = np.asarray(soxr.resample(mono, rate * speed, spec.sample_rate), dtype=np.float32)
    mono = remove_offset(mono, spec.sample_rate)
    return fit(cut_to_onset(mono), spec)
