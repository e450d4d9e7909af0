"""Another classifier for a bundle whose sound stays: export, proof, and what is heard measured anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from ghostnote.features import scale, stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import (
    audio,
    bundle,
    checkpoint,
    classifier,
    classify_drums,
    evaluate,
    export,
    ship,
)
from ghostnote_training.recipe import Progress, Recipe, classes_of, measured_sets


def reclassify(
    run_dir: Path,
    data_dir: Path,
    out: Path,
    recipe: Recipe,
    per_class: int = 12,
    draws: int = 1000,
    progress: Progress = print,
) -> None:
    """Put the run's classifier into the bundle in `out`, whose encoder, decoder, axes and prototypes stay.

    Raises ValueError where ONNX and Keras disagree, or for a bundle with other classes.
    """
    spec, classes = FeatureSpec(), classes_of(recipe, data_dir)
    manifest = bundle.read(out)
    if tuple(manifest["classes"]) != classes:
        raise ValueError(
            f"{out}: its classes are {', '.join(manifest['classes'])}, the recipe's {', '.join(classes)}"
        )
    _, model = classifier.build(len(classes), spec, recipe.net)
    model.load_weights(run_dir / "classifier.weights.h5")
    sets = measured_sets(recipe, data_dir)
    first = evaluate.pick(next(iter(sets.values())), 2, 1)
    examples = np.stack(
        [scale.compress(stft.magnitudes(audio.load(i.path, spec), spec), spec) for i in first]
    )
    made = run_dir / "classifier.onnx"
    export.write_classifier(model, made, len(classes), spec, recipe.net)
    parity = export.prove_classifier(made, model, examples, spec, recipe.net)
    graphs, quality = evaluate.Graphs(out, judge=run_dir), manifest["quality"]
    for name, items in sets.items():
        quality[name] |= evaluate.class_kept(graphs, evaluate.pick(items, per_class, 5), classes)
    near = evaluate.pick(next(iter(sets.values())), per_class, 5)
    quality["clear"] = evaluate.clear_draws(graphs, bundle.space_of(out), draws, 6, near, classes)
    timing = export.timing(made)
    quality["inference_ms"]["classifier"] = {
        name: round(1e3 * seconds, 2) for name, seconds in zip(("p50", "p95"), timing, strict=True)
    }
    heard = json.loads((run_dir / "classifier.json").read_text(encoding="utf-8"))
    if recipe.classifier == "machines":
        options = classifier.ClassifierOptions()
        heard["kept"] = classify_drums.regenerated(graphs, data_dir, run_dir, recipe, options)
    quality["classifier"] = heard
    progress(f"heard: {json.dumps({k: v for k, v in heard.items() if k != 'confusion'})}")
    manifest["max_inference_s"] = bundle.limits(quality["inference_ms"])
    manifest["files"]["classifier.onnx"] = bundle.file_entry(made)
    net = manifest["training"]["recipe"]["net"]
    net |= {key: value for key, value in recipe.as_dict()["net"].items() if key.startswith("classifier")}
    manifest["training"]["parity"]["classifier"] = float(f"{parity.difference / parity.largest:.3g}")
    shutil.copyfile(made, out / "classifier.onnx")
    checkpoint.write_json(out / "model.json", manifest)
    ship.write_card(out)
