"""What a recipe says, and the training that all recipes share: sounds, listener, VAE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import augment, cache, classifier, corpus, data, nets
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.corpus import Item
from ghostnote_training.train import CHECKPOINT, Run, TrainOptions
from ghostnote_training.vae import LossOptions

Progress = Callable[[str], None]

SYNTHESIS = "synthesis"
"""The kit that synthesised sounds are of."""


@dataclass(frozen=True)
class Recordings:
    """A set of the corpus that makers of sound learn from: how often it is drawn, and how many more copies
    of each file there are, at other speeds: `plain` ones, and `machined` ones as old samplers play them.
    """

    set: str
    share: float
    plain: int = 1
    machined: int = 2


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out; stored beside the result.

    `maker`: the recipe whose encoder and decoder this one has, where it trains none of its own. `labels`:
    what a sound is called, its class in the corpus or the kit that it is from. `heard`: the labels
    that the listener tells apart; none given, all that have `heard_least` recordings. `classifier`: learnt
    from the VAE's sounds and drum machines in folds (`machines`), from the VAE's sounds alone (`labels`),
    or not at all.
    """

    name: str
    recordings: tuple[Recordings, ...]
    held_out: tuple[str, ...] = corpus.HELD_OUT
    maker: str = ""
    labels: Literal["class", "kit"] = "class"
    classifier: Literal["machines", "labels", "none"] = "none"
    heard: tuple[str, ...] = ()
    heard_least: int = 12
    net: nets.NetOptions = field(default_factory=nets.NetOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    augmentation: augment.Augmentation = field(default_factory=augment.Augmentation)
    synth_per_class: int = 1000
    synth_per_extra: int = 400
    synth_seed: int = 1
    synth_share: float = 0.5
    speed_seed: int = 5
    listener_widths: tuple[int, int, int] = (64, 192, 128)
    listener: ClassifierOptions = field(default_factory=ClassifierOptions)

    def as_dict(self) -> dict[str, Any]:
        """Plain dict, as stored in the manifest."""
        return asdict(self)

    def label(self, item: Item) -> str:
        """What a recording is called."""
        return corpus.kit_of(item) if self.labels == "kit" else item.label


@dataclass(frozen=True)
class TrainingSet:
    """Features of all sounds, what they are, and how often each is drawn."""

    features: cache.Joined
    entries: list[data.Entry]
    weights: NDArray[np.float64]


def told(what: str, progress: Progress) -> Callable[[int, int], None]:
    """Reports of a cache's building."""

    def tell(done: int, total: int) -> None:
        if done == total or done % 640 == 0:
            progress(f"features of {what}: {done} of {total}")

    return tell


def _split(recipe: Recipe, data_dir: Path, name: str) -> tuple[list[Item], list[Item]]:
    items = corpus.read(data_dir, [name])
    for item in items:
        if "none stated" in item.licence:
            raise ValueError(f"{item.path}: no licence is stated, so nothing that makes sound learns from it")
    return corpus.split(items, recipe.held_out)


def split(recipe: Recipe, data_dir: Path, name: str) -> tuple[list[Item], list[Item]]:
    """(training items, held-out items) of one of the recipe's sets, with their labels in the recipe.

    Raises ValueError for recordings without a licence, since what makes sound learns from them.
    """
    train, test = _split(recipe, data_dir, name)
    return [relabel(recipe, item) for item in train], [relabel(recipe, item) for item in test]


def relabel(recipe: Recipe, item: Item) -> Item:
    """The item with its label in the recipe."""
    return replace(item, label=recipe.label(item))


def train_items(recipe: Recipe, data_dir: Path) -> list[Item]:
    """All recordings that the recipe learns from."""
    return [item for part in recipe.recordings for item in split(recipe, data_dir, part.set)[0]]


def measured_sets(recipe: Recipe, data_dir: Path) -> dict[str, list[Item]]:
    """What a bundle is measured on: the held-out part of each set, and drum machines, which no maker of
    sound ever heard.
    """
    found = {f"held_out_{p.set}": split(recipe, data_dir, p.set)[1] for p in recipe.recordings}
    if recipe.labels == "class":
        found["drum_machines_dev"] = corpus.read(data_dir, ["drum_machines_dev"])
    return found


def synth_entries(recipe: Recipe) -> list[data.Entry]:
    """The synthesised sounds of the recipe, with their labels in it."""
    made = data.synth_entries(recipe.synth_per_class, recipe.synth_per_extra, recipe.synth_seed)
    return [replace(entry, label=SYNTHESIS) for entry in made] if recipe.labels == "kit" else made


def _recorded(recipe: Recipe, part: Recordings, data_dir: Path) -> list[data.Entry]:
    items, _ = _split(recipe, data_dir, part.set)
    entries = data.file_entries(items)
    for copy in range(part.plain + part.machined):
        entries += data.respeed(items, recipe.speed_seed + 10 * copy, machined=copy >= part.plain)
    labels = [recipe.label(item) for item in items] * (1 + part.plain + part.machined)
    return [replace(entry, label=label) for entry, label in zip(entries, labels, strict=True)]


def entries_of(recipe: Recipe, data_dir: Path) -> list[tuple[str, float, list[data.Entry]]]:
    """What the VAE learns from: (what it is, how often it is drawn, its sounds) of licensed recordings
    (held-out ones removed), each also at other speeds, and of synthesis.
    """
    parts = [(part.set, part.share, _recorded(recipe, part, data_dir)) for part in recipe.recordings]
    parts.append((SYNTHESIS, recipe.synth_share, synth_entries(recipe)))
    return [part for part in parts if part[2]]


def training_set(
    data_dir: Path, run_dir: Path, spec: FeatureSpec, recipe: Recipe, progress: Progress = print
) -> TrainingSet:
    """What the VAE learns from, with features that are computed once and kept beside the run."""
    parts = entries_of(recipe, data_dir)
    folder = run_dir.parent / "cache"
    features = [
        cache.build([e.sound for e in entries], spec, folder, progress=told(what, progress))
        for what, _, entries in parts
    ]
    weights = np.concatenate([data.draw_weights(entries) * share for _, share, entries in parts])
    together = [entry for _, _, entries in parts for entry in entries]
    return TrainingSet(cache.Joined(features), together, weights / weights.sum())


def heard(recipe: Recipe, entries: Sequence[data.Entry]) -> tuple[str, ...]:
    """The labels that the listener and, where it learns from the same sounds, the classifier tell apart."""
    if recipe.heard:
        return recipe.heard
    plain = (e for e in entries if e.sound[0] == "synth" or (e.sound[0] == "file" and e.sound[2] == 1.0))
    counts = Counter(entry.label for entry in plain)
    return tuple(sorted(label for label, count in counts.items() if count >= recipe.heard_least))


def classes_of(recipe: Recipe, data_dir: Path) -> tuple[str, ...]:
    """What the shipped classifier tells apart; nothing without one."""
    if recipe.classifier == "none":
        return ()
    return heard(recipe, [entry for _, _, entries in entries_of(recipe, data_dir) for entry in entries])


def listener(
    run_dir: Path, sounds: TrainingSet, recipe: Recipe, progress: Progress = print, count: int = 6000
) -> keras.Model:
    """The frozen classifier that listens to the VAE, kept in the run. It learns from nothing but what the
    decoder may learn from.
    """
    path = run_dir / "listener.weights.h5"
    spec, entries = FeatureSpec(), sounds.entries
    labels = heard(recipe, entries)
    net = replace(recipe.net, classifier_members=1, classifier_widths=recipe.listener_widths)
    if path.exists():
        _, model = classifier.build(len(labels), spec, net)
        try:
            model.load_weights(path)
            return model
        except ValueError:
            progress(f"{path}: of another version; the listener is trained anew")
    number = {label: k for k, label in enumerate(labels)}
    known = np.array([k for k, entry in enumerate(entries) if entry.label in number])
    rng = np.random.default_rng(recipe.train.seed)
    rows = np.sort(rng.choice(known, min(count, len(known)), replace=False))
    views = classifier.to_views(lambda index: sounds.features[rows[index]], len(rows), spec, net)
    truth = np.array([number[entries[k].label] for k in rows])
    draw = sounds.weights[rows] / sounds.weights[rows].sum()
    progress(f"the listener learns {len(labels)} labels from {len(rows)} sounds")
    model = classifier.train(views, truth, draw, spec, net, recipe.listener, progress, classes=len(labels))
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(path)
    return model


def trained(run_dir: Path) -> bool:
    """Whether a run has a VAE, finished or not."""
    return (run_dir / CHECKPOINT).exists()


def train(data_dir: Path, run_dir: Path, recipe: Recipe, resume: bool, progress: Progress = print) -> Run:
    """Train (or go on with) the VAE in `run_dir`; returns the run with its last weights."""
    spec = FeatureSpec()
    sounds = training_set(data_dir, run_dir, spec, recipe, progress)
    run = Run(
        run_dir, spec, recipe.net, recipe.loss, recipe.train, listener(run_dir, sounds, recipe, progress)
    )
    if resume and run.resume():
        progress(f"resumed at step {run.step}")
    progress(
        f"{len(sounds.features)} sounds; encoder {run.model.encoder.count_params():,} and "
        f"decoder {run.model.decoder.count_params():,} parameters"
    )
    run.train(sounds.features, sounds.weights, recipe.augmentation, progress)
    return run
