"""Writes a bundle: latent statistics, prototypes and the manifest `model.json`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training.corpus import Item

Float32 = NDArray[np.float32]

SCHEMA = "ghostnote-model"
VERSION = 1
GRAPHS = ("encoder.onnx", "decoder.onnx", "classifier.onnx")

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
}


@dataclass(frozen=True)
class LatentSpace:
    """Statistics of training latents: mean (latent,), axes (count, latent) of unit norm, spreads (count,)."""

    mean: Float32
    axes: Float32
    spreads: Float32


def space_of(folder: Path) -> LatentSpace:
    """Mean and axes as a bundle's manifest has them."""
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    axes = manifest["axes"]
    return LatentSpace(
        np.array(manifest["latent_mean"], dtype=np.float32),
        np.array([axis["direction"] for axis in axes], dtype=np.float32),
        np.array([axis["spread"] for axis in axes], dtype=np.float32),
    )


def principal_axes(latents: Float32, count: int = 12) -> LatentSpace:
    """Principal axes of latents (n, latent), most spread first; the largest component of each is positive."""
    mean = latents.mean(axis=0)
    _, values, rows = np.linalg.svd(latents - mean, full_matrices=False)
    rows = rows[:count]
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    spreads = values[:count] / np.sqrt(max(len(latents) - 1, 1))
    return LatentSpace(
        mean.astype(np.float32), (rows * signs[:, None]).astype(np.float32), spreads.astype(np.float32)
    )


def medoid(latents: Float32, clarity: Float32) -> int:
    """Index of the most central latent of all among the clearest (one in forty, at least three)."""
    count = max(3, len(clarity) // 40)
    good = np.argsort(-clarity, kind="stable")[:count]
    distances = np.linalg.norm(latents[good][:, None] - latents[None], axis=-1).mean(axis=1)
    return int(good[int(distances.argmin())])


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
    rows.append(
        row("ghostnote_training.synth", "MIT", "Procedural drums of this project.", synthesised, "all graphs")
    )
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


def file_entry(path: Path) -> dict[str, Any]:
    """SHA-256 and size of a file."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


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

    def numbers(values: Float32) -> list[float]:
        return [round(float(v), 6) for v in values]

    manifest = {
        "schema": SCHEMA,
        "version": VERSION,
        "name": name,
        "features": spec.as_dict(),
        "latent_size": latent_size,
        "classes": list(classes),
        "latent_mean": numbers(space.mean),
        "axes": [
            {"name": f"d{k + 1}", "direction": numbers(axis), "spread": round(float(spread), 6)}
            for k, (axis, spread) in enumerate(zip(space.axes, space.spreads, strict=True))
        ],
        "prototypes": {label: numbers(z) for label, z in prototypes.items()},
        "files": {graph: file_entry(folder / graph) for graph in GRAPHS if (folder / graph).exists()},
        "max_inference_s": timings,
        **extra,
    }
    partial = folder / "model.json.partial"
    partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "model.json")
