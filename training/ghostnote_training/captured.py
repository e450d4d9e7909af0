"""Measures what comes back of a sound whose slot keeps its detail, through the whole chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode import detailed
from ghostnote.features import detail_capture, stft
from ghostnote.features.detail import Blend
from ghostnote.features.detail_grid import grid_of
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bundle, checkpoint, classifier, evaluate, figures, texture
from ghostnote_training.corpus import CLASSES, Item

Float32 = NDArray[np.float32]

AMOUNTS = (0.0, 0.5, 1.0)
"""Settings of the part's knob that are measured; 0 is the point alone, on the same sounds."""


def numbers(spec: FeatureSpec) -> int:
    """How many numbers a detail has."""
    return grid_of(spec).size


def measure(
    graphs: evaluate.Graphs,
    items: Sequence[evaluate.Sound],
    classes: Sequence[str] = CLASSES,
    amounts: Sequence[float] = AMOUNTS,
) -> dict[str, dict[str, Any]]:
    """Figures over sounds by the amount of detail: band distance, attack error, hum, and with a classifier of
    `classes` the class kept (balanced accuracy), all with seeded texture.
    """
    spec, field = graphs.spec, texture.field(graphs.spec, 11)
    found: dict[float, dict[str, list[float]]] = {a: {} for a in amounts}
    heard: dict[float, list[int]] = {a: [] for a in amounts}
    truth: list[int] = []
    for number, item in enumerate(items):
        waveform = evaluate.samples(item, spec)
        original = stft.magnitudes(waveform, spec)
        z = graphs.encode(original)

        def decode(noise: Float32, z: Float32 = z) -> Float32:
            return graphs.decode(z, noise)

        detail = detail_capture.of_decoder(original, decode, spec) if any(amounts) else None
        if graphs.hears and item.label in classes:
            truth.append(classes.index(item.label))
        for amount, lists in found.items():
            blend = Blend((detail,), (amount,)) if detail is not None and amount else None
            made = detailed.decode(graphs.decode, z, np.roll(field, 7 * number, 0), blend, spec)
            for name, value in _figures(waveform, original, made, spec).items():
                lists.setdefault(name, []).append(value)
            if blend is not None and detail is not None:
                lists.setdefault("text", []).append(len(detail.text))
            if graphs.hears and item.label in classes:
                heard[amount].append(int(graphs.classify(made).argmax()))
    return {
        f"{amount:g}": _medians(lists) | _kept(truth, heard[amount], classes)
        for amount, lists in found.items()
    }


def _figures(waveform: Float32, original: Float32, made: Float32, spec: FeatureSpec) -> dict[str, float]:
    return {
        "distance": figures.log_spectral_distance(original, made, spec),
        "difference": figures.active_difference(original, made, spec),
        "hum": figures.hum(original, made, spec),
        "attack": figures.attack_error_s(waveform, made, spec),
    }


def _medians(lists: Mapping[str, list[float]]) -> dict[str, Any]:
    hums = [h for h in lists["hum"] if np.isfinite(h)]
    return {
        "log_spectral_distance_db": round(float(np.median(lists["distance"])), 2),
        "band_difference_db": round(float(np.median(lists["difference"])), 2),
        "hum_p95_db": round(float(np.percentile(hums, 95)), 1) if hums else None,
        "attack_error_ms": round(1e3 * float(np.median(lists["attack"])), 2),
    } | ({"text_bytes": round(float(np.median(lists["text"])))} if "text" in lists else {})


def _kept(truth: Sequence[int], heard: Sequence[int], classes: Sequence[str]) -> dict[str, float]:
    if not truth:
        return {}
    table = classifier.confusion(np.array(truth), np.array(heard), len(classes))
    return {"class_kept": round(classifier.balanced_accuracy(table), 3)}


def add(
    folder: Path,
    sets: Mapping[str, Sequence[Item]],
    per_class: int = 12,
    write: bool = False,
    progress: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Figures of a bundle on the sets that `evaluate` measures, with `write` for its manifest."""
    graphs, manifest = evaluate.Graphs(folder), bundle.read(folder)
    found: dict[str, Any] = {}
    for name, items in sets.items():
        chosen = evaluate.pick(items, per_class, 5)
        found[name] = measure(graphs, chosen, tuple(manifest["classes"]))
        progress(f"{name}, {len(chosen)} sounds, with their detail: {json.dumps(found[name])}")
        manifest["quality"].setdefault(name, {})["detail"] = found[name]
    if write:
        manifest["quality"]["detail_numbers"] = numbers(graphs.spec)
        checkpoint.write_json(folder / "model.json", manifest)
    return found
