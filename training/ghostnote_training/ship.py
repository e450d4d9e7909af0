"""From a training run to the bundle: export, proof, latent statistics, prototypes, figures, card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import scale, stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import (
    audio,
    axes,
    bundle,
    cache,
    card,
    classifier,
    classify_drums,
    corpus,
    data,
    evaluate,
    export,
    folder_card,
    linear_start,
    prototypes,
)
from ghostnote_training.recipe import (
    Progress,
    Recipe,
    classes_of,
    measured_sets,
    synth_entries,
    train_items,
)
from ghostnote_training.train import Run

Float32 = NDArray[np.float32]


def _latents(
    graphs: evaluate.Graphs, data_dir: Path, recipe: Recipe, synth_per_class: int = 40
) -> tuple[Float32, list[data.Entry], list[Float32]]:
    """Latents of training sounds as they are, with their entries and magnitudes."""
    entries = data.file_entries(evaluate.pick(train_items(recipe, data_dir), 60, 9))
    made = min(synth_per_class, recipe.synth_per_class)
    extra = min(synth_per_class // 3, recipe.synth_per_extra)
    entries += synth_entries(replace(recipe, synth_per_class=made, synth_per_extra=extra))
    sounds = [stft.magnitudes(cache.render(entry.sound, graphs.spec), graphs.spec) for entry in entries]
    return np.stack([graphs.encode(sound) for sound in sounds]), entries, sounds


def ship(
    run_dir: Path,
    data_dir: Path,
    out: Path,
    recipe: Recipe,
    per_class: int = 12,
    draws: int = 1000,
    progress: Progress = print,
    axis_options: axes.AxisOptions | None = None,
    maker_run: Path | None = None,
) -> None:
    """Write the bundle of a run's averaged weights to `out`. `maker_run`: the run that has encoder and
    decoder, where it is another. Raises ValueError where ONNX and Keras disagree.
    """
    spec = FeatureSpec()
    run = Run(maker_run or run_dir, spec, recipe.net, recipe.loss, recipe.train)
    if not run.resume(weights_only=True):
        raise FileNotFoundError(f"{run.path}: no checkpoint; train first")
    run.use_average()
    out.mkdir(parents=True, exist_ok=True)
    sets, classes = measured_sets(recipe, data_dir), classes_of(recipe, data_dir)
    held_out = [item for name, items in sets.items() if name.startswith("held_out") for item in items]
    examples = np.stack(
        [
            scale.compress(stft.magnitudes(audio.load(item.path, spec), spec), spec)
            for item in evaluate.pick(held_out, 2, 1)
        ]
    )
    heard: dict[str, Any] = {}
    listener = None
    if classes:
        _, listener = classifier.build(len(classes), spec, recipe.net)
        listener.load_weights(run_dir / "classifier.weights.h5")
        stored = run_dir / "classifier.json"
        heard = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    models = run.model.encoder, run.model.decoder, listener
    parity = export.write_all(out, *models, len(classes), examples, spec, recipe.net)
    progress(f"parity (relative): {parity}")
    graphs = evaluate.Graphs(out)
    latents, entries, sounds = _latents(graphs, data_dir, recipe)
    progress(f"latents of {len(latents)} sounds: mean spread {latents.std(axis=0).mean():.2f}")
    heard_as = linear_start.Views(spec, recipe.net, recipe.loss)
    space = replace(
        bundle.principal_axes(latents, views=heard_as.weighted(scale.compress(np.stack(sounds), spec))),
        kinds=bundle.kinds(latents, [entry.label for entry in entries]),
    )
    quality = evaluate.measure(out, sets, space, per_class, draws, progress, classes=classes)
    machines = corpus.read(data_dir, ["drum_machines_dev"]) if recipe.classifier == "machines" else []
    if heard and machines:
        heard["kept"] = classify_drums.regenerated(
            graphs, data_dir, run_dir, recipe, classifier.ClassifierOptions()
        )
        progress(f"heard by the folds: {json.dumps(heard['kept'])}")
    if heard:
        quality["classifier"] = heard
    training = {
        "recipe": recipe.as_dict(),
        "steps": run.step,
        "minutes": round(run.elapsed_s / 60.0, 1),
        "kl_nats": round(run.kl, 1),
        "seed": recipe.train.seed,
        "held_out": list(recipe.held_out),
        "parity": {name: float(f"{value:.3g}") for name, value in parity.items()},
    }
    bundle.write_manifest(
        out,
        recipe.name,
        spec,
        recipe.net.latent,
        classes,
        space,
        prototypes.find(graphs, latents, entries, sounds, classes),
        bundle.limits(quality["inference_ms"]),
        {
            "provenance": bundle.provenance(
                train_items(recipe, data_dir), len(synth_entries(recipe)), machines, held_out
            ),
            "quality": quality,
            "training": training,
        },
    )
    progress(f"named axes: {json.dumps(axes.add(out, spec, axis_options))}")
    write_card(out)


def write_card(out: Path) -> None:
    """(Re)write the bundle's README.md from its manifest."""
    manifest = bundle.read(out)
    written = folder_card if "report" in manifest["training"] else card
    (out / "README.md").write_text(written.text(manifest), encoding="utf-8")
