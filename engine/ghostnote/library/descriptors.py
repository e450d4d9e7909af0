"""What is heard of a sound in six numbers: loudness, centroid, pitch, attack, length, noisiness."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LOUD_S = 0.1
"""Loudness is that of the loudest so many seconds."""
LOWEST_HZ, HIGHEST_HZ = 30.0, 4000.0
CLARITY = 0.7
"""A sound has a pitch where its autocorrelation reaches so much."""

_PITCH_AFTER_S = 0.01
_PITCH_WINDOW_S = 0.12
_REACH_DB = 45.0
_ATTACK_SHARE = 0.9
_BLOCK_S = 0.001
_TONAL_DB = -60.0
_TINY = 1e-12


@dataclass(frozen=True)
class Descriptors:
    """`loudness_db`: power of the loudest 100 ms, dB of a full-scale square wave; `centroid_hz`: of the
    magnitudes; `pitch_hz`: 0 for a sound without one; `attack_s`: from the onset to 90% of the peak;
    `length_s`: until it stays 60 dB below its peak; `noisiness`: flatness of the spectrum, from 0 (−60 dB and
    below, a tone) to 1 (0 dB; white noise has 0.96)."""

    loudness_db: float
    centroid_hz: float
    pitch_hz: float
    attack_s: float
    length_s: float
    noisiness: float


COLUMNS = tuple(Descriptors.__dataclass_fields__)
"""Names in the order in which they are stored."""


def describe(samples: Float32, magnitudes: Float32, spec: FeatureSpec, length_s: float) -> Descriptors:
    """Descriptors of a sound as a model takes it: samples (spec.samples,), magnitudes (frames, bins)."""
    power = np.square(magnitudes)
    frames = power.sum(axis=1)
    loud = frames > frames.max(initial=0.0) * 10.0 ** (-_REACH_DB / 10.0)
    return Descriptors(
        _loudness_db(samples, spec.sample_rate),
        _centroid_hz(magnitudes[loud], spec),
        _pitch_hz(samples, spec.sample_rate),
        _attack_s(samples, spec.sample_rate),
        length_s,
        _noisiness(power[loud]),
    )


def as_row(found: Descriptors) -> tuple[float, ...]:
    """The values in the order of `COLUMNS`."""
    return astuple(found)


def _loudness_db(samples: Float32, rate: int) -> float:
    width = max(1, round(LOUD_S * rate))
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    most = float((total[width:] - total[:-width]).max(initial=0.0)) / width
    return float(10.0 * np.log10(max(most, _TINY)))


def _centroid_hz(magnitudes: Float32, spec: FeatureSpec) -> float:
    spectrum = magnitudes.sum(axis=0, dtype=np.float64)
    bins = np.arange(spec.bins) * (spec.sample_rate / spec.n_fft)
    return float((spectrum * bins).sum() / max(spectrum.sum(), _TINY))


def _noisiness(power: Float32) -> float:
    """Geometric over arithmetic mean of the bins of each loud frame, in dB, weighted by the frame's level."""
    if not len(power):
        return 0.0
    bins = power[:, 1:] + np.float32(_TINY)
    mean = bins.mean(axis=1)
    flat_db = 10.0 * (np.log10(bins).mean(axis=1) - np.log10(mean))
    weight = np.sqrt(mean)
    usual_db = float((flat_db * weight).sum()) / max(float(weight.sum()), _TINY)
    return float(np.clip(1.0 - usual_db / _TONAL_DB, 0.0, 1.0))


def _attack_s(samples: Float32, rate: int) -> float:
    width = max(1, round(_BLOCK_S * rate))
    count = len(samples) // width
    level = np.abs(samples[: count * width]).reshape(count, width).max(axis=1)
    return float(np.argmax(level >= _ATTACK_SHARE * level.max(initial=0.0)) * width / rate)


def _pitch_hz(samples: Float32, rate: int) -> float:
    """Pitch after the attack, after McLeod & Wyvill (ICMC 2005): the first clear peak of the normalised
    square difference. 0 where there is none.
    """
    start = round((_PITCH_AFTER_S + _attack_s(samples, rate)) * rate)
    piece = samples[start : start + round(_PITCH_WINDOW_S * rate)].astype(np.float64)
    size = len(piece)
    longest = min(size // 2, round(rate / LOWEST_HZ))
    if longest < 8 or not piece.any():
        return 0.0
    piece = piece - piece.mean()
    spectrum = fft.rfft(piece, fft.next_fast_len(size + longest + 1, real=True))
    correlation = fft.irfft(spectrum.real**2 + spectrum.imag**2)[: longest + 1]
    squares = np.concatenate([[0.0], np.cumsum(piece**2)])
    lags = np.arange(longest + 1)
    energy = squares[size - lags] + squares[size] - squares[lags]
    similar = 2.0 * correlation / np.maximum(energy, _TINY)
    return _first_peak_hz(similar, rate)


def _first_peak_hz(similar: Float64, rate: int) -> float:
    below = np.flatnonzero(similar < 0.0)
    if not len(below):
        return 0.0
    start = max(int(below[0]), round(rate / HIGHEST_HZ))
    inner = similar[start:-1]
    peaks = start + np.flatnonzero((inner[1:-1] > inner[:-2]) & (inner[1:-1] >= inner[2:])) + 1
    if not len(peaks) or similar[peaks].max() < CLARITY:
        return 0.0
    at = int(peaks[np.argmax(similar[peaks] >= 0.9 * similar[peaks].max())])
    left, mid, right = similar[at - 1 : at + 2]
    bend = left - 2.0 * mid + right
    shift = 0.5 * (left - right) / bend if bend else 0.0
    return float(rate / (at + shift))
