"""Where a known sound is heard to begin, and whether it stands out there: what onsets are held against."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_AUDIBLE_DB = 6.0
_AUDIBLE_S = 0.05
_BEGUN_DB = -20.0
_BEGUN_S = 0.25


def begins(sound: Float32, rate: int) -> int:
    """Where a sound is heard to begin: its level is within 20 dB of the largest of its first 250 ms."""
    width = round(0.005 * rate)
    head = sound[: round(_BEGUN_S * rate)].astype(np.float64) ** 2
    total = np.concatenate([[0.0], np.cumsum(head)])
    level = total[1:] - total[np.maximum(np.arange(1, len(total)) - width, 0)]
    return int(np.argmax(level >= level.max() * 10.0 ** (_BEGUN_DB / 10.0)))


def audible(total: Float64, start: int, sound: Float32, rate: int) -> bool:
    """Whether a sound stands out where it begins: 6 dB above all else in a half-octave band, for 50 ms."""
    first = start + begins(sound, rate)
    length = min(round(_AUDIBLE_S * rate), len(total) - first)
    own = np.zeros(length)
    part = sound[first - start : first - start + length]
    own[: len(part)] = part
    rest = total[first : first + length] - own
    before = total[max(0, first - length) : first] - _earlier(sound, first - start, length, first)
    loud = np.maximum(_half_octaves(rest, rate), _half_octaves(before, rate))
    return bool((_half_octaves(own, rate) > loud * 10.0 ** (_AUDIBLE_DB / 10.0)).any())


def _earlier(sound: Float32, at: int, length: int, first: int) -> Float64:
    """What a sound itself puts into the `length` samples before its sample `at`."""
    out = np.zeros(min(length, first))
    own = sound[max(0, at - len(out)) : at]
    out[len(out) - len(own) :] = own
    return out


def _half_octaves(samples: Float64, rate: int) -> Float64:
    """Power in half-octave bands from 60 Hz to 15.4 kHz, shape (16,), with the floor of 16 bits."""
    size = 4096
    window = np.hanning(len(samples))
    power = np.abs(np.fft.rfft(samples * window, size)) ** 2 / max(1.0, float(window.sum())) ** 2
    edges = np.round(60.0 * 2.0 ** (np.arange(17) / 2.0) * size / rate).astype(int)
    return np.array([power[a:b].sum() for a, b in pairwise(edges)]) + 1e-10
