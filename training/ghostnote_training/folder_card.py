"""The card of a model that somebody trained from a folder of sounds, in Markdown from its manifest."""

from __future__ import annotations

from typing import Any

from ghostnote_training.card import table

Manifest = dict[str, Any]

HELD_OUT = "Whole sources or groups of near-copies were held out of the training."
KNOWN = "Nothing could be held out, so these are of sounds that it learnt from."


def _cell(text: str) -> str:
    """A name that a folder or file has, as a cell of a table."""
    return text.replace("|", "\\|")


def figure_rows(manifest: Manifest) -> list[tuple[str, str]]:
    """(what, value) of every figure that was measured, as texts."""
    quality = manifest["quality"]
    held_out, heard, clear = quality["held_out"], quality.get("classifier"), quality.get("clear")
    latents, parity = quality.get("latents"), manifest["training"].get("parity", {})
    where = "sounds it learnt from (none could be held out)" if quality.get("held_in") else "held-out sounds"
    rows = [
        (f"{where} that were measured", str(held_out["sounds"])),
        (
            "log-spectral distance, sixth octaves, −60 dB, median",
            f"{held_out['log_spectral_distance_db']} dB",
        ),
        ("mean band difference where it sounds, median", f"{held_out['band_difference_db']} dB"),
        (
            "attack time error, median (of the recordings' own magnitudes)",
            f"{held_out['attack_error_ms']} ms ({held_out['attack_error_of_copies_ms']} ms)",
        ),
    ]
    if held_out.get("hum_p95_db") is not None:
        rows.append(
            ("loudest band where the sound is silent, 95th percentile", f"{held_out['hum_p95_db']} dB")
        )
    if heard:
        rows += [
            ("classifier: balanced accuracy", f"{heard['balanced_accuracy']:.3f}"),
            ("classifier: expected calibration error", f"{heard['calibration_error']:.3f}"),
        ]
    if held_out.get("class_kept") is not None:
        rows.append(
            (
                "class after regeneration, by its own classifier (originals)",
                f"{held_out['class_kept']} ({held_out['class_of_original']})",
            )
        )
    if clear:
        rows.append(
            (
                "top class probability of 0.6 or more: random draws, midpoints, recordings",
                f"{clear['draws']:.0%}, {clear['midpoints']:.0%}, {clear['recordings']:.0%}",
            )
        )
    if latents:
        if latents.get("neighbours_of_same_class") is not None:
            rows.append(
                ("five nearest latents of the same class", f"{latents['neighbours_of_same_class']:.0%}")
            )
        rows.append(("dimensions used (participation ratio)", f"{latents['dimensions_used']}"))
    rows += [
        (
            f"axis {name}: rank correlation with what it is called (at least 0.9)",
            f"{a['spearman']} ({a['share']:.0%})",
        )
        for name, a in quality.get("axes", {}).items()
    ]
    rows += [
        (f"{name}: one run, one thread, p50 (p95)", f"{t['p50']} ms ({t['p95']} ms)")
        for name, t in quality["inference_ms"].items()
    ]
    rows += [(f"{name}: ONNX against Keras, relative", f"{value:.1e}") for name, value in parity.items()]
    return rows


def text(manifest: Manifest) -> str:
    """The card."""
    training, quality, features = manifest["training"], manifest["quality"], manifest["features"]
    sources = [
        [p["source"], p["licence"], p["credit"], p["files"], p["used_for"]] for p in manifest["provenance"]
    ]
    by_class = quality["held_out"]["log_spectral_distance_by_class_db"]
    sections = [
        f"# {manifest['name']}",
        f"A spectrogram VAE for ghostnote, trained from a folder of sounds. {manifest['latent_size']} "
        "latent dimensions; "
        f"{features['frames']} frames of {features['n_fft'] // 2 + 1} linear magnitudes at "
        f"{features['sample_rate']} Hz; "
        f"classes: {', '.join(manifest['classes']) or 'none'}.",
        f"Made by `{training['command']}` (seed {training['seed']}): {training['steps']:,} steps in "
        f"{training['minutes']} minutes, {training['ended']}. `page.html` shows and plays what it learnt.",
        "## What it learnt from",
        table(["source", "licence", "credit", "files", "used for"], sources),
        f"```\n{training['report'].strip()}\n```",
        "## Figures",
        f"On {quality['machine']}. {KNOWN if quality.get('held_in') else HELD_OUT}",
        table(["what", "value"], [list(row) for row in figure_rows(manifest)]),
    ]
    if len(by_class) > 1:
        sections += [
            "Log-spectral distance by class (dB):",
            table(["class", "dB"], [[_cell(name) or "all", value] for name, value in by_class.items()]),
        ]
    heard = quality.get("classifier")
    if heard:
        rows = [
            [f"**{name}**", *row] for name, row in zip(manifest["classes"], heard["confusion"], strict=True)
        ]
        sections += [
            "## Classes",
            f"{heard['sounds']} held-out sounds; rows are the truth.",
            table(["truth \\ heard", *map(_cell, manifest["classes"])], rows),
        ]
    return "\n\n".join(sections) + "\n"
