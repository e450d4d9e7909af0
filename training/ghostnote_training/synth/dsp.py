"""Building blocks of the drum synthesiser: random draws, envelopes, oscillators, filters; all vectorised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, iirpeak, lfilter, sosfilt

Float64 = NDArray[np.float64]
Rng = np.random.Generator
RATE = 44100
LENGTH = 344 * 256


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A draw that is uniform in pitch or in decibels rather than in Hz or amplitude."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def chance(rng: Rng, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def seconds() -> Float64:
    """Time of each sample, shape (LENGTH,)."""
    return np.arange(LENGTH) / RATE


def decay(t60_s: float, attack_s: float = 0.0, hold_s: float = 0.0, curve: float = 1.0) -> Float64:
    """Envelope: linear attack, hold, then a fall by 60 dB in `t60_s`; `curve` > 1 bends it towards a gate."""
    t = seconds()
    fall = np.maximum(t - attack_s - hold_s, 0.0) / max(t60_s, 1e-4)
    env = np.exp(-6.9078 * fall**curve)
    if attack_s > 0:
        env *= np.clip((t + 1.0 / RATE) / attack_s, 0.0, 1.0)
    return np.asarray(env)


def swept(start_hz: float, end_hz: float, tau_s: float, phase: float = 0.0) -> Float64:
    """Phase in radians of an oscillator that glides exponentially from `start_hz` to `end_hz`."""
    t = seconds()
    cycles = end_hz * t + (start_hz - end_hz) * tau_s * (1.0 - np.exp(-t / tau_s))
    return np.asarray(2.0 * np.pi * cycles + phase)


def square_bank(frequencies_hz: Float64) -> Float64:
    """Sum of naive square waves, as in the hat and cymbal circuits of analogue drum machines."""
    t = seconds()
    total = np.zeros(LENGTH)
    for frequency in frequencies_hz:
        total += np.sign(np.sin(2.0 * np.pi * frequency * t + frequency))
    return total / max(len(frequencies_hz), 1)


def modes(rng: Rng, base_hz: float, ratios: Float64, t60_s: float, tilt: float, damping: float) -> Float64:
    """Decaying sines at `base_hz * ratios`; higher modes start lower (`tilt`) and fall faster (`damping`)."""
    t = seconds()
    total = np.zeros(LENGTH)
    for ratio in ratios:
        frequency = base_hz * ratio * rng.uniform(0.98, 1.02)
        if frequency > RATE * 0.45:
            continue
        level = ratio**-tilt * rng.uniform(0.4, 1.0)
        rate = 6.9078 / max(t60_s * ratio**-damping, 0.004)
        total += level * np.sin(2.0 * np.pi * frequency * t + rng.uniform(0, 0.6)) * np.exp(-rate * t)
    return total


def noise(rng: Rng) -> Float64:
    """White Gaussian noise, standard deviation 1."""
    return rng.standard_normal(LENGTH)


def lowpass(x: Float64, hz: float, order: int = 2) -> Float64:
    """Butterworth low-pass; above 0.47 of the rate it does nothing."""
    if hz >= 0.47 * RATE:
        return x
    return np.asarray(sosfilt(butter(order, hz, "low", fs=RATE, output="sos"), x))


def highpass(x: Float64, hz: float, order: int = 2) -> Float64:
    """Butterworth high-pass; `hz` is held below 0.45 of the rate."""
    return np.asarray(sosfilt(butter(order, min(hz, 0.45 * RATE), "high", fs=RATE, output="sos"), x))


def bandpass(x: Float64, low_hz: float, high_hz: float, order: int = 2) -> Float64:
    """High-pass, then low-pass."""
    return lowpass(highpass(x, low_hz, order), high_hz, order)


def resonate(x: Float64, hz: float, q: float) -> Float64:
    """Two-pole resonator with gain 1 at `hz`, the sound of a struck bridged-T network."""
    b, a = iirpeak(min(hz, 0.45 * RATE), q, fs=RATE)
    return np.asarray(lfilter(b, a, x))


def room(rng: Rng, x: Float64, t60_s: float, bright_hz: float) -> Float64:
    """Convolve with a decaying noise tail, peak-normalised to the input's peak."""
    tail = lowpass(noise(rng), bright_hz, 1)[: int(min(t60_s, 1.5) * RATE) + 1]
    tail = tail * np.exp(-6.9078 * np.arange(len(tail)) / RATE / t60_s)
    wet = fftconvolve(x, tail)[: len(x)]
    return np.asarray(wet * np.max(np.abs(x)) / max(float(np.max(np.abs(wet))), 1e-9))


def unit(x: Float64) -> Float64:
    """Scale to a peak of 1; silence stays silence."""
    return x / max(float(np.max(np.abs(x))), 1e-9)
