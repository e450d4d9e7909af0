"""The classifier: training on windowed, banded features with hard augmentation, and its figures."""

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
    """Settings of a classifier's training. Probabilities for augmentation, decibels, steps.

    `truncate`: how often a sound is faded out early; `cut`: how often only its beginning is heard.
    """

    steps: int = 1500
    batch: int = 128
    rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    truncate: float = 0.175
    cut: float = 0.175
    band_limit: float = 0.3
    low_cut: float = 0.12
    noise: float = 0.25
    tilt_db: float = 12.0
    gain_low_db: float = -25.0
    seed: int = 3


def build(classes: int, spec: FeatureSpec, options: nets.NetOptions) -> tuple[keras.Model, keras.Model]:
    """Keras classifiers on views that share their layers: (one output for each member, the mean of them)."""
    x = keras.Input((len(nets.classifier_windows(spec)), options.view_bands), name="view")
    outputs = nets.classifier_members(KerasBuilder(), x, classes, spec, options)
    mean = nets.mean_of(KerasBuilder(), outputs)
    return keras.Model(x, outputs, name="members"), keras.Model(x, mean, name="classifier")


def to_views(
    features: Callable[[Int], Float32], count: int, spec: FeatureSpec, options: nets.NetOptions
) -> Float32:
    """Views of `count` sounds, shape (count, windows, view_bands). `features`: indices → log magnitudes."""
    windows, matrix = nets.classifier_windows(spec), bands.averages(options.view_bands, spec)
    out = np.empty((count, len(windows), options.view_bands), dtype=np.float32)
    for start in range(0, count, 64):
        index = np.arange(start, min(start + 64, count))
        out[index] = windows @ np.clip(features(index), 0.0, 1.2) @ matrix
    return out


def augment(views: Float32, spec: FeatureSpec, o: ClassifierOptions, rng: np.random.Generator) -> Float32:
    """Gain, tilt, band limits, early fades, a noise floor and sounds of which only the beginning is heard;
    views (n, windows, bands), shape kept.
    """
    span_db = -20.0 * math.log10(spec.floor)
    count, _, width = views.shape

    def draw(low: float, high: float) -> NDArray[np.float64]:
        return rng.uniform(low, high, (count, 1))

    def sometimes(probability: float) -> NDArray[np.bool_]:
        return rng.random((count, 1)) < probability

    band = np.arange(width)
    octave = np.log2(1.0 + band / 6.0)
    octave -= octave.mean()
    curve = draw(o.gain_low_db, 3.0) + octave * draw(-o.tilt_db, o.tilt_db) / 2.0
    edge = np.where(sometimes(o.band_limit), draw(width * 0.45, width), width)
    curve -= np.maximum(band - edge, 0.0) * draw(1.0, 12.0)
    edge = np.where(sometimes(o.low_cut), draw(0.0, width * 0.1), 0.0)
    curve -= np.maximum(edge - band, 0.0) * draw(1.0, 8.0)
    out = np.where(views > 0.0, views + curve[:, None] / span_db, 0.0)
    centre = nets.classifier_windows(spec) @ np.arange(spec.frames)
    keep = np.where(sometimes(o.truncate), np.exp(draw(math.log(6), math.log(120))), spec.frames)
    out -= (np.maximum(centre - keep, 0.0) * draw(0.03, 0.3))[:, :, None]
    hiss = 1.0 + (draw(-95.0, -50.0) + octave * draw(-6.0, 2.0)) / span_db
    out = np.maximum(out, np.where(sometimes(o.noise), hiss, 0.0)[:, None])
    out += rng.normal(0.0, 0.01, out.shape)
    heard = np.where(sometimes(o.cut), np.exp(draw(math.log(6), math.log(60))), spec.frames)
    out[last_frames(spec) >= heard] = 0.0
    return np.clip(out, 0.0, 1.2).astype(np.float32)


def last_frames(spec: FeatureSpec) -> Int:
    """The last frame of each window, shape (windows,)."""
    return np.array([int(np.nonzero(row)[0][-1]) for row in nets.classifier_windows(spec)])


def heard_for(views: Float32, seconds: float, spec: FeatureSpec) -> Float32:
    """Views when only the first `seconds` were heard: windows of frames that lie inside them."""
    frames = int((seconds * spec.sample_rate - spec.n_fft / 2) // spec.hop) + 1
    out = views.copy()
    out[:, last_frames(spec) >= frames] = 0.0
    return out


def train(
    views: Float32,
    labels: Int,
    weights: NDArray[np.float64],
    spec: FeatureSpec,
    net: nets.NetOptions,
    options: ClassifierOptions,
    report: Callable[[str], None] = print,
    classes: int = len(CLASSES),
    each: Callable[[int], None] | None = None,
) -> keras.Model:
    """Train on banded features (n, frames, mel_bands) with integer labels below `classes`, drawn with the
    given probabilities. `each` is called with the number of steps that are done, after every step.
    """
    keras.utils.set_random_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    members, model = build(classes, spec, net)
    count = len(members.outputs)
    optimizer = keras.optimizers.AdamW(options.rate, weight_decay=options.weight_decay, clipnorm=1.0)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.smoothing)
    members.compile(optimizer=optimizer, loss=[loss] * count)
    eye = np.eye(classes, dtype=np.float32)
    running = 0.0
    for step in range(options.steps):
        warm = min(1.0, (step + 1) / 100)
        optimizer.learning_rate.assign(
            options.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / options.steps)))
        )
        index = rng.choice(len(labels), options.batch, p=weights)
        x = augment(views[index], spec, options, rng)
        members.reset_metrics()
        logs = members.train_on_batch(x, [eye[labels[index]]] * count, return_dict=True)
        running += 0.02 * (float(logs["loss"]) / count - running)
        if each is not None:
            each(step + 1)
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
