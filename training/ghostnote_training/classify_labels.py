"""The classifier of a recipe with labels of its own: learnt from the VAE's sounds, measured on instruments
that are held out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import cache, classifier, data
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.recipe import Progress, Recipe, TrainingSet, heard, measured_sets, training_set


def measure(
    model: keras.Model, classes: tuple[str, ...], recipe: Recipe, data_dir: Path, run_dir: Path
) -> dict[str, Any]:
    """Figures on held-out recordings of the classes: recall of each, how often the truth is among the
    likeliest three, calibration.
    """
    spec = FeatureSpec()
    sets = measured_sets(recipe, data_dir)
    items = [item for part in sets.values() for item in part if item.label in classes]
    features = cache.Joined(
        [cache.build([e.sound for e in data.file_entries(items)], spec, run_dir.parent / "cache")]
    )
    views = classifier.to_views(features.__getitem__, len(items), spec, recipe.net)
    probabilities = np.asarray(model(views))
    truth = np.array([classes.index(item.label) for item in items])
    table = classifier.confusion(truth, probabilities.argmax(axis=1), len(classes))
    total = table.sum(axis=1)
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :3]
    among = (likeliest == truth[:, None]).any(axis=1)
    return {
        "sounds": len(items),
        "classes_measured": int((total > 0).sum()),
        "balanced_accuracy": round(classifier.balanced_accuracy(table), 4),
        "among_three": round(float(np.mean([among[truth == k].mean() for k in np.unique(truth)])), 4),
        "calibration_error": round(classifier.calibration_error(probabilities, truth), 4),
        "recall": {
            classes[k]: [int(table[k, k]), int(total[k])] for k in range(len(classes)) if total[k] > 0
        },
    }


def learn(
    sounds: TrainingSet, recipe: Recipe, options: ClassifierOptions, progress: Progress = print
) -> tuple[keras.Model, tuple[str, ...]]:
    """Train on all sounds that have one of the recipe's labels, labels drawn nearly evenly; returns the
    model and its classes.
    """
    spec, classes = FeatureSpec(), heard(recipe, sounds.entries)
    rows = np.array([k for k, entry in enumerate(sounds.entries) if entry.label in classes])
    views = classifier.to_views(lambda index: sounds.features[rows[index]], len(rows), spec, recipe.net)
    labels = np.array([classes.index(sounds.entries[k].label) for k in rows])
    draw = data.draw_weights([sounds.entries[k] for k in rows], class_power=0.2)
    progress(f"the classifier learns {len(classes)} classes from {len(rows)} sounds")
    return (
        classifier.train(views, labels, draw, spec, recipe.net, options, progress, classes=len(classes)),
        classes,
    )


def train(
    data_dir: Path, run_dir: Path, recipe: Recipe, options: ClassifierOptions, progress: Progress = print
) -> None:
    """Train and measure; writes `classifier.weights.h5` and `classifier.json` into the run."""
    run_dir.mkdir(parents=True, exist_ok=True)
    sounds = training_set(data_dir, run_dir, FeatureSpec(), recipe, progress)
    model, classes = learn(sounds, recipe, options, progress)
    model.save_weights(run_dir / "classifier.weights.h5")
    figures = measure(model, classes, recipe, data_dir, run_dir)
    (run_dir / "classifier.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    progress(json.dumps(figures))
