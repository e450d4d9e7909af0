"""Measures of regenerated sounds: band distances, attack times, phases for listening."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]


def sixth_octaves(spec: FeatureSpec, low_hz: float = 30.0, high_hz: float = 20000.0) -> Float32:
    """Power sums over sixth-octave bands, shape (bins, bands); bands narrower than a bin share the
    nearest bin.
    """
    count = int(np.floor(6.0 * np.log2(high_hz / low_hz)))
    edges = low_hz * 2.0 ** (np.arange(count + 1) / 6.0)
    hz = np.arange(spec.bins) * spec.sample_rate / spec.n_fft
    columns: list[NDArray[np.bool_]] = []
    for low, high in pairwise(edges):
        inside = (hz >= low) & (hz < high)
        if not inside.any():
            inside = np.arange(spec.bins) == int(np.argmin(np.abs(hz - (low * high) ** 0.5)))
        if not columns or not np.array_equal(columns[-1], inside):
            columns.append(inside)
    return np.stack(columns, axis=1).astype(np.float32)


def band_levels(magnitudes: Float32, spec: FeatureSpec) -> Float32:
    """Level of each sixth-octave band in dB, shape (frames, bands)."""
    power = np.square(magnitudes) @ sixth_octaves(spec)
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-14)), dtype=np.float32)


def log_spectral_distance(
    original: Float32, other: Float32, spec: FeatureSpec, reach_db: float = 60.0
) -> float:
    """Root-mean-square band difference per frame, averaged over frames that sound, in dB.

    Both are cut off `reach_db` below the original's loudest band. Inputs: linear magnitudes (frames, bins).
    """
    a, b = band_levels(original, spec), band_levels(other, spec)
    floor = float(a.max()) - reach_db
    sounding = (a > floor).any(axis=1) | (b > floor).any(axis=1)
    difference = np.maximum(a, floor) - np.maximum(b, floor)
    return float(np.sqrt(np.mean(np.square(difference[sounding]), axis=1)).mean())


def active_difference(original: Float32, other: Float32, spec: FeatureSpec, reach_db: float = 60.0) -> float:
    """Mean absolute band difference in dB where the original is within `reach_db` of its loudest band."""
    a, b = band_levels(original, spec), band_levels(other, spec)
    floor = float(a.max()) - reach_db
    return float(np.abs(a - np.maximum(b, floor))[a > floor].mean())


def hum(original: Float32, other: Float32, spec: FeatureSpec) -> float:
    """Loudest band level in dB relative to the peak, in frames where the original is 80 dB down; -inf
    without such frames.
    """
    a, b = band_levels(original, spec), band_levels(other, spec)
    silent = a.max(axis=1) < a.max() - 80.0
    return float(b[silent].max() - a.max()) if silent.any() else float("-inf")


def listen(magnitudes: Float32, spec: FeatureSpec, rounds: int = 32) -> Float32:
    """Samples for linear magnitudes by fast Griffin-Lim (Perraudin et al., 2013) with silence before 0,
    (samples,).
    """
    phase = np.ones(magnitudes.shape, dtype=np.complex64)
    previous = magnitudes.astype(np.complex64)
    estimate = previous
    for _ in range(rounds):
        rebuilt = stft.stft(stft.istft(estimate, spec), spec, spec.frames)
        ahead = rebuilt + 0.9 * (rebuilt - previous)
        previous = rebuilt
        size = np.abs(ahead)
        phase = np.where(size > 1e-12, ahead / np.maximum(size, 1e-12), 1.0)
        estimate = (magnitudes * phase).astype(np.complex64)
    return stft.istft(estimate, spec)


def attack_time_s(samples: Float32, rate: int, smooth_s: float = 0.001) -> float:
    """Seconds until the envelope (1 ms running maximum) first reaches 90 % of its peak."""
    width = max(int(smooth_s * rate), 1)
    level = np.abs(samples)
    padded = np.concatenate([np.zeros(width - 1, dtype=np.float32), level])
    envelope = np.lib.stride_tricks.sliding_window_view(padded, width).max(axis=1)
    return float(np.argmax(envelope >= 0.9 * envelope.max())) / rate


def attack_error_s(samples: Float32, magnitudes: Float32, spec: FeatureSpec, frames: int = 96) -> float:
    """How far the attack time of magnitudes (frames, bins) is from that of the recording, in seconds.

    Only the first `frames` are listened to, since few sounds are loudest later and the others need not wait.
    """
    short = replace(spec, frames=min(frames, spec.frames))
    end = short.samples - spec.n_fft
    made = listen(np.ascontiguousarray(magnitudes[: short.frames]), short)
    true, found = (attack_time_s(x[:end], spec.sample_rate) for x in (samples, made))
    return abs(found - true)
