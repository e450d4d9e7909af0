"""The training loop of the VAE: a schedule, averaged weights, an end when nothing gets better, resume."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import augment, cache, checkpoint, linear_start, nets
from ghostnote_training.convergence import Convergence, HeldOut, StopOptions
from ghostnote_training.data import Batches
from ghostnote_training.vae import LossOptions, SpectrogramVAE

Arrays = list[NDArray[np.float32]]

CHECKPOINT = "checkpoint.npz"
"""What a run's folder keeps its state in."""


@dataclass(frozen=True)
class TrainOptions:
    """Settings of a run, which ends after `minutes` of training time or `steps`, whichever comes first; the
    learning rate follows a cosine towards that end. A step that was held up (the process stopped, the machine
    asleep) counts as a usual one.

    Where only `steps` end the run, equal seeds give equal weights, interrupted or not; where time may end it,
    the learning rate follows the clock and they do not. A new run begins with the linear code of
    `start_sounds` draws from the training set.
    """

    minutes: float = 60.0
    steps: int = 1_000_000
    batch: int = 16
    rate: float = 1e-3
    warmup_steps: int = 200
    average_every: int = 5
    average_momentum: float = 0.99
    weight_decay: float = 1e-3
    refresh_every: int = 50
    save_every_s: float = 120.0
    report_every: int = 50
    seed: int = 1
    start_sounds: int = 3000


class TrainingTime:
    """Seconds spent in steps: one that took longer than `limit` times the median of the last hundred counts
    as that, so that a stopped process loses no training.
    """

    def __init__(self, spent_s: float = 0.0, limit: float = 4.0) -> None:
        self.spent_s, self._limit = spent_s, limit
        self._recent: deque[float] = deque(maxlen=100)

    def add(self, seconds: float) -> None:
        """Count a step."""
        if len(self._recent) >= 20:
            seconds = min(seconds, self._limit * statistics.median(self._recent))
        self._recent.append(seconds)
        self.spent_s += seconds

    @property
    def step_s(self) -> float:
        """Seconds of a usual step; NaN before the first."""
        return statistics.median(self._recent) if self._recent else math.nan


def learning_rate(options: TrainOptions, step: int, done: float) -> float:
    """Warm-up over steps, then a cosine to 1 % over the fraction `done` of the time."""
    warm = min(1.0, (step + 1) / options.warmup_steps)
    return options.rate * warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0))))


@dataclass(frozen=True)
class Moment:
    """A run as it is now, for whoever shows it. `done` is a share of 1; losses are those of the last step.

    `original` and `regenerated` are log magnitudes (frames, bins) of a held-out sound, each time another;
    None when it was not measured at this step.
    """

    step: int
    done: float
    elapsed_s: float
    left_s: float
    sounds_per_s: float
    losses: dict[str, float]
    kl_nats: float
    cooling: bool
    history: Sequence[tuple[int, float, float]]
    name: str = ""
    original: NDArray[np.float32] | None = None
    regenerated: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Watching:
    """Who looks on: `held_out` sounds that decide when to stop, `show` for each moment that is told, and
    `stop`, which ends the run early, to be resumed.
    """

    held_out: HeldOut | None = None
    options: StopOptions = field(default_factory=StopOptions)
    show: Callable[[Moment], None] | None = None
    stop: Callable[[], bool] = lambda: False


class Run:
    """A training run in a folder: builds or resumes the model, trains until its end (`TrainOptions`)."""

    def __init__(
        self,
        folder: Path,
        spec: FeatureSpec,
        net: nets.NetOptions,
        loss: LossOptions,
        options: TrainOptions,
        listener: keras.Model | None = None,
    ) -> None:
        self.folder, self.spec, self.net, self.options = folder, spec, net, options
        keras.utils.set_random_seed(options.seed)
        self.loss_options = loss
        self.model = SpectrogramVAE(spec, net, loss, options.seed, listener)
        self.model(np.zeros((1, spec.frames, spec.bins), np.float32))
        self.optimizer = keras.optimizers.AdamW(options.rate, weight_decay=options.weight_decay, clipnorm=1.0)
        self.model.compile(optimizer=self.optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self.average = self._arrays(self.model.trainable_variables)
        self.best: Arrays | None = None
        self.step, self.time = 0, TrainingTime()
        self.kl = loss.kl_target_nats
        self.l1_db = math.nan
        self.convergence = Convergence(StopOptions())
        self.ended = ""

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.folder / CHECKPOINT

    @property
    def elapsed_s(self) -> float:
        """Training time."""
        return self.time.spent_s

    @property
    def done(self) -> float:
        """Share of the run's length that is used."""
        return max(self.elapsed_s / (self.options.minutes * 60.0), self.step / self.options.steps)

    @staticmethod
    def _arrays(variables: Sequence[keras.Variable]) -> Arrays:
        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]

    @staticmethod
    def _assign(variables: Sequence[keras.Variable], values: Arrays) -> None:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def save(self) -> None:
        """Write the checkpoint: weights, averages, the best, optimiser, seeds, statistics, counts."""
        groups = {
            "model": self._arrays(self.model.trainable_variables),
            "others": self._arrays(self.model.non_trainable_variables),
            "optimizer": self._arrays(self.optimizer.variables),
            "average": self.average,
        }
        if self.best is not None:
            groups["best"] = self.best
        state = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "kl_weight": float(self.model.kl_weight),
            "kl": self.kl,
            "l1_db": self.l1_db,
            "convergence": self.convergence.state(),
            "ended": self.ended,
        }
        checkpoint.save(self.path, groups, state)

    def resume(self, weights_only: bool = False) -> bool:
        """Load the checkpoint if there is one. `weights_only`: just what an export needs, so that the
        run may have been built without its listener. Raises ValueError for a checkpoint of another
        network.
        """
        if not self.path.exists():
            return False
        groups, state = checkpoint.load(self.path)
        try:
            self._assign(self.model.trainable_variables, groups["model"])
            if not weights_only:
                self._assign(self.model.non_trainable_variables, groups["others"])
                self._assign(self.optimizer.variables, groups["optimizer"])
        except (KeyError, ValueError) as error:
            raise ValueError(f"{self.path}: written by another network or version ({error})") from None
        self.average, self.best = groups["average"], groups.get("best")
        self.step, self.time, self.kl = state["step"], TrainingTime(state["elapsed_s"]), state["kl"]
        self.model.kl_weight.assign(state["kl_weight"])
        if "convergence" in state:
            self.l1_db, self.ended = state["l1_db"], state["ended"]
            self.convergence.restore(state["convergence"])
        return True

    def use_average(self) -> None:
        """Put averaged weights into the model, to evaluate or export it: those that did best on
        held-out sounds, where that was measured, else the last.
        """
        self._assign(self.model.trainable_variables, self.average if self.best is None else self.best)

    def _steer(self, kl: float) -> None:
        """Nudge the KL weight so that the KL stays at its target: more nats than wanted, more weight."""
        self.kl = 0.98 * self.kl + 0.02 * kl
        ratio = np.clip(self.kl / self.loss_options.kl_target_nats - 1.0, -0.5, 0.5)
        weight = float(self.model.kl_weight) * math.exp(0.01 * float(ratio))
        self.model.kl_weight.assign(float(np.clip(weight, 1e-4, 0.3)))

    def _line(self, rate: float, logs: dict[str, float]) -> str:
        shown = "  ".join(f"{name} {float(value):.3f}" for name, value in logs.items() if name != "kl")
        return (
            f"step {self.step:6d}  {self.elapsed_s / 60:6.2f} of {self.options.minutes:g} min  "
            f"rate {rate:.2e}  {shown}  KL {self.kl:.1f} nats (weight {float(self.model.kl_weight):.5f})"
        )

    def _moment(self, losses: dict[str, float], **picture: Any) -> Moment:
        done, step_s, seen = self.done, self.time.step_s, self.convergence
        left_s = self.options.minutes * 60.0 - self.elapsed_s
        if step_s > 0.0:
            left_s = min(left_s, (self.options.steps - self.step) * step_s)
        left_s *= (seen.end - done) / (1.0 - done) if done < 1.0 else 0.0
        return Moment(
            self.step,
            min(done / seen.end, 1.0),
            self.elapsed_s,
            max(left_s, 0.0),
            self.options.batch / step_s if step_s > 0.0 else 0.0,
            losses | {"l1_db": self.l1_db},
            self.kl,
            seen.cooling_from is not None,
            seen.history,
            **picture,
        )

    def _measure(self, watching: Watching) -> dict[str, Any]:
        """Measure the averaged weights on held-out sounds; returns the picture of one, for `Moment`."""
        held_out, seen = watching.held_out, self.convergence
        assert held_out is not None
        present = self._arrays(self.model.trainable_variables)
        self._assign(self.model.trainable_variables, self.average)
        made = held_out.regenerate(self.model)
        self._assign(self.model.trainable_variables, present)
        if seen.add(self.step, self.l1_db, held_out.error_db(made)):
            self.best = [np.array(mean) for mean in self.average]
        if seen.level and seen.cooling_from is None:
            seen.cooling_from = self.done
        number = len(seen.history) % len(held_out)
        name = held_out.names[number] if held_out.names else ""
        return {"name": name, "original": held_out.sounds[number], "regenerated": made[number]}

    def _begin(
        self,
        features: cache.Joined,
        weights: NDArray[np.float64],
        augmentation: augment.Augmentation,
        report: Callable[[str], None],
    ) -> None:
        """Start from a linear code of training sounds."""
        o = self.options
        take = linear_start.Views(self.spec, self.net, self.loss_options)
        batches = Batches(features, weights, self.spec, augmentation, 50, o.seed + 1_000_003)
        try:
            drawn = itertools.islice(batches, max(o.start_sounds // 50, 1))
            views = np.concatenate([take(log_magnitude) for log_magnitude, _ in drawn])
        finally:
            batches.close()
        code = linear_start.fit(views, take.weight, self.net.latent)
        linear_start.begin(self.model, code, self.spec, self.net)
        self.average = self._arrays(self.model.trainable_variables)
        report(f"begins with the {len(code.variances)} principal components of {len(views)} sounds")

    def train(
        self,
        features: cache.Joined,
        weights: NDArray[np.float64],
        augmentation: augment.Augmentation,
        report: Callable[[str], None] = print,
        watching: Watching | None = None,
    ) -> None:
        """Train until the run's end, which `ended` then names ("steps", "time" or "converged"; "" when it was
        stopped). Each batch is a function of the seed and the step.
        """
        o, watching = self.options, watching or Watching()
        self.convergence.options, self.ended = watching.options, ""
        if not self.step:
            self._begin(features, weights, augmentation, report)
        batches = Batches(features, weights, self.spec, augmentation, o.batch, o.seed, self.step)
        began = last_save = time.monotonic()
        sane = True
        try:
            for log_magnitude, _ in batches:
                way = self.convergence.progress(self.done)
                if way >= 1.0:
                    cooled = self.convergence.cooling_from is not None
                    self.ended = "converged" if cooled else "steps" if self.step >= o.steps else "time"
                if self.ended or watching.stop():
                    break
                rate = learning_rate(o, self.step, way)
                self.optimizer.learning_rate.assign(rate)
                self.model.reset_metrics()
                logs = self.model.train_on_batch(log_magnitude, log_magnitude, return_dict=True)
                losses = {name: float(value) for name, value in logs.items()}
                if not math.isfinite(losses["loss"]):
                    sane = False
                    raise FloatingPointError(f"loss became {losses['loss']} at step {self.step}")
                self.step += 1
                self._steer(losses["kl"])
                level = losses["l1_db"]
                self.l1_db = level if math.isnan(self.l1_db) else 0.95 * self.l1_db + 0.05 * level
                if self.step % o.average_every == 0:
                    momentum = min(o.average_momentum, self.step / (self.step + 10.0 * o.average_every))
                    for mean, variable in zip(self.average, self.model.trainable_variables, strict=True):
                        mean += (1.0 - momentum) * (keras.ops.convert_to_numpy(variable) - mean)
                if self.step % o.refresh_every == 0:
                    self.model.space.refresh()
                picture = {}
                if watching.held_out and self.step % watching.options.every_steps == 0:
                    picture = self._measure(watching)
                now = time.monotonic()
                self.time.add(now - began)
                began = now
                if self.step % o.report_every == 0:
                    report(self._line(rate, losses))
                if watching.show and (picture or self.step % 5 == 0):
                    watching.show(self._moment(losses, **picture))
                if time.monotonic() - last_save > o.save_every_s:
                    self.save()
                    last_save = time.monotonic()
        finally:
            batches.close()
            if sane:
                self.save()
