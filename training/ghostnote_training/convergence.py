"""When a run has learnt what it can: the error on held-out sounds, and whether it still falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

BATCH = 16


@dataclass(frozen=True)
class StopOptions:
    """When to stop: every `every_steps` the averaged weights are measured. When the error has not
    fallen by the share `least` for `patience` measurements, the learning rate falls to its end within
    the share `cooldown` of the run's length, and the run ends.
    """

    every_steps: int = 100
    patience: int = 8
    least: float = 0.004
    cooldown: float = 0.12


class Convergence:
    """The history of both errors in decibels, the best so far, and how long nothing got better."""

    def __init__(self, options: StopOptions) -> None:
        self.options = options
        self.history: list[tuple[int, float, float]] = []
        self.best, self.best_step = math.inf, 0
        self._reference, self._waited = math.inf, 0
        self.cooling_from: float | None = None

    def add(self, step: int, training_db: float, held_out_db: float) -> bool:
        """Count a measurement; whether it is the best so far."""
        self.history.append((step, round(training_db, 4), round(held_out_db, 4)))
        if held_out_db < self._reference * (1.0 - self.options.least):
            self._reference, self._waited = held_out_db, 0
        else:
            self._waited += 1
        better = held_out_db < self.best
        if better:
            self.best, self.best_step = held_out_db, step
        return better

    @property
    def level(self) -> bool:
        """Whether the error no longer falls."""
        return self._waited >= self.options.patience

    @property
    def end(self) -> float:
        """Share of the run's length at which it ends."""
        return 1.0 if self.cooling_from is None else min(self.cooling_from + self.options.cooldown, 1.0)

    def progress(self, done: float) -> float:
        """How far the learning rate's way is gone when the share `done` of the run's length is used:
        the same, but faster from where the error stopped falling.
        """
        if self.cooling_from is None:
            return done
        if done >= self.end:
            return 1.0
        left = (self.end - max(done, self.cooling_from)) / (self.end - self.cooling_from)
        return 1.0 - (1.0 - self.cooling_from) * left

    def state(self) -> dict[str, Any]:
        """What `restore` takes, JSON-able."""
        return {
            "history": self.history,
            "best": self.best if self.history else None,
            "best_step": self.best_step,
            "reference": self._reference if self.history else None,
            "waited": self._waited,
            "cooling_from": self.cooling_from,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a stored state."""
        self.history = [(int(step), float(a), float(b)) for step, a, b in state["history"]]
        self.best = math.inf if state["best"] is None else float(state["best"])
        self._reference = math.inf if state["reference"] is None else float(state["reference"])
        self.best_step, self._waited = int(state["best_step"]), int(state["waited"])
        self.cooling_from = state["cooling_from"]


class HeldOut:
    """Sounds that are never trained on, as log magnitudes (n, frames, bins): how well a model
    regenerates them.

    Whole batches of 16 where there are that many, since each size of batch is compiled anew.
    """

    def __init__(self, log_magnitudes: Float32, spec: FeatureSpec, names: Sequence[str] = ()) -> None:
        count = len(log_magnitudes)
        self.sounds = np.clip(log_magnitudes[: count - count % BATCH if count > BATCH else count], 0.0, 1.2)
        self.names = list(names)[: len(self.sounds)]
        self._span_db = -20.0 * math.log10(spec.floor)

    def __len__(self) -> int:
        return len(self.sounds)

    def regenerate(self, model: Any, first: int = 0, count: int | None = None) -> Float32:
        """Medians (count, frames, bins) that a `SpectrogramVAE` gives, 0 at the floor."""
        last = len(self.sounds) if count is None else first + count
        rows = [
            np.asarray(model.predict_on_batch(self.sounds[k : min(k + BATCH, last)])[0])
            for k in range(first, last, BATCH)
        ]
        return np.maximum(np.concatenate(rows), 0.0).astype(np.float32)

    def error_db(self, regenerated: Float32) -> float:
        """Mean absolute difference in decibels over all bins, the `l1_db` of training."""
        return float(np.abs(regenerated - self.sounds).mean()) * self._span_db
