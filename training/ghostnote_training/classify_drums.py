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

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import classifier, corpus, data, drums, nets
from ghostnote_training.classifier import ClassifierOptions
from ghostnote_training.corpus import CLASSES

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


def load(
    data_dir: Path, run_dir: Path, recipe: drums.Recipe, progress: drums.Progress = print
) -> ClassifierData:
    """Read (or compute) the features and reduce them to views."""
    spec = FeatureSpec()
    features, entries, machines = drums.classifier_set(data_dir, run_dir, spec, recipe, progress)
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


def _truncated(views: NDArray[np.float32], seconds: float, spec: FeatureSpec) -> NDArray[np.float32]:
    """What is left when only the first `seconds` were heard: windows of frames that lie inside them."""
    heard = int((seconds * spec.sample_rate - spec.n_fft / 2) // spec.hop) + 1
    last = [int(np.nonzero(row)[0][-1]) for row in nets.classifier_windows(spec)]
    out = views.copy()
    out[:, np.array(last) >= heard] = 0.0
    return out


def _predict(model: keras.Model, views: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model(views))


def folds(
    data_dir: Path,
    sounds: ClassifierData,
    recipe: drums.Recipe,
    options: ClassifierOptions,
    progress: drums.Progress,
) -> dict[str, Any]:
    """Figures on machines that were not trained on, from `FOLDS` trainings."""
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
        rows = np.nonzero(original & np.array([m in machines for m in sounds.machines]))[0]
        truth.append(sounds.labels[rows])
        found["whole"].append(_predict(model, sounds.views[rows]))
        for name, seconds in (("50 ms", 0.05), ("100 ms", 0.1)):
            found[name].append(_predict(model, _truncated(sounds.views[rows], seconds, spec)))
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


def train(
    data_dir: Path,
    run_dir: Path,
    recipe: drums.Recipe,
    options: ClassifierOptions,
    progress: drums.Progress = print,
) -> None:
    """Folds, then the shipped classifier; writes `classifier.json` and `classifier.weights.h5` into the
    run.
    """
    sounds = load(data_dir, run_dir, recipe, progress)
    final = classifier.train(
        sounds.views, sounds.labels, weights(sounds, set()), FeatureSpec(), recipe.net, options, progress
    )
    run_dir.mkdir(parents=True, exist_ok=True)
    final.save_weights(run_dir / "classifier.weights.h5")
    figures = folds(data_dir, sounds, recipe, options, progress)
    (run_dir / "classifier.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    progress(json.dumps({k: v for k, v in figures.items() if k != "confusion"}))
