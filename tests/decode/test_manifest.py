"""The manifest: what is read, and that nothing odd gets through."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundles import NINE, build_bundle
from ghostnote.decode import strict_json
from ghostnote.decode.manifest import MAX_MANIFEST_BYTES, Manifest
from ghostnote.errors import BundleError
from ghostnote.features.spec import FeatureSpec


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = build_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
    return json.loads((folder / "model.json").read_text())


def test_reads_what_was_written(good):
    manifest = Manifest.from_dict(good)
    assert manifest.name == "tiny"
    assert manifest.features == FeatureSpec()
    assert manifest.classes == NINE
    assert [axis.name for axis in manifest.axes] == ["higher", "longer", "noisier"]
    assert manifest.axes[0].direction.tolist() == pytest.approx(good["axes"][0]["direction"])
    assert manifest.files["decoder"].sha256 == good["files"]["decoder.onnx"]["sha256"]
    assert manifest.max_inference_s == {"encoder": 2.0, "decoder": 2.0, "classifier": 2.0}
    assert set(manifest.prototypes) == set(NINE)
    assert manifest.training == {"seed": 0}
    assert manifest.provenance[0]["licence"] == "MIT"


def test_arrays_cannot_be_changed(good):
    manifest = Manifest.from_dict(good)
    with pytest.raises(ValueError, match="read-only"):
        manifest.latent_mean[0] = 1.0
    with pytest.raises(TypeError):
        manifest.quality["x"] = 1  # type: ignore[index]


def without_classifier(values):
    values["classes"], values["prototypes"] = [], {}
    del values["files"]["classifier.onnx"], values["max_inference_s"]["classifier"]


def test_classifier_may_be_missing(good):
    values = json.loads(json.dumps(good))
    without_classifier(values)
    assert Manifest.from_dict(values).classes == ()


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(values):
        for key in path:
            values = values[key]
        values[last] = value

    return change


def drop(*path):
    *path, last = path

    def change(values):
        for key in path:
            values = values[key]
        del values[last]

    return change


WRONG = {
    "unknown key": (put("colour", 1), "unknown key: colour"),
    "unknown key inside": (put("files", "decoder.onnx", "url", "x"), r"decoder\.onnx: unknown key: url"),
    "unknown file": (put("files", "extra.onnx", {}), r"unknown key: extra\.onnx"),
    "unknown axis key": (put("axes", 1, "hue", 0), r"axes\[1\]: unknown key: hue"),
    "missing key": (drop("latent_size"), "latent_size is missing"),
    "missing decoder": (drop("files", "decoder.onnx"), r"decoder\.onnx is missing"),
    "missing limit": (drop("max_inference_s", "encoder"), "max_inference_s lacks encoder"),
    "wrong schema": (put("schema", "other"), "schema is 'other'"),
    "newer version": (put("version", 2), "version 2, this engine reads"),
    "name with a path": (put("name", "../evil"), "may hold only letters"),
    "latent size as text": (put("latent_size", "64"), "latent_size must be a whole number"),
    "latent size as true": (put("latent_size", True), "latent_size must be a whole number"),
    "latent size too big": (put("latent_size", 10**9), "latent_size must be a whole number"),
    "short mean": (put("latent_mean", [0.0] * 63), "latent_mean must be a list of 64 numbers"),
    "text in the mean": (put("latent_mean", ["0"] * 64), "latent_mean must be a list of 64 numbers"),
    "huge in the mean": (put("latent_mean", [1e39] * 64), "latent_mean must be a list of 64 numbers"),
    "short direction": (put("axes", 0, "direction", [1.0]), r"axes\[0\]: direction must be"),
    "negative spread": (put("axes", 0, "spread", -1), "spread must be a number from 0"),
    "axes not a list": (put("axes", {}), "axes must be a list of objects"),
    "axis not an object": (put("axes", [3]), r"axes\[0\]: expected an object"),
    "kinds missing": (drop("kinds"), "kinds is missing"),
    "kind with a short mean": (
        put("kinds", [{"share": 1, "mean": [0.0], "rank": 0, "steps": []}]),
        r"kinds\[0\]: mean must be a list of 64 numbers",
    ),
    "kind with too few steps": (
        put("kinds", [{"share": 1, "mean": [0.0] * 64, "rank": 2, "steps": [0.0] * 64}]),
        "steps must be a list of 128 numbers",
    ),
    "kind of too high a rank": (
        put("kinds", [{"share": 1, "mean": [0.0] * 64, "rank": 65, "steps": []}]),
        "rank must be a whole number from 0 to 64",
    ),
    "kinds that are not all": (
        put("kinds", [{"share": 0.5, "mean": [0.0] * 64, "rank": 0, "steps": []}]),
        "the shares of all kinds sum to 0.5",
    ),
    "bad digest": (put("files", "decoder.onnx", "sha256", "A" * 64), "64 lower-case hex"),
    "length 0": (put("files", "decoder.onnx", "bytes", 0), "bytes must be a whole number"),
    "limit 0": (put("max_inference_s", "decoder", 0), "decoder must be a number from"),
    "classifier without classes": (put("classes", []), "no such class|classes is empty"),
    "class twice": (put("classes", ["a", "a"]), "stands twice"),
    "class not a text": (put("classes", [1]), "classes must be a list of texts"),
    "prototype of no class": (put("prototypes", {"gong": [0.0] * 64}), "no such class: gong"),
    "hop 0": (put("features", "hop", 0), "hop must be a whole number"),
    "feature unknown": (put("features", "mel", 80), "features: unknown key: mel"),
    "feature missing": (drop("features", "floor"), "floor is missing"),
    "floor 0": (put("features", "floor", 0.0), "floor must be a number"),
    "features a list": (put("features", []), "features: expected an object"),
}


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.replace(" ", "-"))
def test_refuses(good, case):
    change, match = WRONG[case]
    values = json.loads(json.dumps(good))
    change(values)
    with pytest.raises(BundleError, match=match):
        Manifest.from_dict(values, "model.json")


TEXTS = {
    "empty": (b"", "not valid JSON"),
    "not json": (b"hello", "not valid JSON"),
    "cut off": (b'{"schema": "ghostnote-mo', "not valid JSON"),
    "not utf-8": (b'{"schema": "\xff"}', "not valid JSON"),
    "nan": (b'{"version": NaN}', "NaN is not a number"),
    "infinity": (b'{"version": -Infinity}', "-Infinity is not a number"),
    "overflow": (b'{"version": 1e999}', "1e999 is not a finite number"),
    "key twice": (b'{"version": 1, "version": 2}', "a key stands twice"),
    "number of a million digits": (b"9" * 1_000_000, "not valid JSON"),
    "a list": (b"[]", "expected an object"),
    "a text": (b'"x"', 'expected an object with named values, found "x"'),
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "deep objects": (b'{"a":' * 13 + b"1" + b"}" * 13, "nested too deeply"),
    "too long": (b" " * (MAX_MANIFEST_BYTES + 1), "longer than the 2000000 bytes"),
}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.replace(" ", "-"))
def test_refuses_file(tmp_path, case):
    data, match = TEXTS[case]
    path = tmp_path / "model.json"
    path.write_bytes(data)
    with pytest.raises(BundleError, match=match) as caught:
        Manifest.from_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_refuses_missing_file_and_folder(tmp_path):
    with pytest.raises(BundleError, match="file is missing"):
        Manifest.from_file(tmp_path / "model.json")
    with pytest.raises(BundleError, match="not a regular file"):
        Manifest.from_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "model.json")
    with pytest.raises(BundleError, match="not a regular file"):
        Manifest.from_file(tmp_path / "model.json")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_read_or_refused(good, data):
    """Nothing but BundleError comes out, whatever stands in any field."""
    values = json.loads(json.dumps(good))
    place = values
    while True:
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.just(0))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(JSON_VALUES)
    try:
        manifest = Manifest.from_dict(values)
    except BundleError:
        return
    assert np.isfinite(manifest.latent_mean).all()


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    try:
        Manifest.from_dict(strict_json.read_json(path, 1000))
    except BundleError:
        return
    pytest.fail("random bytes are no manifest")
