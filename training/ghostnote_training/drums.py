"""The recipe of `models/drums`: which sounds, how often, how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import augment, cache, corpus, data, nets
from ghostnote_training.train import Run, TrainOptions
from ghostnote_training.vae import LossOptions

NAME = "drums"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out."""

    net: nets.NetOptions = field(default_factory=nets.NetOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    augmentation: augment.Augmentation = field(default_factory=augment.Augmentation)
    synth_per_class: int = 420
    synth_per_extra: int = 120
    synth_seed: int = 1
    synth_share: float = 0.5
    speed_seed: int = 5

    def as_dict(self) -> dict[str, Any]:
        """Plain dict, as stored in the manifest."""
        return asdict(self)


Progress = Callable[[str], None]


def _told(what: str, progress: Progress) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        if done == total or done % 640 < 64:
            progress(f"features of {what}: {done} of {total}")

    return tell


def training_set(
    data_dir: Path, run_dir: Path, spec: FeatureSpec, recipe: Recipe, progress: Progress = print
) -> tuple[cache.Joined, list[data.Entry], NDArray[np.float64]]:
    """What the VAE learns from: licensed drums (held-out groups removed), each also at another speed,
    and synthesis.
    """
    train_items, _ = corpus.split(corpus.read(data_dir, ["drums"]))
    real = data.file_entries(train_items) + data.respeed(train_items, recipe.speed_seed)
    made = data.synth_entries(recipe.synth_per_class, recipe.synth_per_extra, recipe.synth_seed)
    folder = run_dir.parent / "cache"
    parts = [
        cache.build([e.sound for e in entries], spec, folder, progress=_told(what, progress))
        for what, entries in (("recordings", real), ("synthesis", made))
    ]
    weights = np.concatenate(
        [data.draw_weights(real) * (1.0 - recipe.synth_share), data.draw_weights(made) * recipe.synth_share]
    )
    return cache.Joined(parts), real + made, weights


def train(data_dir: Path, run_dir: Path, recipe: Recipe, resume: bool, progress: Progress = print) -> Run:
    """Train (or go on with) the VAE in `run_dir`; returns the run with its last weights."""
    spec = FeatureSpec()
    features, _, weights = training_set(data_dir, run_dir, spec, recipe, progress)
    run = Run(run_dir, spec, recipe.net, recipe.loss, recipe.train)
    if resume and run.resume():
        progress(f"resumed at step {run.step}")
    progress(
        f"{len(features)} sounds; encoder {run.model.encoder.count_params():,} and "
        f"decoder {run.model.decoder.count_params():,} parameters"
    )
    run.train(features, weights, recipe.augmentation, progress)
    return run


def classifier_set(
    data_dir: Path, run_dir: Path, spec: FeatureSpec, recipe: Recipe, progress: Progress = print
) -> tuple[cache.Joined, list[data.Entry], list[str]]:
    """What the classifier may learn from: the VAE's training set and `drum_machines_dev`, nine classes only.

    Returns features, entries and the machine of each entry ("" where it is no machine); machine entries
    come twice, as they
    are and at another speed (the group then ends in "~").
    """
    features, entries, _ = training_set(data_dir, run_dir, spec, recipe, progress)
    machines = corpus.read(data_dir, ["drum_machines_dev"])
    extra = data.file_entries(machines) + data.respeed(machines, recipe.speed_seed + 1)
    more = cache.build(
        [e.sound for e in extra], spec, run_dir.parent / "cache", progress=_told("machines", progress)
    )
    names = [""] * len(entries) + [item.machine for item in machines] * 2
    return cache.Joined([*features.parts, more]), entries + extra, names
