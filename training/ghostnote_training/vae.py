"""The spectrogram VAE in Keras: models, and the loss that shapes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands, nets, texture
from ghostnote_training.graph import KerasBuilder


@dataclass(frozen=True)
class LossOptions:
    """Weights of the loss; reconstruction terms are in decibels."""

    quiet_weight: float = 0.12
    reach_db: float = 70.0
    attack_weight: float = 3.0
    attack_frames: float = 6.0
    low_weight: float = 1.0
    bands: int = 64
    band_term: float = 0.5
    slow_term: float = 0.5
    change_term: float = 0.3
    noisiness_term: float = 1.5
    tone_roughness: float = 0.2
    kl_target_nats: float = 40.0
    kl_weight_start: float = 0.02


def build_encoder(spec: FeatureSpec, options: nets.NetOptions) -> keras.Model:
    """Keras encoder: (batch, frames, bins) → [mean, log-variance]."""
    b = KerasBuilder()
    x = keras.Input((spec.frames, spec.bins), name="log_magnitude")
    hidden = nets.encoder(b, x, spec, options)
    outputs = [nets.posterior_mean(b, hidden, options), nets.posterior_log_variance(b, hidden, options)]
    return keras.Model(x, outputs, name="encoder")


def build_decoder(spec: FeatureSpec, options: nets.NetOptions) -> keras.Model:
    """Keras decoder: (batch, latent) → [median log magnitude, noisiness in bands]."""
    z = keras.Input((options.latent,), name="z")
    return keras.Model(z, list(nets.decoder(KerasBuilder(), z, spec, options)), name="decoder")


def _average_pool(x: Any, size: int) -> Any:
    """Mean over groups of `size` frames of (batch, time, channels)."""
    frames = x.shape[1] // size * size
    return ops.mean(ops.reshape(x[:, :frames], (-1, frames // size, size, x.shape[2])), axis=2)


class SpectrogramVAE(keras.Model):
    """Encoder, seeded sampling, decoder; `compute_loss` holds every term and any Keras backend can train it.

    The noisiness target is how rough the log magnitudes are over time, relative to noise. Decays are straight
    lines on that scale, so tones read as smooth however the model errs.
    """

    def __init__(self, spec: FeatureSpec, options: nets.NetOptions, loss: LossOptions, seed: int) -> None:
        super().__init__(name="spectrogram_vae")
        self.encoder = build_encoder(spec, options)
        self.decoder = build_decoder(spec, options)
        self.options, self.loss_options = options, loss
        self.noise = keras.random.SeedGenerator(seed)
        self.kl_weight = keras.Variable(loss.kl_weight_start, trainable=False, name="kl_weight")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("l1_db", "noisiness", "kl")}
        self._span_db = -20.0 * math.log10(spec.floor)
        span = -math.log(spec.floor)
        self._bend_gain = span / texture.roughness(spec)
        self._to_bands = bands.averages(loss.bands, spec)
        self._to_noise_bands = bands.averages(options.noise_bands, spec)
        index = np.arange(spec.bins)
        low = 1.0 / (index + 8.0)
        self._bin_weight = (1.0 + loss.low_weight * low / low.mean()).astype(np.float32) / (
            1.0 + loss.low_weight
        )
        decay = np.exp(-np.arange(spec.frames) / loss.attack_frames)
        self._frame_weight = (1.0 + loss.attack_weight * decay).astype(np.float32)[:, None]

    @property
    def metrics(self) -> list[Any]:
        """Running means shown while training."""
        return [*super().metrics, *self.trackers.values()]

    def call(self, x: Any, training: bool = False) -> tuple[Any, Any, Any, Any]:
        """Log magnitudes → (median, noisiness, mean, log-variance); samples the posterior when training."""
        mean, log_variance = self.encoder(x)
        log_variance = ops.clip(log_variance, -12.0, 4.0)
        z = mean
        if training:
            z = mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.noise)
        median, noisiness = self.decoder(z)
        return median, noisiness, mean, log_variance

    def _noisiness_target(self, y: Any) -> Any:
        """Noisiness in bands (batch, frames, bands) of log magnitudes (batch, frames, bins).

        A frame is judged by the bend of the two after it, since the onset before it is no noise.
        """
        bend = ops.abs(y[:, 2:] - 2.0 * y[:, 1:-1] + y[:, :-2]) * self._bend_gain
        banded = ops.matmul(ops.minimum(bend, 4.0), ops.convert_to_tensor(self._to_noise_bands))[:, 1:]
        banded = ops.concatenate([banded[:, :1], banded, banded[:, -1:], banded[:, -1:]], axis=1)
        tone = self.loss_options.tone_roughness
        return ops.relu((banded - tone) / (1.0 - tone))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Scalar loss of a batch. `y`: target log magnitudes (batch, frames, bins)."""
        median, noisiness, mean, log_variance = y_pred
        o = self.loss_options
        audible = ops.relu(median)
        error = ops.where(y > 0.0, median, audible) - y
        peak = ops.max(y, axis=(1, 2), keepdims=True)
        reach = o.reach_db / self._span_db
        louder = ops.maximum(y, ops.stop_gradient(audible))
        loudness = ops.clip((louder - peak) / reach + 1.0, 0.0, 1.0)
        weight = (o.quiet_weight + loudness) * self._frame_weight
        scale = self._span_db
        fine = ops.mean(ops.abs(error) * weight * self._bin_weight) * scale
        banded = ops.matmul(error * weight, ops.convert_to_tensor(self._to_bands))
        band = ops.mean(ops.abs(banded)) * scale
        slow = ops.mean(ops.abs(_average_pool(banded, 8))) * scale
        change = ops.mean(ops.abs(banded[:, 1:32] - banded[:, :31])) * scale
        kl = -0.5 * ops.mean(ops.sum(1.0 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1))
        target = self._noisiness_target(y)
        loud = ops.matmul(ops.stop_gradient(loudness), ops.convert_to_tensor(self._to_noise_bands))
        spread = ops.mean((loud + 0.02) * ops.square(noisiness - target))
        self.trackers["l1_db"].update_state(ops.mean(ops.abs(audible - y)) * scale)
        self.trackers["noisiness"].update_state(spread)
        self.trackers["kl"].update_state(kl)
        return (
            fine
            + o.band_term * band
            + o.slow_term * slow
            + o.change_term * change
            + o.noisiness_term * spread
            + self.kl_weight * kl
        )
