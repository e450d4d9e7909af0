"""What lies under sounds, and holds none: recorded ambiences in pieces, and noises and hums that are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

Maker = Callable[[int, int, np.random.Generator], Float64]
"""(samples, rate, generator) → a bed of any level, shape (samples,)."""

_PIECE_S, _FADE_S = 3.0, 1.0
_BANDS = 14
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 18_000.0
_GRID_HZ = 100
"""How often what flutters is drawn; between these it is a line."""
_STILL = 1e-6


def pieces(source: Float32, length: int, rate: int, rng: np.random.Generator) -> Float64:
    """`length` samples of an ambience: pieces from random places, crossfaded by power."""
    piece = min(round(_PIECE_S * rate), len(source))
    fade = min(round(_FADE_S * rate), piece // 3)
    ramp = np.sin(np.linspace(0.0, np.pi / 2.0, fade))
    out = np.zeros(length + piece)
    for at in range(0, length, piece - fade):
        start = int(rng.integers(0, len(source) - piece + 1))
        part = source[start : start + piece].astype(np.float64)
        if at:
            part[:fade] *= ramp
        part[-fade:] *= ramp[::-1]
        out[at : at + piece] += part
    return out[:length]


def fades(length: int, rate: int, rng: np.random.Generator) -> Float64:
    """Gains, shape (length,), that come up and go down in 0.4 to 2 s every few seconds, never at once."""
    out = np.zeros(length)
    at = 0
    while at < length:
        up, down = (round(rng.uniform(0.4, 2.0) * rate) for _ in range(2))
        stay, rest = (round(rng.uniform(0.0, 2.0) * rate) for _ in range(2))
        ramp = [np.sin(np.linspace(0.0, np.pi / 2.0, n)) for n in (up, down)]
        gain = 10.0 ** (rng.uniform(-20.0, 10.0) / 20.0)
        shape = gain * np.concatenate([np.zeros(rest), ramp[0], np.ones(stay), ramp[1][::-1]])
        shape = shape[: length - at]
        out[at : at + len(shape)] = shape
        at += len(shape)
    return out


def coloured(length: int, rate: int, rng: np.random.Generator) -> Float64:
    """Steady noise, from brown to blue."""
    hz = np.maximum(np.fft.rfftfreq(length, 1.0 / rate), 20.0)
    spectrum = np.fft.rfft(rng.standard_normal(length)) * hz ** rng.uniform(-1.0, 0.5)
    return np.asarray(np.fft.irfft(spectrum, length))


def fluttering(length: int, rate: int, rng: np.random.Generator) -> Float64:
    """Noise in bands of any height that wander, and flutter together and one by one."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hz = np.fft.rfftfreq(length, 1.0 / rate)
    edges = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.48 * rate), _BANDS + 1)
    count = length * _GRID_HZ // rate + 2
    when = np.arange(length) * (_GRID_HZ / rate)
    seconds = np.arange(count) / _GRID_HZ
    together = _wander(count, rng)
    heights_db = np.cumsum(rng.normal(0.0, 6.0, _BANDS))
    drift_db_s = rng.uniform(0.0, 10.0) * rng.uniform(-1.0, 1.0, _BANDS)
    out = np.zeros(length)
    for band, (low, high) in enumerate(pairwise(edges)):
        width = max(high - low, 1.0)
        noise = np.fft.irfft(np.where((hz >= low) & (hz < high), spectrum, 0.0), length) / np.sqrt(width)
        wave = np.abs((drift_db_s[band] * seconds) % 80.0 - 40.0)
        level_db = heights_db[band] + wave + together + _wander(count, rng)
        out += noise * 10.0 ** (np.interp(when, np.arange(count), level_db) / 20.0)
    return out


def hum(length: int, rate: int, rng: np.random.Generator) -> Float64:
    """Tones with harmonics that waver and beat, over a little noise."""
    t = np.arange(length) / rate
    out = 0.01 * rng.standard_normal(length)
    for _ in range(int(rng.integers(1, 5))):
        base = np.exp(rng.uniform(np.log(50.0), np.log(1500.0)))
        deep, often = base * rng.uniform(0.0, 0.03), rng.uniform(0.5, 7.0)
        phase = 2.0 * np.pi * base * t - deep / often * np.cos(2.0 * np.pi * often * t)
        swell = 1.0 + rng.uniform(0.0, 0.6) * np.sin(
            2.0 * np.pi * rng.uniform(0.1, 6.0) * t + 6.0 * rng.random()
        )
        for harmonic in range(1, int(rng.integers(2, 12))):
            if harmonic * (base + deep) < 0.45 * rate:
                out += swell * np.sin(harmonic * phase + 6.0 * rng.random()) / harmonic
    return out


MADE: Mapping[str, Maker] = {"coloured": coloured, "fluttering": fluttering, "hum": hum}


def _wander(count: int, rng: np.random.Generator) -> Float64:
    """Smooth chance in dB, up to 5 dB deep and 12 Hz fast, drawn 100 times a second."""
    fast = np.exp(rng.uniform(np.log(0.3), np.log(12.0)))
    hz = np.fft.rfftfreq(count, 1.0 / _GRID_HZ)
    smooth = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * (hz < fast), count)
    deep_db, spread = rng.uniform(0.0, 5.0), float(smooth.std())
    return np.asarray(deep_db * smooth / spread if spread > _STILL else np.zeros(count))
