"""From what a run learnt from a folder to a model: export, proof, figures, manifest, card and page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ghostnote.decode import model as engine_model
from ghostnote.errors import BundleError
from ghostnote_training import (
    axes,
    bundle,
    checkpoint,
    classifier,
    evaluate,
    export,
    figures,
    folder_card,
    linear_start,
    prototypes,
    texture,
)
from ghostnote_training.data import Entry
from ghostnote_training.dataset import Dataset
from ghostnote_training.dataset.walk import printable
from ghostnote_training.page import Example, Page, write
from ghostnote_training.presets import Preset
from ghostnote_training.train import Run

Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
Advance = Callable[[float, float, str], None]

LATENTS = 600
PROTOTYPES_OF = 16
HEARD_PER_CLASS = 60
PAIRS, DRAWS, MORPH = 14, 8, 6
POINTS_OF_HISTORY = 80
LEAST_AXES, LEAST_SPREAD = 5, 1e-3
"""With fewer principal axes, or narrower ones, no perceptual ones are looked for."""


@dataclass(frozen=True)
class Finish:
    """What a model is made of. `heard`: the classifier, where there are classes. `about`: what the manifest's
    `training` says of the request (command, name, seed, settings); `source`: its first row of provenance.
    """

    run: Run
    preset: Preset
    data: Dataset
    heard: keras.Model | None
    name: str
    about: dict[str, Any]
    source: dict[str, str]


@dataclass(frozen=True)
class Measured:
    """The sounds that a model is measured on, as they are. `held_in`: they were learnt from, there
    being no others.
    """

    entries: list[Entry]
    rows: Callable[[Int], Float32]
    held_in: bool

    def magnitudes(self, numbers: Sequence[int], floor: float) -> list[Float32]:
        """Linear magnitudes (frames, bins) of some of them."""
        return [_linear(one, floor) for one in self.rows(np.array(numbers, dtype=np.int64))]


def _linear(log_magnitude: Float32, floor: float) -> Float32:
    return np.asarray(np.exp((np.maximum(log_magnitude, 0.0) - 1.0) * -np.log(floor)), dtype=np.float32)


def plain(entries: Sequence[Entry]) -> list[int]:
    """Numbers of the sounds that are as they were recorded."""
    return [
        k for k, e in enumerate(entries) if e.sound.kind == "file" and e.sound.number == e.sound.pace == 1.0
    ]


def measured(data: Dataset) -> Measured:
    """The held-out sounds; without any, those that were learnt from."""
    if len(data.held_out):
        return Measured(data.held_out.entries, data.held_out.features.__getitem__, False)
    rows = np.array(plain(data.entries), dtype=np.int64)
    return Measured([data.entries[k] for k in rows], lambda index: data.features[rows[index]], True)


def spread(entries: Sequence[Entry], per_class: int, seed: int) -> list[int]:
    """Numbers of up to `per_class` entries of each class, spread over groups."""
    number = {id(entry): k for k, entry in enumerate(entries)}
    return sorted(number[id(entry)] for entry in evaluate.pick(entries, per_class, seed))


def finish(wish: Finish, out: Path, advance: Advance) -> dict[str, Any]:
    """Write the model of a run's best averaged weights to `out`; returns its manifest.

    Raises BundleError where ONNX and Keras disagree, or the engine would not take it.
    """
    run, data, classes = wish.run, wish.data, wish.data.classes
    run.use_average()
    out.mkdir(parents=True, exist_ok=True)
    test = measured(data)
    advance(0.0, 1.0, "exporting, proving")
    examples = np.clip(test.rows(np.array(spread(test.entries, 2, 1)[:16])), 0.0, 1.2)
    model = run.model
    try:
        parity = export.write_all(
            out, model.encoder, model.decoder, wish.heard, len(classes), examples, run.spec, run.net
        )
    except ValueError as error:
        raise BundleError(
            f"{out}: the exported model does not do what was learnt ({error}), so it is not used; the run is "
            "kept: --resume tries again, --fresh begins anew"
        ) from None
    graphs = evaluate.Graphs(out)
    originals = plain(data.entries)
    chosen = spread([data.entries[k] for k in originals], max(LATENTS // max(len(classes), 1), 4), 9)
    numbers = np.array([originals[k] for k in chosen], dtype=np.int64)
    heard_as = linear_start.Views(run.spec, run.net, run.loss_options)
    coded, views = [], []
    for log_magnitude in _each(data, numbers):
        coded.append(graphs.encode(_linear(log_magnitude, run.spec.floor)))
        views.append(heard_as.weighted(log_magnitude[None])[0])
    latents = np.stack(coded)
    entries = [data.entries[k] for k in numbers]
    space = replace(
        bundle.principal_axes(latents, views=np.stack(views)),
        kinds=bundle.kinds(latents, [entry.label for entry in entries]),
    )
    advance(0.15, 1.0, "measuring")
    quality = _quality(
        wish, graphs, test, space, out, lambda done: advance(0.15 + 0.45 * done, 1.0, "measuring")
    )
    advance(0.6, 1.0, "looking for the clearest sound of each class")
    clearest = _prototypes(graphs, data, numbers, latents)
    report = replace(data.report, folder=wish.source["source"])  # a model tells nobody's folders
    training = wish.about | {
        "sounds": len(plain(data.entries)),
        "steps": run.step,
        "minutes": round(run.elapsed_s / 60.0, 1),
        "ended": _ended(run),
        "kl_nats": round(run.kl, 1),
        "parity": {name: float(f"{value:.3g}") for name, value in parity.items()},
        "history": [list(point) for point in _thinned(run.convergence.history)],
        "data": report.as_dict(),
        "report": report.as_text(),
    }
    bundle.write_manifest(
        out,
        wish.name,
        run.spec,
        run.net.latent,
        classes,
        space,
        clearest,
        bundle.limits(quality["inference_ms"]),
        {"provenance": _provenance(wish), "quality": quality, "training": training},
    )
    if len(space.spreads) >= LEAST_AXES and space.spreads.min() > LEAST_SPREAD:
        advance(0.65, 1.0, "looking for axes: brighter, longer, noisier, higher, softer")
        axes.add(out, run.spec, wish.preset.axes)
    manifest = bundle.read(out)
    with checkpoint.aside(out / "README.md") as partial:
        partial.write_text(folder_card.text(manifest), encoding="utf-8")
    advance(0.75, 1.0, "making the page")
    everything = np.concatenate([latents, _latents(graphs, test, wish)]) if not test.held_in else latents
    labels = [e.label for e in entries] + (
        [] if test.held_in else [test.entries[k].label for k in _some(test, wish)]
    )
    write(
        Page(
            manifest,
            _pairs(graphs, test, classes),
            _draws(graphs, space),
            _morph(graphs, clearest, latents),
            np.asarray((everything - space.mean) @ space.axes[:2].T, dtype=np.float32),
            labels,
            run.convergence.history,
            quality.get("classifier", {}).get("confusion", ()),
        ),
        out / "page.html",
    )
    advance(0.95, 1.0, "opening it as the engine does")
    engine_model.load(out)
    advance(1.0, 1.0, "")
    return manifest


def _each(data: Dataset, numbers: Int) -> Any:
    for start in range(0, len(numbers), 64):
        yield from data.features[numbers[start : start + 64]]


def _some(test: Measured, wish: Finish) -> list[int]:
    return spread(test.entries, max(LATENTS // 3 // max(len(wish.data.classes), 1), 2), 4)


def _latents(graphs: evaluate.Graphs, test: Measured, wish: Finish) -> Float32:
    return np.stack([graphs.encode(x) for x in test.magnitudes(_some(test, wish), graphs.spec.floor)])


def _quality(
    wish: Finish,
    graphs: evaluate.Graphs,
    test: Measured,
    space: bundle.LatentSpace,
    out: Path,
    advance: Callable[[float], None],
) -> dict[str, Any]:
    classes, preset = wish.data.classes, wish.preset
    sounds = [
        test.entries[k]
        for k in spread(test.entries, preset.per_class if classes else 8 * preset.per_class, 5)
    ]
    found: dict[str, Any] = {"machine": evaluate.machine_name(), "held_in": test.held_in}
    found["held_out"] = evaluate.regeneration(graphs, sounds, classes=classes)
    advance(0.4)
    if len(test.entries) > 5:
        found["latents"] = evaluate.order(
            graphs, [test.entries[k] for k in spread(test.entries, HEARD_PER_CLASS, 7)]
        )
        if not classes:
            del found["latents"]["neighbours_of_same_class"]
    advance(0.55)
    if classes:
        found["classifier"] = heard(graphs, test, classes)
        found["clear"] = evaluate.clear_draws(graphs, space, preset.draws, 6, sounds, classes)
    advance(0.8)
    found["inference_ms"] = evaluate.inference_ms(out)
    return found


def heard(graphs: evaluate.Graphs, test: Measured, classes: Sequence[str]) -> dict[str, Any]:
    """What the shipped classifier hears: confusion (rows are the truth), balanced accuracy, calibration."""
    numbers = spread(test.entries, HEARD_PER_CLASS, 7)
    truth = np.array([classes.index(test.entries[k].label) for k in numbers])
    probabilities = np.stack([graphs.classify(x) for x in test.magnitudes(numbers, graphs.spec.floor)])
    table = classifier.confusion(truth, probabilities.argmax(axis=1), len(classes))
    return {
        "sounds": len(numbers),
        "balanced_accuracy": round(classifier.balanced_accuracy(table), 4),
        "calibration_error": round(classifier.calibration_error(probabilities, truth), 4),
        "confusion": table.tolist(),
    }


def _prototypes(graphs: evaluate.Graphs, data: Dataset, numbers: Int, latents: Float32) -> dict[str, Float32]:
    if not data.classes:
        return {}
    some = spread([data.entries[k] for k in numbers], PROTOTYPES_OF, 3)
    sounds = [_linear(x, graphs.spec.floor) for x in _each(data, numbers[some])]
    return prototypes.find(
        graphs, latents[some], [data.entries[k] for k in numbers[some]], sounds, data.classes
    )


def _ended(run: Run) -> str:
    if run.ended == "converged":
        return f"converged: best at step {run.convergence.best_step}"
    return {"time": "time used up", "steps": "all steps done"}.get(run.ended, "stopped early")


def _thinned(history: Sequence[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    every = -(-len(history) // POINTS_OF_HISTORY) or 1
    return list(history[::every])


def _provenance(wish: Finish) -> list[dict[str, Any]]:
    rows = [wish.source | {"files": wish.data.report.used, "used_for": "all graphs"}]
    made = sum(entry.sound.kind == "synth" for entry in wish.data.entries)
    if made:
        rows.append(bundle.synthesis_row(made))
    return rows


def _example(
    graphs: evaluate.Graphs, caption: str, row: str, magnitudes: Float32, samples: Float32 | None = None
) -> Example:
    heard = figures.listen(magnitudes, graphs.spec) if samples is None else samples
    return Example(caption, magnitudes, heard, row)


def _pairs(graphs: evaluate.Graphs, test: Measured, classes: Sequence[str]) -> list[Example]:
    field = texture.field(graphs.spec, 21)
    each = max(min(PAIRS // max(len(classes), 1), 2), 1) if classes else PAIRS
    numbers = spread(test.entries, each, 11)
    if len(numbers) > PAIRS:
        numbers = [numbers[k] for k in np.linspace(0, len(numbers) - 1, PAIRS).astype(int)]
    found = []
    for k, original in zip(numbers, test.magnitudes(numbers, graphs.spec.floor), strict=True):
        entry = test.entries[k]
        name = printable(Path(entry.sound.what).name)
        made = graphs.decode(graphs.encode(original), np.roll(field, 7 * k, axis=0))
        distance = figures.log_spectral_distance(original, made, graphs.spec)
        row = f"{entry.label}: {name}" if entry.label else name
        samples = evaluate.samples(entry, graphs.spec)
        found += [
            _example(graphs, "original", row, original, samples),
            _example(graphs, f"regenerated, {distance:.1f} dB away", row, made),
        ]
    return found


def _draws(graphs: evaluate.Graphs, space: bundle.LatentSpace) -> list[Example]:
    field = texture.field(graphs.spec, 22)
    return [
        _example(graphs, f"draw {k + 1}", "", graphs.decode(z, np.roll(field, 7 * k, axis=0)))
        for k, z in enumerate(space.draw(DRAWS, 8))
    ]


def _morph(graphs: evaluate.Graphs, clearest: dict[str, Float32], latents: Float32) -> list[Example]:
    """From a class to another, or between the two sounds that lie furthest apart on the first axis."""
    if len(clearest) > 1:
        names = list(clearest)
        (first, a), (last, b) = ((name, clearest[name]) for name in (names[0], names[-1]))
    else:
        along = (latents - latents.mean(axis=0)) @ bundle.principal_axes(latents).axes[0]
        first, last = "one end of the first axis", "the other"
        a, b = latents[int(along.argmin())], latents[int(along.argmax())]
    field = texture.field(graphs.spec, 23)
    found = []
    for share in np.linspace(0.0, 1.0, MORPH):
        z = ((1.0 - share) * a + share * b).astype(np.float32)
        found.append(_example(graphs, f"{share:.0%}", f"{first} → {last}", graphs.decode(z, field)))
    return found
