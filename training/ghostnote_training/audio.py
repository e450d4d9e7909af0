"""Sounds as training sees them: mono at the model's rate, starting at the onset, level kept."""

from __future__ import annotations

import os
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
SEARCH_S = 10.0
"""How far into a file the onset is looked for."""
FADE_S = 0.01
CANCEL_POWER = 0.1
"""Channels cancel when their mean has less than this share of the power of unrelated channels."""


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


def fit(samples: Float32, spec: FeatureSpec, fade_s: float = FADE_S) -> Float32:
    """Crop (with a short fade) or zero-pad to `spec.samples` samples."""
    out = np.zeros(spec.samples, dtype=np.float32)
    take = min(len(samples), spec.samples)
    out[:take] = samples[:take]
    if len(samples) > spec.samples:
        fade = int(fade_s * spec.sample_rate)
        out[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return out


def place(path: Path) -> str | bytes:
    """A path as libsndfile takes it, for names in any script and in none."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def mono(values: Float32) -> Float32:
    """Mean of the channels (n, channels) → (n,); the loudest channel where they cancel each other."""
    if values.shape[1] == 1:
        return np.ascontiguousarray(values[:, 0])
    mean = np.asarray(values.mean(axis=1), dtype=np.float32)
    powers = np.einsum("nc,nc->c", values, values, dtype=np.float64)
    if float(np.dot(mean, mean)) < CANCEL_POWER * powers.sum() / values.shape[1] ** 2:
        return np.ascontiguousarray(values[:, int(powers.argmax())])
    return mean


def load(path: Path, spec: FeatureSpec, speed: float = 1.0, start: int = 0, end: int = 0) -> Float32:
    """Read a file as mono at the model's rate, cut to its onset, shape (spec.samples,).

    `speed` ≠ 1 plays it faster (and higher), as a tape would. `start` and `end` are frames of the file
    between which the sound is (0: its beginning, its end), faded out where it was cut; the onset is looked
    for in the first 10 s of that. Raises soundfile.LibsndfileError for unreadable files.
    """
    with soundfile.SoundFile(place(path)) as file:
        rate = file.samplerate
        limit = round((SEARCH_S + spec.duration_s * speed) * rate) + 1
        if start:
            file.seek(min(start, file.frames))
        data = file.read(min(limit, end - start) if end else limit, dtype="float32", always_2d=True)
    sound = mono(data)
    if end and len(sound):
        fade = min(len(sound), round(FADE_S * rate))
        sound[len(sound) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    if rate * speed != spec.sample_rate:
        sound = np.asarray(soxr.resample(sound, rate * speed, spec.sample_rate), dtype=np.float32)
    sound = remove_offset(sound, spec.sample_rate)
    return fit(cut_to_onset(sound), spec)
