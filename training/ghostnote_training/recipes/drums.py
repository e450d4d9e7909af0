"""The recipe of `models/drums`: nine classes, licensed drums and as many synthesised ones."""

from __future__ import annotations

from pathlib import Path

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import cache, corpus, data
from ghostnote_training.recipe import Progress, Recipe, Recordings, told, training_set
from ghostnote_training.train import TrainOptions
from ghostnote_training.vae import LossOptions

RECIPE = Recipe(
    name="drums",
    recordings=(Recordings("drums", share=0.5),),
    classifier="machines",
    loss=LossOptions(white_term=0.01, kl_target_nats=90.0),
    train=TrainOptions(minutes=45.0),
    heard=corpus.CLASSES,
)


def classifier_set(
    data_dir: Path, run_dir: Path, spec: FeatureSpec, recipe: Recipe, progress: Progress = print
) -> tuple[cache.Joined, list[data.Entry], list[str]]:
    """What the classifier may learn from: the VAE's training set and `drum_machines_dev`, nine classes only.

    Returns features, entries and the machine of each entry ("" where it is no machine); machine entries
    come twice, as they are and at another speed (the group then ends in "~").
    """
    sounds = training_set(data_dir, run_dir, spec, recipe, progress)
    machines = corpus.read(data_dir, ["drum_machines_dev"])
    extra = data.file_entries(machines) + data.respeed(machines, recipe.speed_seed + 1)
    folder = run_dir.parent / "cache"
    more = cache.build([e.sound for e in extra], spec, folder, progress=told("machines", progress))
    names = [""] * len(sounds.entries) + [item.machine for item in machines] * 2
    return cache.Joined([*sounds.features.parts, more]), sounds.entries + extra, names
