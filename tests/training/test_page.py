"""The page: everything inside it, small, and no text of a file or folder is taken for HTML."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import page
from ghostnote_training.page import charts, media
from ghostnote_training.page.document import MOST_BYTES, document

SPEC = FeatureSpec()
NASTY = '<script>alert("x")</script>&'
VOID = {"meta", "img"}


class Checked(HTMLParser):
    """Fails for tags that do not close each other."""

    def __init__(self):
        super().__init__()
        self.open, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def example(caption, row="", seed=0):
    rng = np.random.default_rng(seed)
    magnitudes = (
        rng.random((SPEC.frames, SPEC.bins)) * np.exp(-np.arange(SPEC.frames) / 30)[:, None]
    ).astype("f4")
    samples = (0.3 * rng.standard_normal(SPEC.samples) * np.exp(-np.arange(SPEC.samples) / 8000)).astype("f4")
    return page.Example(caption, magnitudes, samples, row)


def manifest(classes=("kick", NASTY)):
    return {
        "name": "kit",
        "classes": list(classes),
        "features": SPEC.as_dict(),
        "training": {"sounds": 500, "minutes": 12.3, "ended": "converged", "report": f"500 sounds {NASTY}"},
        "provenance": [
            {"source": NASTY, "licence": "CC0", "credit": "me", "files": 500, "used_for": "all graphs"}
        ],
        "quality": {
            "held_out": {
                "sounds": 20,
                "log_spectral_distance_db": 4.21,
                "band_difference_db": 3.0,
                "attack_error_ms": 2.0,
                "attack_error_of_copies_ms": 0.8,
                "class_kept": 0.7,
                "class_of_original": 0.8,
            },
            "classifier": {"sounds": 20, "balanced_accuracy": 0.81, "calibration_error": 0.04},
            "clear": {"draws": 0.5, "midpoints": 0.6, "recordings": 0.9},
            "inference_ms": {"decoder": {"p50": 1.5, "p95": 2.0}},
        },
    }


def whole(**more):
    values = {
        "pairs": [example("original", f"{NASTY} a"), example("regenerated", f"{NASTY} a", 1)],
        "draws": [example("draw 1", "", 2)],
        "morph": [example(f"{k} %", "a → b", k) for k in range(3)],
        "latents": np.random.default_rng(0).standard_normal((30, 2)).astype("f4"),
        "labels": ["kick", NASTY] * 15,
        "history": [(100, 4.0, 5.0), (200, 3.0, 4.0), (300, 2.5, 4.1)],
        "confusion": [[8, 2], [1, 9]],
    }
    return page.Page(manifest(), **(values | more))


def test_the_page_is_whole_and_has_nothing_outside(tmp_path):
    size = page.write(whole(), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert size == len(text.encode()) < MOST_BYTES
    checked = Checked()
    checked.feed(text)
    assert not checked.open
    for tag, attributes in checked.tags:
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "data:").startswith("data:"), tag
    assert not re.search(r"url\(|@import|https?://", text)
    tags = [tag for tag, _ in checked.tags]
    assert tags.count("script") == 1
    assert tags.count("figure") == tags.count("audio") == 6
    assert tags.count("h2") == 9


def test_names_are_text_and_not_html():
    text = document(whole())
    assert NASTY not in text
    assert "&lt;script&gt;alert(" in text


def test_a_model_without_classes_has_no_part_about_them():
    plain = manifest(())
    del plain["quality"]["classifier"], plain["quality"]["clear"]
    text = document(page.Page(plain, history=[(100, 1.0, 1.0)]))
    assert "Confusion" not in text
    assert "<h2>Classes" not in text
    assert "<h2>Figures" in text
    assert "4.21 dB" in text


def test_sounds_are_what_they_were():
    one = example("x").samples
    (found,) = media.sounds([one], 44100, 1_000_000)
    kind, _, content = found.partition(";base64,")
    assert kind == "data:audio/flac"
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(content)), dtype="float32")
    assert rate == 44100
    assert len(heard) < len(one)
    scale = min(1.0, 0.98 / np.abs(media.trimmed(one, 44100)).max())
    np.testing.assert_allclose(heard[:20000], one[:20000] * scale, atol=1e-3)


def test_sounds_get_smaller_until_they_fit_and_then_fewer():
    many = [example("x", seed=k).samples for k in range(6)]
    full = sum(map(len, media.sounds(many, 44100, 10**9)))
    smaller = media.sounds(many, 44100, full // 2)
    assert all(one.startswith("data:audio/mpeg") for one in smaller)
    assert sum(map(len, smaller)) <= full // 2
    fewer = media.sounds(many, 44100, len(smaller[0]) * 3)
    assert 0 < sum(bool(one) for one in fewer) < 6


def test_a_picture_is_a_png():
    image = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    content = media.png(image)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    pixels = zlib.decompress(content[content.index(b"IDAT") + 4 : -16])
    assert len(pixels) == 3 * 5
    assert pixels[-1] == media.LEVELS - 1


def test_confusion_tells_what_has_nothing_to_be_measured_on():
    text = charts.confusion(["a", "b"], [[3, 1], [0, 0]])
    assert "75%" in text
    assert "none held out" in text
    many = charts.confusion([str(k) for k in range(40)], np.eye(40, dtype=int).tolist())
    assert many.count("<tr>") == 41


def test_classes_differ_in_colour_or_shape():
    marks = [charts.mark(k) for k in range(40)]
    assert len(set(marks)) == 40


@pytest.mark.parametrize(
    "history", [[], [(1, 2.0, 3.0)], [(1, 2.0, 2.0), (2, 2.0, 2.0)], [(1, float("nan"), 2.0), (2, 1.0, 2.0)]]
)
def test_any_course_can_be_drawn(history):
    text = charts.course(history)
    assert ("polyline" in text) == (len(history) > 1)
    assert "nan" not in text


def test_settings_are_on_the_page_as_they_are_stored():
    text = document(whole())
    assert json.dumps("converged") in text.replace("&quot;", '"')
