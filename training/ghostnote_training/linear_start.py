"""Where training begins: the best linear code of the training sounds, which the networks then bend."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands, nets
from ghostnote_training.vae import LossOptions, SpectrogramVAE

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class LinearCode:
    """Principal components of views, shape (components, windows · bands): `mean`, unit `directions` of the
    weighted views, their variances, and the `weight` of each number of a view.
    """

    mean: Float64
    directions: Float64
    variances: Float64
    weight: Float64


class Views:
    """Log magnitudes (n, frames, bins) → views (n, windows · bands), as `nets.linear_view` has them.

    `weight`: how much each number counts, by the frames that it stands for, those of the attack more.
    """

    def __init__(self, spec: FeatureSpec, options: nets.NetOptions, loss: LossOptions) -> None:
        edges = nets.linear_edges(spec)
        self._windows = nets.means(edges, spec)
        self._bands = bands.averages(options.linear_bands, spec)
        when = self._windows @ np.arange(spec.frames)
        counts = np.diff(edges) * (1.0 + loss.attack_weight * np.exp(-when / loss.attack_frames))
        self.weight = np.repeat(np.sqrt(counts), options.linear_bands)

    def __call__(self, log_magnitudes: Float32) -> Float32:
        """Plain means."""
        view = np.matmul(np.matmul(self._windows, log_magnitudes), self._bands)
        return np.asarray(view.reshape(len(view), -1))

    def weighted(self, log_magnitudes: Float32) -> Float32:
        """The same, each number as much as it counts."""
        return np.asarray(self(log_magnitudes) * self.weight, dtype=np.float32)


def fit(views: Float32, weight: Float64, count: int) -> LinearCode:
    """At most `count` principal components of weighted views (n, numbers); fewer where n is smaller."""
    mean = views.mean(axis=0, dtype=np.float64)
    centred = (views - mean) * weight
    values, vectors = np.linalg.eigh(centred @ centred.T)
    top = np.argsort(-values)[:count]
    top = top[values[top] > 1e-9 * max(values.max(), 1e-30)]
    directions = (centred.T @ vectors[:, top]) / np.sqrt(values[top])
    return LinearCode(mean, directions.T, values[top] / len(views), weight)


def noise_of(variances: Float64, nats: float) -> Float64:
    """Posterior variances of whitened components that cost `nats` in all and lose least.

    Reverse water-filling: what is lost of each component is the same, and weaker ones are not coded at all
    (Cover and Thomas, "Elements of Information Theory", 2006, section 10.3.3).
    """
    if not len(variances):
        return variances
    low, high = math.log(variances.min()) - nats, math.log(variances.max())
    for _ in range(100):
        level = 0.5 * (low + high)
        spent = 0.5 * np.maximum(np.log(variances) - level, 0.0).sum()
        low, high = (level, high) if spent > nats else (low, level)
    return np.minimum(np.exp(high) / variances, 1.0)


def begin(model: SpectrogramVAE, code: LinearCode, spec: FeatureSpec, options: nets.NetOptions) -> None:
    """Give a fresh model the code: encoder and decoder are linear, and their networks add nothing yet."""
    count, latent = len(code.variances), options.latent
    noise = np.ones(latent)
    noise[:count] = noise_of(code.variances, model.loss_options.kl_target_nats)
    kept = np.sqrt(1.0 - noise[:count])
    spread = np.sqrt(code.variances)
    inward, outward = np.zeros((latent, code.mean.size)), np.zeros((latent, code.mean.size))
    inward[:count] = (kept / spread)[:, None] * code.directions * code.weight
    outward[:count] = (kept * spread)[:, None] * code.directions / code.weight
    encoder, decoder = model.encoder.get_layer, model.decoder.get_layer
    _set(encoder("z_linear"), inward.T / nets.ENCODER_REACH, -inward @ code.mean)
    _set(encoder("z_mean"), 0.0, 0.0)
    _set(encoder("z_log_variance"), 0.0, np.log(noise))
    _set(decoder("dec_linear"), outward / nets.DECODER_REACH, code.mean)
    _set(decoder("dec_median"), 0.0, 0.0)
    _set(decoder("dec_spectra_bins"), 0.0, 0.0)


def _set(layer: keras.layers.Layer, kernel: Float64 | float, bias: Float64 | float) -> None:
    for variable, value in zip((layer.kernel, layer.bias), (kernel, bias), strict=True):
        variable.assign(np.broadcast_to(value, variable.shape).astype(np.float32))
