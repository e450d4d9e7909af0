"""Measures a bundle's graphs, as shipped, on sounds it was not trained on."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import scale, stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import audio, cache, classifier, export, figures, texture
from ghostnote_training.bundle import LatentSpace
from ghostnote_training.corpus import CLASSES, Item
from ghostnote_training.data import Entry

Float32 = NDArray[np.float32]
Sound = Item | Entry
"""A file of the corpus, or an entry of a training set."""

Picked = TypeVar("Picked", Item, Entry)


def samples(sound: Sound, spec: FeatureSpec) -> Float32:
    """A sound as training hears it, shape (spec.samples,)."""
    return audio.load(sound.path, spec) if isinstance(sound, Item) else cache.render(sound.sound, spec)


def magnitudes(sound: Sound, spec: FeatureSpec) -> Float32:
    """The same as linear magnitudes (frames, bins)."""
    return stft.magnitudes(samples(sound, spec), spec)


class Graphs:
    """A bundle's graphs, opened without the engine: encode, decode, classify single sounds (frames, bins).

    `judge`: another bundle whose classifier gives the verdicts.
    """

    def __init__(self, folder: Path, spec: FeatureSpec | None = None, judge: Path | None = None) -> None:
        self.spec = spec or FeatureSpec()
        self._encoder = export.session(folder / "encoder.onnx")
        self._decoder = export.session(folder / "decoder.onnx")
        path = (judge or folder) / "classifier.onnx"
        self._classifier = export.session(path) if path.exists() else None
        self.latent_size = int(self._decoder.get_inputs()[0].shape[1])
        self._clean = np.zeros((1, self.spec.frames, self.spec.bins), dtype=np.float32)

    @property
    def hears(self) -> bool:
        """Whether there is a classifier."""
        return self._classifier is not None

    def encode(self, magnitudes: Float32) -> Float32:
        """Latent (latent,) of linear magnitudes."""
        return export.run(self._encoder, scale.compress(magnitudes, self.spec)[None])[0]

    def decode(self, z: Float32, field: Float32 | None = None) -> Float32:
        """Linear magnitudes of a latent; without a texture field the clean medians."""
        return export.run(
            self._decoder, z[None].astype(np.float32), self._clean if field is None else field[None]
        )[0]

    def classify(self, magnitudes: Float32) -> Float32:
        """Probabilities (classes,); NaN without a classifier."""
        if self._classifier is None:
            return np.full(len(CLASSES), np.nan, dtype=np.float32)
        return export.run(self._classifier, scale.compress(magnitudes, self.spec)[None])[0]


def pick(items: Sequence[Picked], per_class: int, seed: int) -> list[Picked]:
    """Up to `per_class` sounds of each class, spread over groups."""
    rng = np.random.default_rng(seed)
    chosen: list[Picked] = []
    for label in sorted({item.label for item in items}):
        queues: dict[str, list[Picked]] = {}
        for item in items:
            if item.label == label:
                machine = item.machine if isinstance(item, Item) else ""
                queues.setdefault(item.group + machine, []).append(item)
        order = [queues[key] for key in rng.permutation(sorted(queues))]
        for group in order:
            rng.shuffle(group)
        taken: list[Picked] = []
        while len(taken) < per_class and any(order):
            taken += [group.pop() for group in order if group]
        chosen += taken[:per_class]
    return chosen


def _regenerated(graphs: Graphs, items: Sequence[Sound]) -> Iterator[tuple[Sound, Float32, Float32, Float32]]:
    """Each sound, its samples, its magnitudes, and those that come back with seeded texture."""
    field = texture.field(graphs.spec, 11)
    for number, item in enumerate(items):
        waveform = samples(item, graphs.spec)
        original = stft.magnitudes(waveform, graphs.spec)
        yield item, waveform, original, graphs.decode(graphs.encode(original), np.roll(field, 7 * number, 0))


def class_kept(graphs: Graphs, items: Sequence[Sound], classes: Sequence[str] = CLASSES) -> dict[str, float]:
    """Balanced accuracy of the classifier on originals and on what comes back; empty without sounds of its
    classes.
    """
    items = [item for item in items if graphs.hears and item.label in classes]
    truth = np.array([classes.index(item.label) for item in items])
    heard: dict[str, list[int]] = {"class_of_original": [], "class_kept": []}
    for _, _, original, made in _regenerated(graphs, items):
        for name, magnitudes in (("class_of_original", original), ("class_kept", made)):
            heard[name].append(int(graphs.classify(magnitudes).argmax()))
    tables = {
        name: classifier.confusion(truth, np.array(found), len(classes))
        for name, found in heard.items()
        if found
    }
    return {name: round(classifier.balanced_accuracy(table), 3) for name, table in tables.items()}


def regeneration(graphs: Graphs, items: Sequence[Sound], classes: Sequence[str] = CLASSES) -> dict[str, Any]:
    """Reconstruction figures over files: band distances with seeded texture, hum, attack error, and with a
    classifier of `classes` the class kept.
    """
    spec = graphs.spec
    distances, differences, hums = [], [], []
    attacks: list[float] = []
    copies: list[float] = []
    by_class: dict[str, list[float]] = {}
    for item, waveform, original, made in _regenerated(graphs, items):
        distances.append(figures.log_spectral_distance(original, made, spec))
        differences.append(figures.active_difference(original, made, spec))
        hums.append(figures.hum(original, made, spec))
        by_class.setdefault(item.label, []).append(distances[-1])
        attacks.append(figures.attack_error_s(waveform, made, spec))
        copies.append(figures.attack_error_s(waveform, original, spec))
    heard = [h for h in hums if np.isfinite(h)]
    return {
        "sounds": len(items),
        "log_spectral_distance_db": round(float(np.median(distances)), 2),
        "band_difference_db": round(float(np.median(differences)), 2),
        "log_spectral_distance_by_class_db": {
            k: round(float(np.median(v)), 2) for k, v in sorted(by_class.items())
        },
        "hum_p95_db": round(float(np.percentile(heard, 95)), 1) if heard else None,
        "attack_error_ms": round(1e3 * float(np.median(attacks)), 2),
        "attack_error_of_copies_ms": round(1e3 * float(np.median(copies)), 2),
        **class_kept(graphs, items, classes),
    }


def clear_draws(
    graphs: Graphs,
    space: LatentSpace,
    draws: int,
    seed: int,
    items: Sequence[Sound],
    classes: Sequence[str] = CLASSES,
) -> dict[str, float]:
    """Share of random draws, of midpoints between draws, and of files, whose top probability is at least 0.6.

    A draw is what the instrument's random slots hold (`LatentSpace.draw`).
    """
    z = space.draw(draws, seed)
    middle = ((z[0::2][: draws // 2] + z[1::2][: draws // 2]) / 2).astype(np.float32)
    field = texture.field(graphs.spec, 12)

    def clarity(points: Float32) -> Float32:
        fields = (np.roll(field, 7 * number, axis=0) for number in range(len(points)))
        decoded = (graphs.decode(one, noise) for one, noise in zip(points, fields, strict=True))
        return np.array([graphs.classify(magnitudes).max() for magnitudes in decoded])

    top, top_middle = clarity(z), clarity(middle)
    spec = graphs.spec
    real = [magnitudes(item, spec) for item in items if item.label in classes]
    top_real = np.array([graphs.classify(one).max() for one in real])
    named = {"draws": top, "midpoints": top_middle, "recordings": top_real}
    return {name: round(float((values >= 0.6).mean()), 3) for name, values in named.items()}


def neighbours(latents: Float32, labels: Sequence[str], count: int = 5) -> float:
    """Fraction of the `count` nearest latents (n, latent) that have the same class, a mean over classes."""
    names = np.array(labels)
    squares = np.square(latents).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2.0 * latents @ latents.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :count]
    same = (names[nearest] == names[:, None]).mean(axis=1)
    return float(np.mean([same[names == name].mean() for name in sorted(set(labels))]))


def order(graphs: Graphs, items: Sequence[Sound]) -> dict[str, Any]:
    """How latents of files lie: same class among the nearest five, and how many dimensions they use (the
    participation ratio of the covariance, and those that vary by 0.1 or more).
    """
    spec = graphs.spec
    latents = np.stack([graphs.encode(magnitudes(item, spec)) for item in items])
    values = np.maximum(np.linalg.eigvalsh(np.cov(latents.T.astype(np.float64))), 0.0)
    return {
        "neighbours_of_same_class": round(neighbours(latents, [i.label for i in items]), 3),
        "dimensions_used": round(float(values.sum() ** 2 / max(np.square(values).sum(), 1e-12)), 1),
        "dimensions_moving": int((latents.std(axis=0) > 0.1).sum()),
    }


def inference_ms(folder: Path) -> dict[str, dict[str, float]]:
    """Milliseconds of one run of each graph of a bundle, by its name: `p50` and `p95` (`export.timing`)."""
    found = {path.stem: export.timing(path) for path in sorted(folder.glob("*.onnx"))}
    return {
        name: {"p50": round(median * 1e3, 2), "p95": round(high * 1e3, 2)}
        for name, (median, high) in found.items()
    }


def machine_name() -> str:
    """Processor and system, for figures that depend on them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    return f"{cpu}, {platform.system()}, onnxruntime on one thread"


def measure(
    folder: Path,
    sets: Mapping[str, Sequence[Item]],
    space: LatentSpace,
    per_class: int = 12,
    draws: int = 1000,
    progress: Callable[[str], None] = print,
    judge: Path | None = None,
    classes: Sequence[str] = CLASSES,
) -> dict[str, Any]:
    """All figures of a bundle that need no training, on sets of sounds by name, the most telling last (its
    latents are looked at). `judge`: a bundle whose classifier of `classes` hears instead of its own.
    """
    from ghostnote_training import captured  # which measures with what is here

    graphs = Graphs(folder, judge=judge)
    found: dict[str, Any] = {"machine": machine_name(), "detail_numbers": captured.numbers(graphs.spec)}
    for name, items in sets.items():
        chosen = pick(items, per_class, 5)
        found[name] = regeneration(graphs, chosen, classes=classes)
        found[name]["detail"] = captured.measure(graphs, chosen, classes)
        progress(f"{name}: {json.dumps(found[name])}")
    last = list(sets)[-1]
    found["latents"] = {"set": last} | order(graphs, sets[last])
    progress(f"latents of {last}: {json.dumps(found['latents'])}")
    if graphs.hears:
        first = pick(next(iter(sets.values())), per_class, 5)
        found["clear"] = clear_draws(graphs, space, draws, 6, first, classes)
        progress(f"clear: {found['clear']}")
    found["inference_ms"] = inference_ms(folder)
    progress(f"inference: {found['inference_ms']}")
    return found
