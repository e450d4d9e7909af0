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
from ghostnote_training.listener import AXES, LatentStatistics, Levels, Listener


@dataclass(frozen=True)
class LossOptions:
    """Weights of the loss; reconstruction terms are in decibels, each a mean over sounds of means over what
    sounds, so that a short knock counts as much as a long cymbal.
    """

    quiet_weight: float = 0.12
    reach_db: float = 70.0
    attack_weight: float = 4.0
    attack_frames: float = 6.0
    low_weight: float = 1.0
    bands: int = 64
    fine_term: float = 0.3
    band_term: float = 0.15
    slow_term: float = 0.15
    level_term: float = 0.15
    level_reach_db: float = 60.0
    envelope_term: float = 0.1
    noisiness_term: float = 1.5
    tone_roughness: float = 0.2
    kept_term: float = 0.5
    clear_term: float = 0.5
    draws: int = 4
    white_term: float = 0.0
    kl_target_nats: float = 70.0
    kl_weight_start: float = 0.004


def build_encoder(spec: FeatureSpec, options: nets.NetOptions) -> keras.Model:
    """Keras encoder: (batch, frames, bins) → [mean, log-variance]."""
    b = KerasBuilder()
    x = keras.Input((spec.frames, spec.bins), name="log_magnitude")
    hidden = nets.encoder(b, x, spec, options)
    mean = nets.posterior_mean(b, hidden, x, spec, options)
    outputs = [mean, nets.posterior_log_variance(b, hidden, options)]
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

    `listener`, where given, is a frozen classifier of views (`nets.classifier_windows`): what is regenerated
    should be heard as what it was, and a draw from the latent space as something.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        options: nets.NetOptions,
        loss: LossOptions,
        seed: int,
        listener: keras.Model | None = None,
    ) -> None:
        super().__init__(name="spectrogram_vae")
        self.encoder = build_encoder(spec, options)
        self.decoder = build_decoder(spec, options)
        self.options, self.loss_options = options, loss
        self.noise = keras.random.SeedGenerator(seed)
        self.kl_weight = keras.Variable(loss.kl_weight_start, trainable=False, name="kl_weight")
        self.space = LatentStatistics(options.latent, options.latent if loss.white_term else AXES)
        self.trackers = {
            name: keras.metrics.Mean(name=name)
            for name in ("l1_db", "level_db", "noisiness", "kl", "kept", "clear")
        }
        self._listen = None if listener is None else Listener(listener, spec, options)
        self._levels = Levels(spec, options, loss.level_reach_db)
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
        self._decay = decay.astype(np.float32)
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
        weight = (o.quiet_weight + loudness) * self._frame_weight * self._bin_weight
        error = error * (weight / ops.mean(weight, axis=(1, 2), keepdims=True)) * self._span_db
        fine = ops.mean(ops.abs(error))
        banded = ops.matmul(error, ops.convert_to_tensor(self._to_bands))
        band = ops.mean(ops.abs(banded))
        slow = ops.mean(ops.abs(_average_pool(banded, 8)))
        level, envelope = self._levels(y, median, ops.stop_gradient(noisiness), peak, self._decay)
        kl = -0.5 * ops.mean(ops.sum(1.0 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1))
        target = self._noisiness_target(y)
        loud = ops.matmul(ops.stop_gradient(loudness), ops.convert_to_tensor(self._to_noise_bands))
        spread = ops.mean((loud + 0.02) * ops.square(noisiness - target))
        total = (
            o.fine_term * fine
            + o.band_term * band
            + o.slow_term * slow
            + o.level_term * level
            + o.envelope_term * envelope
            + o.noisiness_term * spread
            + self.kl_weight * kl
        )
        seen = {"l1_db": ops.mean(ops.abs(audible - y)) * self._span_db, "level_db": level}
        seen |= {"noisiness": spread, "kl": kl}
        self.space.update(mean)
        if o.white_term:
            total = total + o.white_term * self.space.unlike_white(mean)
        if self._listen is not None:
            points = self.space.draw(o.draws, self.noise)
            drawn = ops.relu(self.decoder(points)[0])
            kept, clear = self._listen(y, audible, drawn, self.noise)
            total = total + o.kept_term * kept + o.clear_term * clear
            seen |= {"kept": kept, "clear": clear}
        for name, value in seen.items():
            self.trackers[name].update_state(value)
        return total
