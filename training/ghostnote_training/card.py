"""The model card: what a bundle was made from and how good it is, in Markdown from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Manifest = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    rows = [[f"**{name}**", *row] for name, row in zip(classes, counts, strict=True)]
    return table(["truth \\ heard", *classes], rows)


def _classifier(manifest: Manifest) -> str:
    found = manifest["quality"].get("classifier")
    if not found:
        return "The classifier has not been measured in folds."
    rows = [
        [name, found[name]["balanced_accuracy"], found[name]["toms_as_one"]]
        for name in ("whole", "100 ms", "50 ms")
    ]
    return "\n\n".join(
        [
            f"Measured on `drum_machines_dev` ({found['sounds']} sounds) in {found['folds']} folds "
            "grouped by machine: every figure "
            "is from machines that the measured classifier did not learn from. The shipped classifier "
            "then learnt from all of "
            "them.",
            table(["heard", "balanced accuracy", "toms as one class"], rows),
            f"Expected calibration error: {found['calibration_error']}.",
            _confusion(manifest["classes"], found["confusion"]),
        ]
    )


def _regeneration(quality: Manifest) -> str:
    columns = {"held_out_drums": "held-out groups of `drums`", "drum_machines_dev": "`drum_machines_dev`"}
    names = {
        "sounds": "sounds",
        "log_spectral_distance_db": "log-spectral distance, sixth octaves, −60 dB, median (dB)",
        "band_difference_db": "mean band difference where it sounds, median (dB)",
        "hum_p95_db": "loudest band between sounds, 95th percentile (dB under peak)",
        "attack_error_ms": "attack time error, median (ms)",
        "attack_error_of_copies_ms": "the same for the recordings' own magnitudes (ms)",
        "class_of_original": "classifier's balanced accuracy, originals",
        "class_kept": "the same, regenerated",
    }
    rows = [[text, *(quality[c][key] for c in columns)] for key, text in names.items()]
    by_class = "log_spectral_distance_by_class_db"
    classes = sorted({label for c in columns for label in quality[c][by_class]})
    per = [[label, *(quality[c][by_class].get(label, "") for c in columns)] for label in classes]
    head = ["", *columns.values()]
    return table(head, rows) + "\n\nLog-spectral distance by class (dB):\n\n" + table(head, per)


def text(manifest: Manifest) -> str:
    """The card of a manifest."""
    quality = manifest["quality"]
    sources = [[p["source"], p["licence"], p["files"], p["used_for"]] for p in manifest["provenance"]]
    credits = list(dict.fromkeys(f"- {p['credit']}" for p in manifest["provenance"]))
    features = manifest["features"]
    times = quality["inference_ms"]
    parity = manifest["training"].get("parity", {})
    sections = [
        f"# {manifest['name']}",
        "A spectrogram VAE of drum sounds with a nine-class classifier, for ghostnote. "
        f"{manifest['latent_size']} latent dimensions; {features['frames']} frames of "
        f"{features['n_fft'] // 2 + 1} linear "
        f"magnitudes at {features['sample_rate']} Hz, hop {features['hop']}; level kept; sounds start at "
        "sample 0. "
        "The decoder gives a median and a noisiness for each bin; synthesis draws the texture with seeded "
        "noise.",
        "Made by `python -m ghostnote_training drums`; measured by `python -m ghostnote_training evaluate`.",
        "## What it learnt from",
        "Encoder and decoder learnt only from openly licensed recordings and from this project's own "
        "synthesis. The classifier "
        "also learnt from recordings without a stated licence (it cannot give a recording back).",
        table(["source", "licence", "files", "used for"], sources),
        "Credits:\n\n" + "\n".join(credits),
        "Never trained on by anything that makes sound: these groups of `drums` (a whole source and whole "
        "instruments): "
        + ", ".join(f"`{g}`" for g in manifest["training"]["held_out"])
        + "; and all of `drum_machines_dev`.",
        "## Classifier",
        _classifier(manifest),
        "## Regeneration",
        "File → encoder → decoder with seeded texture. The classifier's verdicts on `drum_machines_dev` "
        "here are those of the "
        "shipped classifier, which knows these machines: only the loss between the two rows says "
        "something. Attack times are "
        "taken from audio after 32 rounds of fast Griffin-Lim.",
        _regeneration(quality),
        f"Random draws whose top class probability is at least 0.6: {quality['clear']['draws']:.0%}; "
        "midpoints between two draws: "
        f"{quality['clear']['midpoints']:.0%} (real sounds of the nine classes: "
        f"{quality['clear']['recordings']:.0%}).",
        "## Time",
        f"On {quality['machine']} (shared and noisy; the quietest of twelve rounds):",
        table(["graph", "p50 (ms)", "p95 (ms)"], [[n, t["p50"], t["p95"]] for n, t in times.items()]),
        "Largest difference between ONNX and Keras, relative to the largest output: "
        + ", ".join(f"{name} {value:.1e}" for name, value in parity.items())
        + ".",
        "## Limits",
        "Sixty-four numbers do not hold a recording: a captured sound comes back as its nearest relative. "
        "Cymbals, cowbells and "
        "hand percussion are in the decoder but not among the classes. Claps are few in the recordings "
        "(22 files) and mostly "
        "synthesised. Toms are told apart by pitch, which machines do not agree on.",
    ]
    return "\n\n".join(sections) + "\n"
