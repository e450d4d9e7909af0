"""Hats, cymbals, cowbell, claps and small percussion: metal clusters and shaped noise."""

from __future__ import annotations

import numpy as np

from ghostnote_training.synth.dsp import (
    LENGTH,
    RATE,
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
    seconds,
    square_bank,
    swept,
    unit,
)


def _metal(rng: Rng) -> Float64:
    """Sustained metal: square-wave cluster, FM pair, dense partials or noise, or a blend of two."""

    def one() -> Float64:
        kind = rng.integers(4)
        base = log_uniform(rng, 180.0, 900.0)
        if kind == 0:
            return square_bank(base * rng.uniform(1.0, 4.5, int(rng.integers(3, 9))))
        if kind == 1:
            t = seconds()
            carrier, ratio = log_uniform(rng, 2000, 9000), rng.uniform(1.1, 2.9)
            index = rng.uniform(1.0, 12.0)
            return np.asarray(np.sin(2 * np.pi * carrier * t + index * np.sin(2 * np.pi * base * ratio * t)))
        if kind == 2:
            ratios = log_uniform(rng, 1.5, 4.0) * np.sort(rng.uniform(1.0, 30.0, 40))
            return modes(rng, base, ratios, 20.0, rng.uniform(-0.5, 0.3), 0.0)
        return noise(rng)

    total = unit(one())
    if chance(rng, 0.6):
        total = total + unit(noise(rng)) * rng.uniform(0.1, 1.5)
    elif chance(rng, 0.5):
        total = total + unit(one()) * rng.uniform(0.2, 1.0)
    total = highpass(total, log_uniform(rng, 1500, 9000), int(rng.integers(1, 5)))
    if chance(rng, 0.4):
        total = unit(total) + unit(
            resonate(total, log_uniform(rng, 3000, 12000), rng.uniform(1, 6))
        ) * rng.uniform(0.2, 1)
    return unit(lowpass(total, log_uniform(rng, 8000, 21000), int(rng.integers(1, 4))))


def hat(rng: Rng, open_hat: bool) -> Float64:
    """Closed: 20 to 160 ms. Open: 0.25 to 2 s, sometimes choked."""
    t60 = log_uniform(rng, 0.25, 2.5) if open_hat else log_uniform(rng, 0.02, 0.18)
    env = decay(
        t60,
        rng.uniform(0, 0.003),
        rng.uniform(0, 0.05) if open_hat else 0.0,
        float(rng.choice([1.0, 1.0, 0.7, 1.6])),
    )
    out = _metal(rng) * (env + rng.uniform(0, 1.0) * decay(log_uniform(rng, 0.01, 0.05)))
    if open_hat and chance(rng, 0.3):
        out = out * decay(log_uniform(rng, 0.02, 0.1), 0.0, rng.uniform(0.15, 0.5))
    if chance(rng, 0.3):
        out = out + unit(bandpass(noise(rng), 200, 2500)) * decay(log_uniform(rng, 0.01, 0.08)) * rng.uniform(
            0.02, 0.3
        )
    return out


def cymbal(rng: Rng, ride: bool) -> Float64:
    """Crash: bright onset, long fall. Ride: stick and bell tones over a wash."""
    t60 = log_uniform(rng, 0.8, 4.0)
    wash = _metal(rng) * decay(t60, rng.uniform(0, 0.01)) + _metal(rng) * decay(t60 * 0.25) * rng.uniform(
        0.2, 1.0
    )
    low = highpass(noise(rng), log_uniform(rng, 200, 1500), 1)
    wash = wash + unit(lowpass(low, 6000)) * decay(t60 * 0.5) * rng.uniform(0.0, 0.5)
    if not ride:
        return wash
    bell = modes(rng, log_uniform(rng, 400, 1200), np.array([1, 1.5, 2.1, 2.9, 3.8, 5.1, 6.6]), t60, 0.2, 0.2)
    stick = unit(bandpass(noise(rng), 2000, 12000)) * decay(log_uniform(rng, 0.01, 0.05))
    return wash * rng.uniform(0.1, 0.7) + unit(bell) * rng.uniform(0.1, 1.0) + stick * rng.uniform(0.1, 1.0)


def clap(rng: Rng) -> Float64:
    """Bursts of band-passed noise a few milliseconds apart, then a tail; or one dense hand clap."""
    centre = log_uniform(rng, 700, 2400)
    raw = bandpass(
        noise(rng), centre / rng.uniform(1.2, 3.0), centre * rng.uniform(1.3, 6.0), int(rng.integers(1, 4))
    )
    env = np.zeros(LENGTH)
    at, count = 0.0, int(rng.integers(1, 6))
    gap = log_uniform(rng, 0.005, 0.016)
    burst = decay(log_uniform(rng, 0.008, 0.04))
    for k in range(count):
        start = int(at * RATE)
        level = 1.0 if k == count - 1 else rng.uniform(0.4, 1.0)
        env[start:] = np.maximum(env[start:], level * burst[: LENGTH - start])
        at += gap * rng.uniform(0.7, 1.4)
    tail = np.zeros(LENGTH)
    start = int(max(at - gap, 0.0) * RATE)
    tail[start:] = decay(log_uniform(rng, 0.06, 0.7))[: LENGTH - start]
    out = raw * np.maximum(env, tail * rng.uniform(0.15, 0.9))
    if chance(rng, 0.3):
        out = out + resonate(out, centre * rng.uniform(0.7, 1.5), rng.uniform(2, 8)) * rng.uniform(0.3, 1.0)
    return out


def cowbell(rng: Rng) -> Float64:
    """Two square waves through a band-pass, or a few bell modes."""
    base = log_uniform(rng, 400.0, 900.0)
    env = decay(log_uniform(rng, 0.1, 0.8)) + rng.uniform(0.3, 1.0) * decay(0.04)
    if chance(rng, 0.6):
        pair = square_bank(np.array([base, base * rng.uniform(1.4, 1.55)]))
        return bandpass(pair, base * 0.8, base * rng.uniform(2.0, 6.0), 1) * env
    return modes(rng, base, np.array([1, 1.5, 2.4, 3.1, 4.2, 5.6]), log_uniform(rng, 0.1, 0.8), 0.5, 0.4)


def percussion(rng: Rng) -> Float64:
    """Shaker, conga, claves, zap or blip."""
    kind = rng.integers(4)
    if kind == 0:
        shaken = bandpass(noise(rng), log_uniform(rng, 1500, 6000), log_uniform(rng, 8000, 20000))
        return shaken * decay(log_uniform(rng, 0.04, 0.4), log_uniform(rng, 0.002, 0.05))
    if kind == 1:
        ratios = np.array([1.0, 1.6, 2.2, 2.9, 3.6])
        skin = modes(rng, log_uniform(rng, 150, 600), ratios, log_uniform(rng, 0.08, 0.6), 1.2, 0.8)
        return unit(skin) + unit(bandpass(noise(rng), 500, 6000)) * decay(0.02) * rng.uniform(0.05, 0.6)
    if kind == 2:
        return modes(
            rng, log_uniform(rng, 700, 3200), np.array([1.0, 2.7]), log_uniform(rng, 0.03, 0.3), 1.0, 1.0
        )
    end = log_uniform(rng, 80, 2000)
    zap = np.sin(swept(end * log_uniform(rng, 1.5, 20), end, log_uniform(rng, 0.01, 0.15)))
    return zap * decay(log_uniform(rng, 0.05, 0.6))
