"""From a training run to the bundle: export, proof, latent statistics, prototypes, figures, card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import scale, stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import (
    audio,
    bundle,
    cache,
    card,
    classifier,
    corpus,
    data,
    drums,
    evaluate,
    export,
    figures,
    texture,
)
from ghostnote_training.corpus import CLASSES
from ghostnote_training.train import Run

Float32 = NDArray[np.float32]

SLACK = 8.0
LEAST_LIMIT_S = 0.01
"""The declared largest inference time: `SLACK` times the median measured here, at least `LEAST_LIMIT_S`."""


def _latents(
    graphs: evaluate.Graphs, data_dir: Path, recipe: drums.Recipe, synth_per_class: int
) -> tuple[Float32, list[data.Entry], list[Float32]]:
    """Latents of training sounds as they are, with their entries and magnitudes."""
    items, _ = corpus.split(corpus.read(data_dir, ["drums"]))
    entries = data.file_entries(evaluate.pick(items, 60, 9))
    entries += data.synth_entries(synth_per_class, synth_per_class // 3, recipe.synth_seed)
    sounds = [stft.magnitudes(cache.render(entry.sound, graphs.spec), graphs.spec) for entry in entries]
    return np.stack([graphs.encode(sound) for sound in sounds]), entries, sounds


def _prototypes(
    graphs: evaluate.Graphs, latents: Float32, entries: list[data.Entry], sounds: list[Float32]
) -> dict[str, Float32]:
    """For each of the nine classes the medoid of its clearest sounds: surely heard as the class after
    regeneration, with texture and without, and well regenerated.
    """
    fields = [texture.field(graphs.spec, seed) for seed in (13, 14)]
    found = {}
    for number, label in enumerate(CLASSES):
        rows = [k for k, entry in enumerate(entries) if entry.label == label]
        clarity = []
        for k in rows:
            heard = [graphs.decode(latents[k]), *(graphs.decode(latents[k], field) for field in fields)]
            distance = figures.log_spectral_distance(sounds[k], heard[1], graphs.spec)
            sure = min(float(graphs.classify(magnitudes)[number]) for magnitudes in heard)
            clarity.append(sure - 0.02 * distance)
        found[label] = latents[rows[bundle.medoid(latents[rows], np.array(clarity, dtype=np.float32))]]
    return found


def _classifier(
    run_dir: Path, out: Path, recipe: drums.Recipe, examples: Float32
) -> tuple[float, dict[str, Any]]:
    """Export the run's classifier; returns relative parity and its figures (empty before the folds are
    done).
    """
    spec = FeatureSpec()
    model = classifier.build(len(CLASSES), spec, recipe.net)
    model.load_weights(run_dir / "classifier.weights.h5")
    export.write_classifier(model, out / "classifier.onnx", len(CLASSES), spec, recipe.net)
    views = classifier.to_views(lambda index: examples[index], len(examples), spec, recipe.net)
    opened = export.session(out / "classifier.onnx")
    got = np.concatenate([export.run(opened, x[None]) for x in examples])
    parity = export.prove(np.asarray(model(views)), got, "classifier.onnx")
    stored = run_dir / "classifier.json"
    figures = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else {}
    return parity.difference / parity.largest, figures


def ship(
    run_dir: Path,
    data_dir: Path,
    out: Path,
    recipe: drums.Recipe,
    per_class: int = 12,
    progress: drums.Progress = print,
) -> None:
    """Write the bundle of a run's averaged weights to `out`. Raises ValueError where ONNX and Keras
    disagree.
    """
    spec = FeatureSpec()
    run = Run(run_dir, spec, recipe.net, recipe.loss, recipe.train)
    if not run.resume():
        raise FileNotFoundError(f"{run.path}: no checkpoint; train first")
    run.use_average()
    out.mkdir(parents=True, exist_ok=True)
    export.write_encoder(run.model.encoder, out / "encoder.onnx", spec, recipe.net)
    export.write_decoder(run.model.decoder, out / "decoder.onnx", spec, recipe.net)
    _, held_out = corpus.split(corpus.read(data_dir, ["drums"]))
    examples = np.stack(
        [
            scale.compress(stft.magnitudes(audio.load(item.path, spec), spec), spec)
            for item in evaluate.pick(held_out, 2, 1)
        ]
    )
    proofs = export.prove_all(out, run.model.encoder, run.model.decoder, examples, spec, recipe.net)
    parity = {name: proof.difference / proof.largest for name, proof in proofs.items()}
    parity["classifier"], fold_figures = _classifier(run_dir, out, recipe, examples)
    progress(f"parity (relative): {parity}")
    graphs = evaluate.Graphs(out)
    latents, entries, sounds = _latents(graphs, data_dir, recipe, 40)
    progress(f"latents of {len(latents)} sounds: mean spread {latents.std(axis=0).mean():.2f}")
    space = bundle.principal_axes(latents)
    quality = evaluate.measure(out, data_dir, space, per_class, progress=progress)
    if fold_figures:
        quality["classifier"] = fold_figures
    train_items, _ = corpus.split(corpus.read(data_dir, ["drums"]))
    made = len(data.synth_entries(recipe.synth_per_class, recipe.synth_per_extra, recipe.synth_seed))
    machines = corpus.read(data_dir, ["drum_machines_dev"])
    training = {
        "recipe": recipe.as_dict(),
        "steps": run.step,
        "minutes": round(run.elapsed_s / 60.0, 1),
        "kl_nats": round(run.kl, 1),
        "seed": recipe.train.seed,
        "held_out": list(corpus.HELD_OUT),
        "parity": {name: float(f"{value:.3g}") for name, value in parity.items()},
    }
    bundle.write_manifest(
        out,
        drums.NAME,
        spec,
        recipe.net.latent,
        CLASSES,
        space,
        _prototypes(graphs, latents, entries, sounds),
        {
            name: round(max(SLACK * t["p50"] / 1e3, LEAST_LIMIT_S), 4)
            for name, t in quality["inference_ms"].items()
        },
        {
            "provenance": bundle.provenance(train_items, made, machines, held_out),
            "quality": quality,
            "training": training,
        },
    )
    write_card(out)


def write_card(out: Path) -> None:
    """(Re)write the bundle's README.md from its manifest."""
    manifest = json.loads((out / "model.json").read_text(encoding="utf-8"))
    (out / "README.md").write_text(card.text(manifest), encoding="utf-8")
