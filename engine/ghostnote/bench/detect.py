"""Finds in recorded sound when a hit is first heard and when a spectrum has changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

FLOOR = 2e-3
"""A sample above this (−54 dBFS) is sound."""
OVER_REST = 4.0
"""…if it is also this many times above what the sound before it left behind."""
REST_S = 0.005


def onset(signal: Float32, at: int, rate: int, within_s: float = 0.06) -> int | None:
    """Index of the first sample after `at` that belongs to a hit; None if there is none `within_s`.

    `signal`: shape (n,). It is the first sample above `FLOOR` and above `OVER_REST` times the peak of the
    5 ms before `at`, so that what is left of the hit before does not count.
    """
    rest = signal[max(0, at - round(REST_S * rate)) : at]
    threshold = max(FLOOR, OVER_REST * float(np.abs(rest).max(initial=0.0)))
    loud = np.flatnonzero(np.abs(signal[at : at + round(within_s * rate)]) > threshold)
    return at + int(loud[0]) if loud.size else None


@dataclass(frozen=True)
class ChangeOptions:
    """How `spectral_change` looks. The old spectrum is taken from `template_s` before the change, the new one
    from `template_s` long after `settle_s`; `hold_s`: the change must last so long."""

    window: int = 512
    hop: int = 24
    template_s: float = 0.04
    settle_s: float = 0.12
    hold_s: float = 0.004
    bands: int = 32


def spectral_change(
    signal: Float32, at: int, rate: int, options: ChangeOptions = ChangeOptions()
) -> int | None:
    """Index at which the sound is first nearer to its new spectrum than to its old one.

    `signal`: shape (n,), a sounding note whose knob was moved at index `at`. Short spectra (Hann window,
    power in bands of equal width in log frequency, normalised, root taken, so that decay does not matter) are
    compared with the mean spectrum before `at` and the mean one after everything has settled. The moment is
    the centre of the first window that is nearer to the new one, and stays nearer. None if old and new
    cannot be told apart, or the recording is too short. It is the stimulus and response delay of the
    BRAVE study (Caspe et al., 2025) taken at a port of the audio server.
    """
    template = round(options.template_s * rate)
    settle = round(options.settle_s * rate)
    low, high = at - template, at + settle + template
    if low < 0 or high > len(signal):
        return None
    starts = np.arange(low, high - options.window, options.hop)
    windows = np.lib.stride_tricks.sliding_window_view(signal, options.window)[starts]
    shapes = _shapes(windows, rate, options.bands)
    old = _mean_shape(shapes[starts + options.window <= at])
    new = _mean_shape(shapes[starts >= at + settle])
    nearer = shapes @ (new - old)
    boundary = 0.5 * float(new @ new - old @ old)
    if float(old @ new) > 0.97 or not np.isfinite(boundary):
        return None
    is_new = nearer > boundary
    run = max(1, round(options.hold_s * rate / options.hop))
    centres = starts + options.window // 2
    lasting = np.convolve(is_new.astype(np.float64), np.ones(run), mode="valid") == run
    candidates = np.flatnonzero(lasting & (centres[: len(lasting)] > at))
    return int(centres[candidates[0]]) if candidates.size else None


def _shapes(windows: Float32, rate: int, bands: int) -> NDArray[np.float64]:
    """Square roots of normalised band powers of each window, shape (n, bands): unit vectors."""
    size = windows.shape[1]
    power = np.abs(np.fft.rfft(windows * np.hanning(size + 1)[:-1], axis=1)) ** 2
    edges = np.geomspace(rate / size, rate / 2, bands + 1) * size / rate
    bins = np.clip(np.digitize(np.arange(power.shape[1]), edges) - 1, 0, bands - 1)
    pooled = np.zeros((len(windows), bands))
    np.add.at(pooled.T, bins, power.T)
    return np.asarray(np.sqrt(pooled / (pooled.sum(axis=1, keepdims=True) + 1e-20)))


def _mean_shape(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = shapes.mean(axis=0)
    return np.asarray(mean / (np.linalg.norm(mean) + 1e-20))
