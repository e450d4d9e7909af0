"""The drum classifier: folds by machine that say how good it is, then the one that is shipped, trained
on all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ghostnote.features import scale, stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import audio, cache, classifier, corpus, data, evaluate, texture
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.corpus import CLASSES
from ghostnote_training.recipe import Progress, Recipe
from ghostnote_training.recipes.drums import classifier_set

FOLDS = 3
SHARES = {"recordings": 0.3, "synthesis": 0.35, "machines": 0.35}
"""How often each kind of sound is drawn."""


@dataclass(frozen=True)
class ClassifierData:
    """Views of every sound of the nine classes, with labels, entries and machines."""

    views: NDArray[np.float32]
    labels: NDArray[np.int64]
    entries: list[data.Entry]
    machines: list[str]


def load(data_dir: Path, run_dir: Path, recipe: Recipe, progress: Progress = print) -> ClassifierData:
    """Read (or compute) the features and reduce them to views."""
    spec = FeatureSpec()
    features, entries, machines = classifier_set(data_dir, run_dir, spec, recipe, progress)
    rows = np.array([k for k, e in enumerate(entries) if e.label in CLASSES])
    views = classifier.to_views(lambda index: features[rows[index]], len(rows), spec, recipe.net)
    kept = [entries[k] for k in rows]
    labels = np.array([CLASSES.index(e.label) for e in kept])
    return ClassifierData(views, labels, kept, [machines[k] for k in rows])


def _kind(entry: data.Entry, machine: str) -> str:
    if machine:
        return "machines"
    return "synthesis" if entry.sound[0] == "synth" else "recordings"


def weights(sounds: ClassifierData, left_out: set[str]) -> NDArray[np.float64]:
    """Probability of drawing each sound: kinds by `SHARES`, classes within a kind nearly even, machines
    left out never.
    """
    kinds = np.array([_kind(e, m) for e, m in zip(sounds.entries, sounds.machines, strict=True)])
    out = np.zeros(len(kinds))
    for kind, share in SHARES.items():
        rows = np.array(
            [
                k
                for k in np.nonzero(kinds == kind)[0]
                if sounds.machines[k] not in left_out or kind != "machines"
            ]
        )
        if len(rows):
            entries = [
                data.Entry(
                    sounds.entries[k].sound,
                    sounds.entries[k].label,
                    sounds.machines[k] or sounds.entries[k].group,
                )
                for k in rows
            ]
            out[rows] = share * data.draw_weights(entries, class_power=0.2)
    return out / out.sum()


def _predict(model: keras.Model, views: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model(views))


def _fold_path(run_dir: Path, number: int) -> Path:
    return run_dir / f"fold{number + 1}.weights.h5"


def folds(
    data_dir: Path,
    run_dir: Path,
    sounds: ClassifierData,
    recipe: Recipe,
    options: ClassifierOptions,
    progress: Progress,
) -> dict[str, Any]:
    """Figures on machines that were not trained on, from `FOLDS` trainings, whose weights stay in the run."""
    spec = FeatureSpec()
    items = corpus.read(data_dir, ["drum_machines_dev"])
    dealt = corpus.machine_folds(items, FOLDS, options.seed)
    original = np.array(
        [m != "" and e.sound[2] == 1.0 for e, m in zip(sounds.entries, sounds.machines, strict=True)]
    )
    truth: list[NDArray[np.int64]] = []
    found: dict[str, list[NDArray[np.float32]]] = {"whole": [], "50 ms": [], "100 ms": []}
    for number, machines in enumerate(dealt):
        progress(f"fold {number + 1} of {FOLDS}: leaving out {len(machines)} machines")
        draw = weights(sounds, machines)
        model = classifier.train(sounds.views, sounds.labels, draw, spec, recipe.net, options, progress)
        model.save_weights(_fold_path(run_dir, number))
        rows = np.nonzero(original & np.array([m in machines for m in sounds.machines]))[0]
        truth.append(sounds.labels[rows])
        found["whole"].append(_predict(model, sounds.views[rows]))
        for name, seconds in (("50 ms", 0.05), ("100 ms", 0.1)):
            found[name].append(_predict(model, classifier.heard_for(sounds.views[rows], seconds, spec)))
        one = classifier.confusion(truth[-1], found["whole"][-1].argmax(axis=1))
        progress(f"fold {number + 1}: balanced accuracy {classifier.balanced_accuracy(one):.3f}")
    labels = np.concatenate(truth)
    figures: dict[str, Any] = {"folds": FOLDS, "sounds": len(labels)}
    for name, parts in found.items():
        predicted = np.concatenate(parts).argmax(axis=1)
        table = classifier.confusion(labels, predicted)
        merged = classifier.confusion(classifier.merge_toms(labels), classifier.merge_toms(predicted))
        figures[name] = {
            "balanced_accuracy": round(classifier.balanced_accuracy(table), 4),
            "toms_as_one": round(classifier.balanced_accuracy(merged), 4),
        }
        if name == "whole":
            figures["confusion"] = table.tolist()
    figures["calibration_error"] = round(
        classifier.calibration_error(np.concatenate(found["whole"]), labels), 4
    )
    return figures


def regenerated(
    graphs: evaluate.Graphs, data_dir: Path, run_dir: Path, recipe: Recipe, options: ClassifierOptions
) -> dict[str, float]:
    """Balanced accuracy on `drum_machines_dev`, originals and regenerated, heard by the classifiers of the
    folds that did not learn from the machine. Empty before the folds are done.
    """
    spec, field = FeatureSpec(), texture.field(FeatureSpec(), 11)
    items = corpus.read(data_dir, ["drum_machines_dev"])
    dealt = corpus.machine_folds(items, FOLDS, options.seed)
    if not all(_fold_path(run_dir, number).exists() for number in range(FOLDS)):
        return {}
    truth: list[int] = []
    heard: dict[str, list[int]] = {"original": [], "regenerated": []}
    for number, machines in enumerate(dealt):
        _, model = classifier.build(len(CLASSES), spec, recipe.net)
        model.load_weights(_fold_path(run_dir, number))
        left_out = [item for item in items if item.machine in machines]
        truth += [CLASSES.index(item.label) for item in left_out]
        logs: dict[str, list[NDArray[np.float16]]] = {name: [] for name in heard}
        for k, item in enumerate(left_out):
            magnitudes = stft.magnitudes(audio.load(item.path, spec), spec)
            made = graphs.decode(graphs.encode(magnitudes), np.roll(field, 7 * k, axis=0))
            for name, sound in (("original", magnitudes), ("regenerated", made)):
                logs[name].append(scale.compress(sound, spec).astype(np.float16))
        for name, sounds in logs.items():
            joined = cache.Joined([np.stack(sounds)])
            views = classifier.to_views(joined.__getitem__, len(joined), spec, recipe.net)
            heard[name] += _predict(model, views).argmax(axis=1).tolist()
    labels = np.array(truth)
    tables = {name: classifier.confusion(labels, np.array(found)) for name, found in heard.items()}
    return {name: round(classifier.balanced_accuracy(table), 4) for name, table in tables.items()}


def train(
    data_dir: Path,
    run_dir: Path,
    recipe: Recipe,
    options: ClassifierOptions,
    progress: Progress = print,
) -> None:
    """Folds, then the shipped classifier; writes `classifier.json` and `classifier.weights.h5` into the
    run.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    sounds = load(data_dir, run_dir, recipe, progress)
    final = classifier.train(
        sounds.views, sounds.labels, weights(sounds, set()), FeatureSpec(), recipe.net, options, progress
    )
    final.save_weights(run_dir / "classifier.weights.h5")
    figures = folds(data_dir, run_dir, sounds, recipe, options, progress)
    (run_dir / "classifier.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    progress(json.dumps({k: v for k, v in figures.items() if k != "confusion"}))
