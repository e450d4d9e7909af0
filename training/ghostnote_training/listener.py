"""Parts of the VAE's loss that hear sounds as a listener would: band levels, envelopes, classes, draws."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands, figures, nets

AXES = 12
"""How many principal axes draws follow, unless latents are held white."""

MEAN_POWER = 0.37
"""Natural log of noise's mean power over its squared median magnitude."""


class Levels:
    """Differences of sixth-octave band levels, as `figures.log_spectral_distance` has them, but smooth."""

    def __init__(self, spec: FeatureSpec, options: nets.NetOptions, reach_db: float) -> None:
        self._span = -2.0 * math.log(spec.floor)
        top = 0.45 * spec.sample_rate
        low = min(30.0, top / 64.0)
        self._bands = figures.sixth_octaves(spec, low, min(20000.0, top))
        self._spread = MEAN_POWER * bands.triangles(options.noise_bands, spec)
        self._floor = 10.0 ** (-reach_db / 10.0)
        self._reach = reach_db

    def _power(self, log_magnitude: Any, peak: Any, extra: Any = 0.0) -> Any:
        """Power in bands relative to the peak (batch, frames, bands)."""
        power = ops.exp(ops.clip((log_magnitude - peak) * self._span, -30.0, 5.0) + extra)
        return ops.matmul(power, ops.convert_to_tensor(self._bands))

    def __call__(self, y: Any, median: Any, noisiness: Any, peak: Any, decay: Any) -> tuple[Any, Any]:
        """(mean over frames of the root-mean-square band difference, envelope difference at the onset), dB.

        `y`, `median`: (batch, frames, bins); `peak`: (batch, 1, 1); `decay`: weight of each frame for the
        envelope.
        """
        spread = ops.matmul(noisiness, ops.convert_to_tensor(self._spread))
        target, made = self._power(y, peak), self._power(median, peak, spread)
        loudest = ops.max(target, axis=(1, 2), keepdims=True)
        decibel = 10.0 / math.log(10.0)
        a = decibel * ops.log(target / loudest + self._floor)
        b = decibel * ops.log(made / loudest + self._floor)
        above = ops.max(ops.maximum(a, ops.stop_gradient(b)), axis=2) + self._reach
        sounding = ops.clip((above - 3.0) / 6.0, 0.0, 1.0)
        error = ops.sqrt(ops.mean(ops.square(a - b), axis=2) + 0.25)
        weight = sounding * (1.0 + 2.0 * ops.convert_to_tensor(decay))
        distance = ops.sum(error * weight, axis=1) / (ops.sum(weight, axis=1) + 1e-3)
        whole = ops.max(ops.sum(target, axis=2), axis=1, keepdims=True)
        before = decibel * ops.log(ops.sum(target, axis=2) / whole + 1e-4)
        after = decibel * ops.log(ops.sum(made, axis=2) / whole + 1e-4)
        envelope = ops.mean(ops.abs(before - after) * decay, axis=1) / ops.mean(decay)
        return ops.mean(distance), ops.mean(envelope)


class LatentStatistics(keras.layers.Layer):
    """Running mean and covariance of latents, and the axes along which an instrument draws chance points."""

    def __init__(self, latent: int, count: int = AXES) -> None:
        super().__init__(name="space", trainable=False)
        count = min(count, latent)
        self.mean = self.add_weight(shape=(latent,), initializer="zeros", trainable=False, name="mean")
        self.covariance = self.add_weight(
            shape=(latent, latent), initializer="identity", trainable=False, name="covariance"
        )
        self.axes = self.add_weight(
            shape=(count, latent), initializer="identity", trainable=False, name="axes"
        )
        self.built = True

    def update(self, means: Any, share: float = 0.01) -> None:
        """Take in a batch of posterior means (batch, latent)."""
        means = ops.stop_gradient(means)
        centred = means - self.mean
        spread = ops.matmul(ops.transpose(centred), centred) / ops.cast(ops.shape(means)[0], "float32")
        self.covariance.assign((1.0 - share) * self.covariance + share * spread)
        self.mean.assign((1.0 - share) * self.mean + share * ops.mean(means, axis=0))

    def unlike_white(self, means: Any) -> Any:
        """Half the squared distance of the covariance from the identity, as far as this batch can change it.

        The number itself says little: its gradient is that of the distance, with the running covariance in
        the place of one that a small batch cannot give (Kumar et al., "Variational inference of disentangled
        latent concepts from unlabeled observations", 2018, with a running covariance).
        """
        centred = means - ops.stop_gradient(ops.convert_to_tensor(self.mean))
        spread = ops.matmul(ops.transpose(centred), centred) / ops.cast(ops.shape(means)[0], "float32")
        away = ops.stop_gradient(self.covariance - ops.eye(self.covariance.shape[0]))
        return ops.sum(away * spread)

    def refresh(self) -> None:
        """Principal axes, each as long as its spread, from the covariance as it is now."""
        values, vectors = np.linalg.eigh(np.asarray(ops.convert_to_numpy(self.covariance), np.float64))
        top = np.argsort(-values)[: self.axes.shape[0]]
        self.axes.assign((vectors[:, top] * np.sqrt(np.maximum(values[top], 0.0))).T.astype(np.float32))

    def draw(self, count: int, seed: keras.random.SeedGenerator) -> Any:
        """Chance points (count, latent): the second half as wide as midpoints between two draws."""
        noise = keras.random.normal((count, self.axes.shape[0]), seed=seed)
        width = np.where(np.arange(count) < (count + 1) // 2, 1.0, math.sqrt(0.5))
        return self.mean + ops.matmul(noise * width[:, None].astype(np.float32), self.axes)


class Listener:
    """A frozen classifier that compares regenerated sounds with originals, and hears whether draws are clear.

    Every view is heard through a random gain and tilt, so that no single ear can be fooled.
    """

    def __init__(self, model: keras.Model, spec: FeatureSpec, options: nets.NetOptions) -> None:
        model.trainable = False
        self.model = model
        self._windows = nets.classifier_windows(spec)
        self._bands = bands.averages(options.view_bands, spec)
        octave = np.log2(1.0 + np.arange(options.view_bands) / 6.0)
        self._octave = (octave - octave.mean()).astype(np.float32)
        self._span_db = -20.0 * math.log10(spec.floor)

    def _view(self, log_magnitude: Any) -> Any:
        windowed = ops.matmul(ops.convert_to_tensor(self._windows), log_magnitude)
        return ops.matmul(windowed, ops.convert_to_tensor(self._bands))

    def _ear(self, count: int, seed: keras.random.SeedGenerator) -> Any:
        gain = keras.random.uniform((count, 1, 1), -12.0, 3.0, seed=seed)
        tilt = keras.random.uniform((count, 1, 1), -3.0, 3.0, seed=seed)
        return (gain + tilt * self._octave) / self._span_db

    def _hear(self, view: Any, ear: Any) -> Any:
        heard = self.model(ops.clip(ops.where(view > 0.0, view + ear, 0.0), 0.0, 1.2), training=False)
        return ops.clip(heard, 1e-6, 1.0)

    def __call__(self, y: Any, made: Any, drawn: Any, seed: keras.random.SeedGenerator) -> tuple[Any, Any]:
        """(divergence of what is heard in `made` from what is heard in `y`, how unclear `drawn` is), nats.

        All are log magnitudes (count, frames, bins), 0 at the floor.
        """
        ear = self._ear(ops.shape(y)[0], seed)
        true = ops.stop_gradient(self._hear(self._view(y), ear))
        heard = self._hear(self._view(made), ear)
        kept = ops.mean(ops.sum(true * (ops.log(true) - ops.log(heard)), axis=-1))
        sure = self._hear(self._view(drawn), self._ear(ops.shape(drawn)[0], seed))
        return kept, ops.mean(-ops.log(ops.max(sure, axis=-1)))
