"""The classifier: training on banded features with hard augmentation, and figures by fold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands, nets
from ghostnote_training.corpus import CLASSES
from ghostnote_training.graph import KerasBuilder

Float32 = NDArray[np.float32]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class ClassifierOptions:
    """Settings of a classifier's training."""

    steps: int = 1600
    batch: int = 64
    rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    truncate: float = 0.35
    shift: float = 0.3
    noise: float = 0.3
    tilt_db: float = 9.0
    gain_low_db: float = -25.0
    seed: int = 3


def build(classes: int, spec: FeatureSpec, options: nets.NetOptions) -> keras.Model:
    """Keras classifier on banded features."""
    x = keras.Input((spec.frames, options.mel_bands), name="bands")
    return keras.Model(x, nets.classifier(KerasBuilder(), x, classes, spec, options), name="classifier")


def to_bands(
    features: Callable[[Int], Float32], count: int, spec: FeatureSpec, options: nets.NetOptions
) -> NDArray[np.float16]:
    """Banded features of all sounds, shape (count, frames, mel_bands), kept in memory. `features`:
    indices → rows.
    """
    matrix = bands.averages(options.mel_bands, spec)
    out = np.empty((count, spec.frames, options.mel_bands), dtype=np.float16)
    for start in range(0, count, 64):
        index = np.arange(start, min(start + 64, count))
        out[index] = np.clip(features(index), 0.0, 1.2) @ matrix
    return out


def augment(batch: Float32, spec: FeatureSpec, o: ClassifierOptions, rng: np.random.Generator) -> Float32:
    """Gain, tilt, band limits, noise floor, truncation and small shifts of banded features; shape kept."""
    span_db = -20.0 * math.log10(spec.floor)
    count, frames, width = batch.shape
    octave = np.log2(1.0 + np.arange(width) / 6.0)
    octave = (octave - octave.mean()).astype(np.float32)
    out = batch.copy()
    for k in range(count):
        x = out[k]
        curve = rng.uniform(o.gain_low_db, 3.0) + octave * rng.uniform(-o.tilt_db, o.tilt_db) / 2.0
        if rng.random() < 0.3:
            edge = rng.uniform(width * 0.45, width)
            curve = curve - np.maximum(np.arange(width) - edge, 0.0) * rng.uniform(1.0, 12.0)
        x = np.where(x > 0.0, x + (curve / span_db).astype(np.float32), 0.0)
        if rng.random() < o.truncate:
            keep = int(math.exp(rng.uniform(math.log(6), math.log(120))))
            x[keep:] -= ((np.arange(frames - keep) + 1) * rng.uniform(0.03, 0.3))[:, None]
        if rng.random() < o.shift:
            move = int(rng.integers(-2, 4))
            x = np.roll(x, move, axis=0)
            if move > 0:
                x[:move] = 0.0
            elif move < 0:
                x[move:] = 0.0
        if rng.random() < o.noise:
            floor = 1.0 + (rng.uniform(-95.0, -50.0) + octave * rng.uniform(-6.0, 2.0)) / span_db
            x = np.maximum(x, floor + rng.normal(0.0, 0.02, x.shape))
        out[k] = x
    return np.clip(out, 0.0, 1.2)


def train(
    features: NDArray[np.float16],
    labels: Int,
    weights: NDArray[np.float64],
    spec: FeatureSpec,
    net: nets.NetOptions,
    options: ClassifierOptions,
    report: Callable[[str], None] = print,
) -> keras.Model:
    """Train on banded features (n, frames, mel_bands) with integer labels, drawn with the given
    probabilities.
    """
    keras.utils.set_random_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    model = build(len(CLASSES), spec, net)
    optimizer = keras.optimizers.AdamW(options.rate, weight_decay=options.weight_decay, clipnorm=1.0)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.smoothing)
    model.compile(optimizer=optimizer, loss=loss)
    eye = np.eye(len(CLASSES), dtype=np.float32)
    running = 0.0
    for step in range(options.steps):
        warm = min(1.0, (step + 1) / 100)
        optimizer.learning_rate.assign(
            options.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / options.steps)))
        )
        index = rng.choice(len(labels), options.batch, p=weights)
        x = augment(features[index].astype(np.float32), spec, options, rng)
        model.reset_metrics()
        value = float(model.train_on_batch(x, eye[labels[index]]))
        running += 0.02 * (value - running)
        if (step + 1) % 400 == 0:
            report(f"classifier step {step + 1} of {options.steps}  loss {running:.3f}")
    return model


def confusion(truth: Int, predicted: Int, classes: int = len(CLASSES)) -> Int:
    """Counts, shape (classes, classes); rows are the truth."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def balanced_accuracy(table: Int) -> float:
    """Mean recall over the classes that occur."""
    total = table.sum(axis=1)
    seen = total > 0
    return float((np.diag(table)[seen] / total[seen]).mean())


def merge_toms(labels: Int, names: Sequence[str] = CLASSES) -> Int:
    """The same labels with every tom as the first tom."""
    first = next(k for k, name in enumerate(names) if name.startswith("tom"))
    mapping = np.array([first if name.startswith("tom") else k for k, name in enumerate(names)])
    return np.asarray(mapping[labels])


def calibration_error(probabilities: Float32, truth: Int, bins: int = 10) -> float:
    """Expected calibration error of the top class (Guo et al., 2017), equal-width bins."""
    top, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    where = np.minimum((top * bins).astype(int), bins - 1)
    error = 0.0
    for k in range(bins):
        mask = where == k
        if mask.any():
            error += mask.mean() * abs(top[mask].mean() - hit[mask].mean())
    return float(error)
