"""Measures a bundle's graphs, as shipped, on sounds it was not trained on."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import scale, stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import audio, classifier, corpus, export, figures, texture
from ghostnote_training.bundle import LatentSpace
from ghostnote_training.corpus import CLASSES, Item

Float32 = NDArray[np.float32]


class Graphs:
    """A bundle's graphs, opened without the engine: encode, decode, classify single sounds (frames, bins)."""

    def __init__(self, folder: Path, spec: FeatureSpec | None = None) -> None:
        self.spec = spec or FeatureSpec()
        self._encoder = export.session(folder / "encoder.onnx")
        self._decoder = export.session(folder / "decoder.onnx")
        path = folder / "classifier.onnx"
        self._classifier = export.session(path) if path.exists() else None
        self.latent_size = int(self._decoder.get_inputs()[0].shape[1])
        self._clean = np.zeros((1, self.spec.frames, self.spec.bins), dtype=np.float32)

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


def pick(items: Sequence[Item], per_class: int, seed: int) -> list[Item]:
    """Up to `per_class` items of each class, spread over groups."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in sorted({item.label for item in items}):
        queues: dict[str, list[Item]] = {}
        for item in items:
            if item.label == label:
                queues.setdefault(item.group + item.machine, []).append(item)
        order = [queues[key] for key in rng.permutation(sorted(queues))]
        for group in order:
            rng.shuffle(group)
        taken: list[Item] = []
        while len(taken) < per_class and any(order):
            taken += [group.pop() for group in order if group]
        chosen += taken[:per_class]
    return chosen


def regeneration(graphs: Graphs, items: Sequence[Item], sound_every: int = 6) -> dict[str, Any]:
    """Reconstruction figures over files: band distances with seeded texture, hum, class kept, attack
    error.
    """
    spec, field = graphs.spec, texture.field(graphs.spec, 11)
    distances, differences, hums = [], [], []
    attacks: list[float] = []
    copies: list[float] = []
    by_class: dict[str, list[float]] = {}
    truth, before, after = [], [], []
    for number, item in enumerate(items):
        samples = audio.load(item.path, spec)
        original = stft.magnitudes(samples, spec)
        z = graphs.encode(original)
        made = graphs.decode(z, np.roll(field, number * 7, axis=0))
        distances.append(figures.log_spectral_distance(original, made, spec))
        differences.append(figures.active_difference(original, made, spec))
        hums.append(figures.hum(original, made, spec))
        by_class.setdefault(item.label, []).append(distances[-1])
        if item.label in CLASSES:
            truth.append(CLASSES.index(item.label))
            before.append(int(graphs.classify(original).argmax()))
            after.append(int(graphs.classify(made).argmax()))
        if number % sound_every == 0:
            true = figures.attack_time_s(samples, spec.sample_rate)
            for errors, magnitudes in ((attacks, made), (copies, original)):
                found = figures.attack_time_s(figures.listen(magnitudes, spec), spec.sample_rate)
                errors.append(abs(found - true))
    heard = [h for h in hums if np.isfinite(h)]
    labels = np.array(truth)
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
        "class_of_original": round(
            classifier.balanced_accuracy(classifier.confusion(labels, np.array(before))), 3
        ),
        "class_kept": round(classifier.balanced_accuracy(classifier.confusion(labels, np.array(after))), 3),
    }


def clear_draws(
    graphs: Graphs, space: LatentSpace, draws: int, seed: int, items: Sequence[Item]
) -> dict[str, float]:
    """Share of random draws, of midpoints between draws, and of files, whose top probability is at least 0.6.

    A draw is what the instrument's random slots hold: the mean plus chance along each axis, in its spread.
    """
    rng = np.random.default_rng(seed)
    chance = rng.standard_normal((draws, len(space.spreads))) * space.spreads
    z = (space.mean + chance @ space.axes).astype(np.float32)
    middle = ((z[0::2][: draws // 2] + z[1::2][: draws // 2]) / 2).astype(np.float32)
    field = texture.field(graphs.spec, 12)

    def clarity(points: Float32) -> Float32:
        fields = (np.roll(field, 7 * number, axis=0) for number in range(len(points)))
        decoded = (graphs.decode(one, noise) for one, noise in zip(points, fields, strict=True))
        return np.array([graphs.classify(magnitudes).max() for magnitudes in decoded])

    top, top_middle = clarity(z), clarity(middle)
    spec = graphs.spec
    real = [stft.magnitudes(audio.load(i.path, spec), spec) for i in items if i.label in CLASSES]
    top_real = np.array([graphs.classify(one).max() for one in real])
    named = {"draws": top, "midpoints": top_middle, "recordings": top_real}
    return {name: round(float((values >= 0.6).mean()), 3) for name, values in named.items()}


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
    data_dir: Path,
    space: LatentSpace,
    per_class: int = 12,
    draws: int = 400,
    progress: Callable[[str], None] = print,
) -> dict[str, Any]:
    """All figures of a bundle that need no training. Sets: held-out groups of `drums`, and
    `drum_machines_dev`.
    """
    graphs = Graphs(folder)
    _, held_out = corpus.split(corpus.read(data_dir, ["drums"]))
    machines = corpus.read(data_dir, ["drum_machines_dev"])
    found: dict[str, Any] = {"machine": machine_name()}
    for name, items in (("held_out_drums", held_out), ("drum_machines_dev", machines)):
        found[name] = regeneration(graphs, pick(items, per_class, 5))
        progress(f"{name}: {json.dumps(found[name])}")
    found["clear"] = clear_draws(graphs, space, draws, 6, pick(held_out, per_class, 5))
    found["inference_ms"] = {}
    for path in sorted(folder.glob("*.onnx")):
        median, high = export.timing(path)
        found["inference_ms"][path.stem] = {"p50": round(median * 1e3, 2), "p95": round(high * 1e3, 2)}
    progress(f"clear: {found['clear']}, inference: {found['inference_ms']}")
    return found
