"""Short-time Fourier transform: frame k is centred on sample k·hop, with zeros before sample 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]


def window(n_fft: int) -> Float32:
    """Periodic Hann window, shape (n_fft,)."""
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


def magnitude_scale(n_fft: int) -> float:
    """Factor from raw FFT magnitudes to the project's scale, where a full-scale sine has magnitude 1."""
    return 2.0 / float(window(n_fft).sum())


def frame(samples: Float32, spec: FeatureSpec, frames: int | None = None) -> Float32:
    """Windowed frames of a mono signal.

    `samples`: shape (n,), any n. Returns shape (frames, n_fft); missing samples are zeros.
    """
    count = spec.frames if frames is None else frames
    half = spec.n_fft // 2
    padded = np.zeros((count - 1) * spec.hop + spec.n_fft, dtype=np.float32)
    take = min(len(samples), len(padded) - half)
    padded[half : half + take] = samples[:take]
    view = np.lib.stride_tricks.sliding_window_view(padded, spec.n_fft)[:: spec.hop]
    return np.asarray(view[:count] * window(spec.n_fft), dtype=np.float32)


def stft(samples: Float32, spec: FeatureSpec, frames: int | None = None) -> Complex64:
    """Complex spectrum of a mono signal, shape (frames, bins), on the project's magnitude scale."""
    spectrum = fft.rfft(frame(samples, spec, frames), axis=-1)
    return np.asarray(spectrum * magnitude_scale(spec.n_fft), dtype=np.complex64)


def magnitudes(samples: Float32, spec: FeatureSpec, frames: int | None = None) -> Float32:
    """Linear magnitudes of a mono signal, shape (frames, bins); level is kept."""
    return np.abs(stft(samples, spec, frames))


def istft(spectrum: Complex64, spec: FeatureSpec) -> Float32:
    """Least-squares signal of a spectrum (Griffin & Lim, 1984), shape (frames * hop,).

    `spectrum`: shape (frames, bins) on the project's scale. Exact inverse of `stft` for its output.
    """
    count = spectrum.shape[0]
    hann = window(spec.n_fft)
    pieces = fft.irfft(spectrum / magnitude_scale(spec.n_fft), n=spec.n_fft, axis=-1) * hann
    total = np.zeros((count - 1) * spec.hop + spec.n_fft, dtype=np.float64)
    weight = np.zeros_like(total)
    for k in range(count):
        at = k * spec.hop
        total[at : at + spec.n_fft] += pieces[k]
        weight[at : at + spec.n_fft] += hann**2
    half = spec.n_fft // 2
    keep = slice(half, half + count * spec.hop)
    return np.asarray(total[keep] / np.maximum(weight[keep], 1e-8), dtype=np.float32)
