"""Kick, snare, toms and rim: swept oscillators, struck membranes and resonators, with noise."""

from __future__ import annotations

import numpy as np

from ghostnote_training.synth.dsp import (
    Float64,
    Rng,
    bandpass,
    chance,
    decay,
    highpass,
    log_uniform,
    lowpass,
    modes,
    noise,
    resonate,
    swept,
    unit,
)

MEMBRANE = np.array([1.0, 1.59, 2.14, 2.30, 2.65, 2.92, 3.50, 3.60, 4.06])
"""Mode frequencies of an ideal circular membrane over its lowest."""


def _click(rng: Rng, low_hz: float, high_hz: float) -> Float64:
    length_s = log_uniform(rng, 0.002, 0.03)
    low = log_uniform(rng, low_hz, high_hz)
    return unit(bandpass(noise(rng), low, low * rng.uniform(1.5, 8.0))) * decay(length_s)


def _tone(rng: Rng, phase: Float64) -> Float64:
    """Sine, bent towards triangle or a driven sine."""
    x = np.sin(phase)
    kind = rng.random()
    if kind < 0.2:
        return np.asarray(2.0 / np.pi * np.arcsin(x))
    if kind < 0.5:
        drive = log_uniform(rng, 1.2, 6.0)
        return np.asarray(np.tanh(drive * x + rng.uniform(0, 0.4)) / np.tanh(drive))
    return x


def kick(rng: Rng) -> Float64:
    """A swept oscillator, or a struck head with beater."""
    end = log_uniform(rng, 32.0, 90.0)
    if chance(rng, 0.65):
        start = end * log_uniform(rng, 1.05, 10.0)
        phase = swept(start, end, log_uniform(rng, 0.004, 0.08), rng.uniform(0, np.pi / 2))
        hold = rng.uniform(0, 0.12) if chance(rng, 0.3) else 0.0
        body = _tone(rng, phase) * decay(
            log_uniform(rng, 0.08, 1.6), 0.0, hold, float(rng.choice([1.0, 1.0, 1.5, 2.5]))
        )
    else:
        t60 = log_uniform(rng, 0.1, 0.7)
        body = modes(rng, end * 1.1, MEMBRANE[:6], t60, rng.uniform(0.8, 2.5), rng.uniform(0.5, 1.5))
        body = unit(body) + 0.5 * np.sin(swept(end * 2.5, end, 0.02)) * decay(t60)
        body += (
            unit(lowpass(noise(rng), log_uniform(rng, 150, 1200))) * decay(log_uniform(rng, 0.03, 0.4)) * 0.25
        )
    level = log_uniform(rng, 0.02, 0.9)
    out = unit(body) + (_click(rng, 300, 5000) * level if chance(rng, 0.75) else 0.0)
    return lowpass(out, log_uniform(rng, 500, 20000), 1) if chance(rng, 0.3) else out


def snare(rng: Rng) -> Float64:
    """One to three tuned modes under filtered noise; sometimes a gated tail."""
    base = log_uniform(rng, 120.0, 380.0)
    body = np.sin(swept(base * rng.uniform(1.0, 2.0), base, log_uniform(rng, 0.003, 0.03)))
    body = body * decay(log_uniform(rng, 0.04, 0.35))
    if chance(rng, 0.7):
        ratio = rng.uniform(1.4, 2.3)
        body += (
            rng.uniform(0.2, 0.9)
            * np.sin(swept(base * ratio, base * ratio, 0.01))
            * decay(log_uniform(rng, 0.03, 0.25))
        )
    if chance(rng, 0.4):
        body += modes(
            rng, base, MEMBRANE, log_uniform(rng, 0.05, 0.4), rng.uniform(0.3, 1.5), rng.uniform(0.3, 1.2)
        )
    wires = bandpass(
        noise(rng), log_uniform(rng, 250, 4000), log_uniform(rng, 5000, 20000), int(rng.integers(1, 4))
    )
    t60 = log_uniform(rng, 0.07, 0.7)
    hold = rng.uniform(0.02, 0.15) if chance(rng, 0.25) else 0.0
    curve = float(rng.choice([1.0, 1.0, 0.7, 2.0, 4.0]))
    wires = unit(wires) * (
        decay(t60, rng.uniform(0, 0.004), hold, curve) + rng.uniform(0, 0.5) * decay(t60 * 0.2)
    )
    return (
        unit(body) * log_uniform(rng, 0.05, 1.0)
        + wires * log_uniform(rng, 0.15, 1.0)
        + _click(rng, 800, 6000) * rng.uniform(0, 0.6)
    )


def tom(rng: Rng, low_hz: float, high_hz: float) -> Float64:
    """A gliding tone or a membrane at a pitch in the given range, with some head noise."""
    end = log_uniform(rng, low_hz, high_hz)
    t60 = log_uniform(rng, 0.15, 1.5)
    if chance(rng, 0.6):
        start = end * log_uniform(rng, 1.02, 2.5)
        body = _tone(rng, swept(start, end, log_uniform(rng, 0.01, 0.25)))
        body = body * decay(t60, 0.0, 0.0, float(rng.choice([1.0, 1.0, 1.5, 2.5])))
        if chance(rng, 0.4):
            ratio = rng.uniform(1.4, 2.2)
            body += (
                rng.uniform(0.05, 0.5)
                * np.sin(swept(start * ratio, end * ratio, 0.05))
                * decay(t60 * rng.uniform(0.2, 0.8))
            )
    else:
        body = modes(rng, end, MEMBRANE, t60, rng.uniform(0.7, 2.0), rng.uniform(0.4, 1.4))
    hiss = bandpass(noise(rng), log_uniform(rng, 80, 800), log_uniform(rng, 1000, 12000), 1)
    out = unit(body) + unit(hiss) * decay(log_uniform(rng, 0.03, 0.6)) * log_uniform(rng, 0.01, 0.5)
    return out + _click(rng, 400, 5000) * rng.uniform(0, 0.5)


def rim(rng: Rng) -> Float64:
    """A very short knock: resonators struck by a pulse, or stick modes with a click."""
    pulse = np.zeros_like(decay(0.1))
    pulse[: int(rng.integers(1, 30))] = 1.0
    if chance(rng, 0.5):
        low = log_uniform(rng, 280.0, 1100.0)
        out = resonate(pulse, low, rng.uniform(3, 25))
        out = unit(out) + unit(
            resonate(pulse, low * rng.uniform(1.6, 4.5), rng.uniform(3, 30))
        ) * rng.uniform(0.2, 1.2)
        out = np.tanh(unit(out) * log_uniform(rng, 1.0, 8.0))
        out = highpass(out, log_uniform(rng, 60, 700), 1)
    else:
        ratios = np.sort(log_uniform(rng, 1.0, 1.3) * rng.uniform(1.0, 6.0, int(rng.integers(3, 9))))
        out = modes(
            rng,
            log_uniform(rng, 220, 1400),
            ratios,
            log_uniform(rng, 0.03, 0.25),
            rng.uniform(-0.3, 1.0),
            0.7,
        )
        out = unit(out) + _click(rng, 1000, 6000) * rng.uniform(0.2, 1.0)
    out = unit(out) * decay(log_uniform(rng, 0.02, 0.3))
    if chance(rng, 0.4):
        out += (
            unit(bandpass(noise(rng), 500, log_uniform(rng, 3000, 16000)))
            * decay(log_uniform(rng, 0.01, 0.15))
            * rng.uniform(0.05, 0.5)
        )
    return out
