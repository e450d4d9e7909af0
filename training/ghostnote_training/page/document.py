"""The document: what a person wants to see and hear of a model, from its manifest, pictures and sounds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import scale
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import checkpoint, picture
from ghostnote_training.page import charts, media
from ghostnote_training.page.style import SCRIPT, STYLE

Float32 = NDArray[np.float32]

MOST_BYTES = 3_000_000
SOUND_BYTES = 1_900_000
COLUMNS, ROWS = 150, 88
"""Size of a picture in pixels."""


@dataclass(frozen=True)
class Example:
    """Something to look at and to hear: linear magnitudes (frames, bins) and samples, with a caption.
    Those of one `row` stand beside each other.
    """

    caption: str
    magnitudes: Float32
    samples: Float32
    row: str = ""


@dataclass(frozen=True)
class Page:
    """Everything that is on the page. `latents` (n, 2) lie on the first two axes; `confusion` has rows of
    the truth.
    """

    manifest: dict[str, Any]
    pairs: Sequence[Example] = ()
    draws: Sequence[Example] = ()
    morph: Sequence[Example] = ()
    latents: Float32 = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    labels: Sequence[str] = ()
    history: Sequence[tuple[int, float, float]] = ()
    confusion: Sequence[Sequence[int]] = ()


def write(page: Page, path: Path) -> int:
    """Write the page, whole or not at all; its size in bytes."""
    text = document(page)
    with checkpoint.aside(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return len(text.encode())


def document(page: Page) -> str:
    """The page as HTML, with everything inside it."""
    manifest = page.manifest
    every = [*page.pairs, *page.draws, *page.morph]
    spec = FeatureSpec.from_dict(manifest["features"])
    heard = media.sounds([one.samples for one in every], spec.sample_rate, SOUND_BYTES)
    seen = _pictures(every, spec)
    figures = [_figure(one, image, sound) for one, image, sound in zip(every, seen, heard, strict=True)]
    first, second = len(page.pairs), len(page.pairs) + len(page.draws)
    name = escape(manifest["name"])
    sections = [
        _section(
            "Regenerated",
            KNOWN if manifest["quality"].get("held_in") else REGENERATED,
            _rows(page.pairs, figures[:first]),
        ),
        _section("Random draws", DRAWN, _rows(page.draws, figures[first:second])),
        _section("From one sound to another", MORPHED, _rows(page.morph, figures[second:])),
        _section("Classes", _heard(manifest), _confusion(page)),
        _section("Latent map", MAPPED, _map(page)),
        _section("Figures", "", _figures(manifest)),
        _section("Course of the training", COURSE, charts.course(page.history)),
        _section(
            "What it learnt from", "", _sources(manifest) + _pre(manifest["training"].get("report", ""))
        ),
        _section("Settings", "", _pre(_settings(manifest))),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}: a ghostnote '
        "model</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{name}</h1>{_summary(manifest)}{''.join(sections)}</main>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


REGENERATED = (
    "Held-out sounds, which the model never learnt from, and what becomes of them. "
    "Click a picture to hear it. Phases are from 32 rounds of fast Griffin-Lim."
)
KNOWN = (
    "Sounds that the model learnt from, since none could be held out, and what becomes of them. "
    "Click a picture to hear it. Phases are from 32 rounds of fast Griffin-Lim."
)
DRAWN = "Points drawn at random as the instrument draws them, with seeded texture."
MORPHED = "Equal steps between the latents of two sounds."
MAPPED = "Sounds on the two principal axes of the latent space; held-out sounds are among them."
COURSE = "Mean difference of log magnitudes over all bins, averaged weights on held-out sounds."


def _section(title: str, text: str, content: str) -> str:
    if not content:
        return ""
    lead = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{content}</section>"


def _pictures(every: Sequence[Example], spec: FeatureSpec) -> list[str]:
    logs = [scale.compress(one.magnitudes, spec) for one in every]
    peaks: dict[str, float] = {}
    ends: dict[str, int] = {}
    for one, log in zip(every, logs, strict=True):  # what stands side by side has one scale
        peaks[one.row] = max(peaks.get(one.row, 0.0), float(log.max()))
        ends[one.row] = max(ends.get(one.row, 0), picture.sounding_frames(log, spec))
    return [
        media.uri(
            "image/png",
            media.png(picture.spectrogram(log, spec, COLUMNS, ROWS, ends[one.row], peaks[one.row])),
        )
        for one, log in zip(every, logs, strict=True)
    ]


def _figure(example: Example, image: str, sound: str) -> str:
    caption = escape(example.caption)
    shown = f'<img src="{image}" alt="spectrogram: {caption}" width="{2 * COLUMNS}" height="{2 * ROWS}">'
    if sound:
        shown = (
            f'<button type="button" title="play">{shown}</button><audio preload="none" src="{sound}"></audio>'
        )
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _rows(examples: Sequence[Example], figures: Sequence[str]) -> str:
    rows: dict[str, list[str]] = {}
    for one, figure in zip(examples, figures, strict=True):
        rows.setdefault(one.row, []).append(figure)
    parts = []
    for row, found in rows.items():
        head = f"<h3>{escape(row)}</h3>" if row else ""
        parts.append(f'<div class="row">{head}<div class="strip">{"".join(found)}</div></div>')
    return f'<div class="rows">{"".join(parts)}</div>' if parts else ""


def _summary(manifest: dict[str, Any]) -> str:
    training, quality = manifest["training"], manifest["quality"]
    held_out, heard = quality.get("held_out", {}), quality.get("classifier", {})
    facts = [
        (f"{training['sounds']:,}", "sounds learnt from"),
        (str(len(manifest["classes"])) if manifest["classes"] else "none", "classes"),
        (f"{held_out['log_spectral_distance_db']:.1f} dB", "from the original, median"),
        (f"{heard['balanced_accuracy']:.0%}" if heard else "", "of held-out sounds heard right"),
        (f"{quality['inference_ms']['decoder']['p50']:.1f} ms", "to decode a sound"),
        (f"{training['minutes']:.0f} min", f"trained, {training['ended']}"),
    ]
    return (
        '<ul class="facts">'
        + "".join(f"<li><b>{escape(value)}</b> {escape(text)}</li>" for value, text in facts if value)
        + "</ul>"
    )


def _heard(manifest: dict[str, Any]) -> str:
    heard = manifest["quality"].get("classifier")
    if not heard:
        return ""
    return (
        f"{heard['sounds']} held-out sounds as the classifier hears them: balanced accuracy "
        f"{heard['balanced_accuracy']:.2f}, expected calibration error {heard['calibration_error']:.2f}. "
        "Rows are what they are, columns what is heard."
    )


def _confusion(page: Page) -> str:
    return charts.confusion(page.manifest["classes"], page.confusion) if len(page.confusion) else ""


def _map(page: Page) -> str:
    return (
        charts.latent_map(page.latents, page.labels, page.manifest["classes"])
        if len(page.latents) > 2
        else ""
    )


def _figures(manifest: dict[str, Any]) -> str:
    from ghostnote_training.folder_card import figure_rows

    rows = "".join(
        f"<tr><th scope=row>{escape(what)}</th><td>{escape(value)}</td></tr>"
        for what, value in figure_rows(manifest)
    )
    return f'<table class="figures"><tbody>{rows}</tbody></table>'


def _sources(manifest: dict[str, Any]) -> str:
    keys = ("source", "licence", "credit", "files", "used_for")
    head = "".join(f"<th>{key.replace('_', ' ')}</th>" for key in keys)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(row.get(key, '')))}</td>" for key in keys) + "</tr>"
        for row in manifest["provenance"]
    )
    table = f'<table class="figures"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="wide">{table}</div>'


def _settings(manifest: dict[str, Any]) -> str:
    shown = {k: v for k, v in manifest["training"].items() if k not in ("report", "history", "data")}
    return json.dumps(shown, indent=1, ensure_ascii=False)


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>" if text else ""
