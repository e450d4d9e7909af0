"""Writes a bundle: latent statistics, prototypes and the manifest `model.json`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import checkpoint
from ghostnote_training.corpus import Item
from ghostnote_training.descriptors import NAMES as NAMED

Float32 = NDArray[np.float32]

SCHEMA = "ghostnote-model"
VERSION = 1
GRAPHS = ("encoder.onnx", "decoder.onnx", "classifier.onnx")

SLACK = 8.0
LEAST_LIMIT_S = 0.01

CREDITS = {
    "muldjordkit": "MuldjordKit by Lars Muldjord (DrumGizmo), licensed under CC BY 4.0; SFZ edition and "
    "FLAC conversion by "
    "kinwie (sfzinstruments/DrumGizmo.MuldjordKit). Changes: microphones mixed to mono, trimmed, cut to 2 "
    "s, some levels "
    "raised.",
    "uzu": "Drum one-shots by mot4i (Garden sample pack), CC BY 4.0, by way of tidalcycles/uzu-drumkit. "
    "Changes: mono, "
    "trimmed. The others: uzu-drumkit by Switch Angel and Ludens, Unlicense.",
    "sonicpi": "Sonic Pi's samples and the Freesound contributors listed in its sample README; Uwe Zahn "
    "(Arovane).",
    "bodypercussion": "Body percussion by the sfzinstruments community.",
    "frankensnare": "Frankensnare by Karoryfer Samples / Karoryfer Lecolds.",
    "gogodze1": "Gogodze Phu vol. I by Karoryfer Samples / Karoryfer Lecolds.",
    "gogodze2": "Gogodze Phu vol. II by Karoryfer Samples / Karoryfer Lecolds.",
    "cajon": "Cajon of Gogodze Phu vol. I by Karoryfer Samples / Karoryfer Lecolds.",
    "horsepulse": "Horse Pulse by Karoryfer Samples / Karoryfer Lecolds.",
    "meatbass": "Meatbass by Karoryfer Samples / Karoryfer Lecolds.",
    "growlybass": "Growlybass by Karoryfer Samples / Karoryfer Lecolds.",
    "war-tuba": "War Tuba by Karoryfer Samples / Karoryfer Lecolds.",
    "weresax": "Weresax by Karoryfer Samples / Karoryfer Lecolds.",
    "ganjo": "Ganjo by itsclipping, of the sfzinstruments community.",
}


@dataclass(frozen=True)
class Kind:
    """Where one kind of sound lies: mean (latent,), chance along steps (rank, latent), how common it is."""

    share: float
    mean: Float32
    steps: Float32


@dataclass(frozen=True)
class LatentSpace:
    """Statistics of training latents: mean (latent,), axes (count, latent) of unit norm, spreads (count,),
    and the kinds that chance draws from.
    """

    mean: Float32
    axes: Float32
    spreads: Float32
    kinds: tuple[Kind, ...] = ()

    def draw(self, count: int, seed: int) -> Float32:
        """Chance points (count, latent), as the instrument's random slots hold: of a kind of sound; without
        kinds the mean plus chance along each axis, in its spread.
        """
        rng = np.random.default_rng(seed)
        if self.kinds:
            shares = np.array([kind.share for kind in self.kinds], dtype=np.float64)
            which = rng.choice(len(self.kinds), count, p=shares / shares.sum())
            chance = rng.standard_normal((count, len(self.mean)))
            points = [
                self.kinds[k].mean + one[: len(self.kinds[k].steps)] @ self.kinds[k].steps
                for k, one in zip(which, chance, strict=True)
            ]
            return np.asarray(points, dtype=np.float32)
        chance = rng.standard_normal((count, len(self.spreads))) * self.spreads
        return np.asarray(self.mean + chance @ self.axes, dtype=np.float32)


def read(folder: Path) -> dict[str, Any]:
    """The manifest as it is."""
    manifest: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return manifest


def space_of(folder: Path) -> LatentSpace:
    """Mean and axes as a bundle's manifest has them."""
    manifest = read(folder)
    axes = [axis for axis in manifest["axes"] if axis["name"] not in NAMED]
    return LatentSpace(
        np.array(manifest["latent_mean"], dtype=np.float32),
        np.array([axis["direction"] for axis in axes], dtype=np.float32),
        np.array([axis["spread"] for axis in axes], dtype=np.float32),
        tuple(
            Kind(
                kind["share"],
                np.array(kind["mean"], dtype=np.float32),
                np.array(kind["steps"], dtype=np.float32).reshape(kind["rank"], len(kind["mean"])),
            )
            for kind in manifest["kinds"]
        ),
    )


def classes_of(folder: Path) -> tuple[str, ...]:
    """The classes of a bundle's classifier."""
    return tuple(read(folder)["classes"])


def principal_axes(
    latents: Float32, least: int = 12, share: float = 0.99, views: Float32 | None = None
) -> LatentSpace:
    """Axes of latents (n, latent) along which chance gives their covariance, the widest first: as many as
    hold `share` of the variance, at `least` so many. The largest component of each is positive.

    With `views` of the sounds (n, numbers) it is their variance that counts: the first axis changes the
    sound most, however wide it is, and axes are at right angles where latents are equally wide in all
    directions. Without them, the variance of the latents.
    """
    mean = latents.mean(axis=0)
    left, values, rows = np.linalg.svd(latents - mean, full_matrices=False)
    rows *= values[:, None] / np.sqrt(max(len(latents) - 1, 1))
    if views is not None:
        left = left[:, values > 1e-6 * max(float(values.max(initial=0.0)), 1e-12)]
        turned, values, _ = np.linalg.svd(left.T @ (views - views.mean(axis=0)), full_matrices=False)
        rows = turned.T @ rows[: len(turned)]
    held = np.cumsum(np.square(values)) / max(float(np.square(values).sum()), 1e-12)
    rows = rows[: max(least, int(np.searchsorted(held, share)) + 1)]
    spreads = np.linalg.norm(rows, axis=1)
    rows = rows / np.maximum(spreads, 1e-12)[:, None]
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    return LatentSpace(
        mean.astype(np.float32), (rows * signs[:, None]).astype(np.float32), spreads.astype(np.float32)
    )


def kinds(latents: Float32, labels: Sequence[str], rank: int = 8, seed: int = 1) -> tuple[Kind, ...]:
    """A Gaussian for each kind of sound: its mean, and the principal directions of what is left, at most
    `rank`. Kinds are the labels, or clusters of about twenty-five sounds where there is one label only.

    Chance within kinds is clear where chance over all of them falls between (after Ghosh et al., "From
    variational to deterministic autoencoders", 2020, section 4, which fits a mixture to latents).
    """
    names = np.array(labels)
    if len(set(labels)) < 2:
        count = max(len(latents) // 25, 1)
        names = kmeans2(latents.astype(np.float64), count, minit="++", rng=seed)[1]
    found = []
    for name in np.unique(names):
        rows = latents[names == name]
        mean = rows.mean(axis=0)
        _, values, directions = np.linalg.svd(rows - mean, full_matrices=False)
        steps = directions * values[:, None] / np.sqrt(max(len(rows) - 1, 1))
        some = min(rank, len(rows) - 1)
        found.append(Kind(len(rows) / len(latents), mean, np.asarray(steps[:some], dtype=np.float32)))
    return tuple(found)


def medoid(latents: Float32, clarity: Float32) -> int:
    """Index of the most central latent of all among the clearest (one in forty, at least three)."""
    count = max(3, len(clarity) // 40)
    good = np.argsort(-clarity, kind="stable")[:count]
    distances = np.linalg.norm(latents[good][:, None] - latents[None], axis=-1).mean(axis=1)
    return int(good[int(distances.argmin())])


def synthesis_row(files: int) -> dict[str, Any]:
    """The manifest's row for synthesised drums."""
    return {
        "source": "ghostnote_training.synth",
        "licence": "MIT",
        "credit": "Procedural drums of this project.",
        "files": files,
        "used_for": "all graphs",
    }


def provenance(
    items: Sequence[Item], synthesised: int, classifier_items: Sequence[Item], held_out: Sequence[Item]
) -> list[dict[str, Any]]:
    """Rows for the manifest: every source with its licence, credit and number of files."""

    def row(source: str, licence: str, credit: str, files: int, used_for: str) -> dict[str, Any]:
        return {"source": source, "licence": licence, "credit": credit, "files": files, "used_for": used_for}

    counts = Counter((item.source, item.licence) for item in items)
    rows = [
        row(s, licence, CREDITS[s], files, "all graphs") for (s, licence), files in sorted(counts.items())
    ]
    rows.append(synthesis_row(synthesised))
    unseen = Counter(
        (item.source, item.licence) for item in held_out if item.source not in {s for s, _ in counts}
    )
    rows += [
        row(s, licence, CREDITS[s], files, "measuring only") for (s, licence), files in sorted(unseen.items())
    ]
    if classifier_items:
        credit = "44 drum machines, collected by ritchse (tidal-drum-machines)."
        count = len(classifier_items)
        rows.append(row("ritchse/tidal-drum-machines", "none stated", credit, count, "classifier only"))
    return rows


def limits(inference_ms: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The largest inference time that is declared for each graph, in seconds: `SLACK` times the median
    measured here, at least `LEAST_LIMIT_S`.
    """
    return {name: round(max(SLACK * t["p50"] / 1e3, LEAST_LIMIT_S), 4) for name, t in inference_ms.items()}


def file_entry(path: Path) -> dict[str, Any]:
    """SHA-256 and size of a file."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _numbers(values: Float32) -> list[float]:
    return [round(float(v), 6) for v in values]


def axis_entry(name: str, direction: Float32, spread: float) -> dict[str, Any]:
    """An axis as the manifest has it."""
    return {"name": name, "direction": _numbers(direction), "spread": round(float(spread), 6)}


def write_axes(folder: Path, named: Mapping[str, tuple[Float32, float]], figures: dict[str, Any]) -> None:
    """Put named axes (direction, spread) and their figures into a manifest, in the place of older ones."""
    manifest = read(folder)
    principal = [axis for axis in manifest["axes"] if axis["name"] not in NAMED]
    manifest["axes"] = principal + [axis_entry(name, *axis) for name, axis in named.items()]
    manifest["quality"]["axes"] = figures
    checkpoint.write_json(folder / "model.json", manifest)


def write_manifest(
    folder: Path,
    name: str,
    spec: FeatureSpec,
    latent_size: int,
    classes: Sequence[str],
    space: LatentSpace,
    prototypes: dict[str, Float32],
    timings: dict[str, float],
    extra: dict[str, Any],
) -> None:
    """Write `model.json`. `extra`: provenance, quality and training, as they are."""

    manifest = {
        "schema": SCHEMA,
        "version": VERSION,
        "name": name,
        "features": spec.as_dict(),
        "latent_size": latent_size,
        "classes": list(classes),
        "latent_mean": _numbers(space.mean),
        "axes": [
            axis_entry(f"d{k + 1}", axis, spread)
            for k, (axis, spread) in enumerate(zip(space.axes, space.spreads, strict=True))
        ],
        "kinds": [
            {
                "share": round(kind.share, 6),
                "mean": _numbers(kind.mean),
                "rank": len(kind.steps),
                "steps": _numbers(kind.steps.ravel()),
            }
            for kind in space.kinds
        ],
        "prototypes": {label: _numbers(z) for label, z in prototypes.items()},
        "files": {graph: file_entry(folder / graph) for graph in GRAPHS if (folder / graph).exists()},
        "max_inference_s": timings,
        **extra,
    }
    checkpoint.write_json(folder / "model.json", manifest)
