"""The training loop of the VAE: time-based schedule, averaged weights, checkpoints, resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import augment, cache, checkpoint, nets
from ghostnote_training.data import Batches
from ghostnote_training.vae import LossOptions, SpectrogramVAE


@dataclass(frozen=True)
class TrainOptions:
    """Settings of a run, which ends after `minutes` of training time or `steps`, whichever comes first; the
    learning rate follows a cosine towards that end.
    """

    minutes: float = 60.0
    steps: int = 1_000_000
    batch: int = 16
    rate: float = 1.5e-3
    warmup_steps: int = 200
    average_every: int = 5
    average_momentum: float = 0.99
    weight_decay: float = 1e-3
    save_every_s: float = 120.0
    report_every: int = 50
    seed: int = 1


def learning_rate(options: TrainOptions, step: int, done: float) -> float:
    """Warm-up over steps, then a cosine to 1 % over the fraction `done` of the time."""
    warm = min(1.0, (step + 1) / options.warmup_steps)
    return options.rate * warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0))))


class Run:
    """A training run in a folder: builds or resumes the model, trains until the time is used up."""

    def __init__(
        self, folder: Path, spec: FeatureSpec, net: nets.NetOptions, loss: LossOptions, options: TrainOptions
    ) -> None:
        self.folder, self.spec, self.net, self.options = folder, spec, net, options
        keras.utils.set_random_seed(options.seed)
        self.loss_options = loss
        self.model = SpectrogramVAE(spec, net, loss, options.seed)
        self.model(np.zeros((1, spec.frames, spec.bins), np.float32))
        self.optimizer = keras.optimizers.AdamW(options.rate, weight_decay=options.weight_decay, clipnorm=1.0)
        self.model.compile(optimizer=self.optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self.average = self._arrays(self.model.trainable_variables)
        self.step, self.elapsed_s = 0, 0.0
        self.kl = loss.kl_target_nats

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.folder / "checkpoint.npz"

    @staticmethod
    def _arrays(variables: Sequence[keras.Variable]) -> list[NDArray[np.float32]]:
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]

    def save(self) -> None:
        """Write the checkpoint."""
        groups = {
            "model": self._arrays(self.model.trainable_variables),
            "optimizer": self._arrays(self.optimizer.variables),
            "average": self.average,
        }
        state = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "kl_weight": float(self.model.kl_weight),
            "kl": self.kl,
        }
        checkpoint.save(self.path, groups, state)

    def resume(self) -> bool:
        """Load the checkpoint if there is one."""
        if not self.path.exists():
            return False
        groups, state = checkpoint.load(self.path)
        for variable, value in zip(self.model.trainable_variables, groups["model"], strict=True):
            variable.assign(value)
        for variable, value in zip(self.optimizer.variables, groups["optimizer"], strict=True):
            variable.assign(value)
        self.average = groups["average"]
        self.step, self.elapsed_s, self.kl = state["step"], state["elapsed_s"], state["kl"]
        self.model.kl_weight.assign(state["kl_weight"])
        return True

    def use_average(self) -> None:
        """Put the averaged weights into the model, to evaluate or export it."""
        for variable, value in zip(self.model.trainable_variables, self.average, strict=True):
            variable.assign(value)

    def _steer(self, kl: float) -> None:
        """Nudge the KL weight so that the KL stays at its target: more nats than wanted, more weight."""
        self.kl = 0.98 * self.kl + 0.02 * kl
        ratio = np.clip(self.kl / self.loss_options.kl_target_nats - 1.0, -0.5, 0.5)
        weight = float(self.model.kl_weight) * math.exp(0.01 * float(ratio))
        self.model.kl_weight.assign(float(np.clip(weight, 1e-3, 0.3)))

    def train(
        self,
        features: cache.Joined,
        weights: NDArray[np.float64],
        augmentation: augment.Augmentation,
        report: Callable[[str], None] = print,
    ) -> None:
        """Train until the run's end; batches are reproducible from (seed, step at start)."""
        o = self.options
        batches = Batches(features, weights, self.spec, augmentation, o.batch, [o.seed, self.step])
        last_save = time.monotonic()
        try:
            for log_magnitude, _ in batches:
                began = time.monotonic()
                done = max(self.elapsed_s / (o.minutes * 60.0), self.step / o.steps)
                if done >= 1.0:
                    break
                rate = learning_rate(o, self.step, done)
                self.optimizer.learning_rate.assign(rate)
                self.model.reset_metrics()
                logs = self.model.train_on_batch(log_magnitude, log_magnitude, return_dict=True)
                if not math.isfinite(float(logs["loss"])):
                    raise FloatingPointError(f"loss became {logs['loss']} at step {self.step}")
                self.step += 1
                self._steer(float(logs["kl"]))
                if self.step % o.average_every == 0:
                    momentum = min(o.average_momentum, self.step / (self.step + 10.0 * o.average_every))
                    for mean, variable in zip(self.average, self.model.trainable_variables, strict=True):
                        mean += (1.0 - momentum) * (keras.ops.convert_to_numpy(variable) - mean)
                self.elapsed_s += time.monotonic() - began
                if self.step % o.report_every == 0:
                    report(
                        f"step {self.step:6d}  {self.elapsed_s / 60:6.2f} of {o.minutes:g} min  rate "
                        f"{rate:.2e}  "
                        f"loss {float(logs['loss']):.3f}  L1 {float(logs['l1_db']):.2f} dB  KL "
                        f"{self.kl:.1f} nats "
                        f"(weight {float(self.model.kl_weight):.4f})  noisiness "
                        f"{float(logs['noisiness']):.4f}"
                    )
                if time.monotonic() - last_save > o.save_every_s:
                    self.save()
                    last_save = time.monotonic()
        finally:
            batches.close()
            self.save()
