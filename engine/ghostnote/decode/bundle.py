"""A model bundle on disk: its manifest, read strictly, and the places where bundles are looked for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.strict_json import Fields, read_json
from ghostnote.errors import BundleError
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

MANIFEST_NAME = "model.json"
SCHEMA = "ghostnote-model"
VERSION = 1
MAX_MANIFEST_BYTES = 2_000_000
GRAPHS = ("encoder", "decoder", "classifier")
"""Graphs a bundle may carry, each in `<graph>.onnx`; only the classifier may be missing."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class FileEntry:
    """What the manifest says of one graph file: its digest (lower-case hex) and its length in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True, eq=False)
class Axis:
    """A named direction in latent space, shape (D,); `spread` is the data's standard deviation along it."""

    name: str
    direction: Float32
    spread: float


@dataclass(frozen=True, eq=False)
class Manifest:
    """A bundle's `model.json`. `D` is `latent_size`; times are seconds of one run on one thread."""

    name: str
    features: FeatureSpec
    latent_size: int
    latent_mean: Float32
    files: Mapping[str, FileEntry]
    max_inference_s: Mapping[str, float]
    classes: tuple[str, ...] = ()
    axes: tuple[Axis, ...] = ()
    prototypes: Mapping[str, Float32] = field(default_factory=dict)
    provenance: tuple[Mapping[str, Any], ...] = ()
    quality: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    schema: str = SCHEMA
    version: int = VERSION

    @classmethod
    def from_file(cls, path: Path) -> Manifest:
        """The manifest stored at `path`.

        Raises BundleError when it is missing, too long, not JSON, nested too deeply, holds NaN or infinity,
        an unknown or missing key, or a value of the wrong kind.
        """
        return cls.from_dict(read_json(path, MAX_MANIFEST_BYTES), str(path))

    @classmethod
    def from_dict(cls, values: Any, where: str = MANIFEST_NAME) -> Manifest:
        """The manifest held in a parsed JSON value; `where` is named in the errors. Raises BundleError."""
        top = Fields(values, where)
        schema = top.text("schema")
        version = top.integer("version", 0, 10**6)
        if schema != SCHEMA or version != VERSION:
            raise BundleError(
                f"{where}: schema is {schema!r} version {version}, this engine reads"
                f" {SCHEMA!r} version {VERSION}; export the model again or use a matching ghostnote"
            )
        size = top.integer("latent_size", 1, 4096)
        classes = top.texts("classes")
        if len(set(classes)) != len(classes):
            raise BundleError(f"{where}: a class name stands twice in classes")
        manifest = cls(
            name=top.text("name"),
            features=_features(top.sub("features")),
            latent_size=size,
            latent_mean=top.vector("latent_mean", size),
            files=_files(top.sub("files")),
            max_inference_s=_limits(top.sub("max_inference_s")),
            classes=classes,
            axes=tuple(_axis(item, size) for item in top.subs("axes")),
            prototypes=_prototypes(top.sub("prototypes"), classes, size),
            provenance=tuple(MappingProxyType(item.rest()) for item in top.subs("provenance")),
            quality=MappingProxyType(top.sub("quality").rest()),
            training=MappingProxyType(top.sub("training").rest()),
            schema=schema,
            version=version,
        )
        top.finish()
        if not _NAME.fullmatch(manifest.name):
            raise BundleError(
                f"{where}: name {manifest.name!r} may hold only letters, digits, '.', '_' and '-'"
            )
        if "classifier" in manifest.files and not classes:
            raise BundleError(f"{where}: there is a classifier.onnx, but classes is empty; name its classes")
        missing = set(manifest.files) - set(manifest.max_inference_s)
        if missing:
            raise BundleError(f"{where}: max_inference_s lacks {', '.join(sorted(missing))}")
        return manifest


def _features(values: Fields) -> FeatureSpec:
    plain = {
        "sample_rate": values.integer("sample_rate", 8000, 192000),
        "n_fft": values.integer("n_fft", 64, 16384),
        "hop": values.integer("hop", 16, 8192),
        "frames": values.integer("frames", 1, 8192),
        "floor": values.number("floor", 1e-12, 0.1),
        "version": values.integer("version", 1, 1),
    }
    values.finish()
    return FeatureSpec.from_dict(plain)


def _files(values: Fields) -> Mapping[str, FileEntry]:
    files = {}
    for graph in GRAPHS:
        if graph == "classifier" and f"{graph}.onnx" not in values:
            continue
        entry = values.sub(f"{graph}.onnx")
        digest = entry.text("sha256")
        if not _SHA256.fullmatch(digest):
            raise BundleError(f"{entry.where}: sha256 must be 64 lower-case hex digits")
        files[graph] = FileEntry(digest, entry.integer("bytes", 1, 2**40))
        entry.finish()
    values.finish()
    return MappingProxyType(files)


def _limits(values: Fields) -> Mapping[str, float]:
    limits = {graph: values.number(graph, 1e-6, 60.0) for graph in GRAPHS if graph in values}
    values.finish()
    return MappingProxyType(limits)


def _axis(values: Fields, size: int) -> Axis:
    axis = Axis(values.text("name"), values.vector("direction", size), values.number("spread", 0.0, 1e6))
    values.finish()
    return axis


def _prototypes(values: Fields, classes: tuple[str, ...], size: int) -> Mapping[str, Float32]:
    unknown = sorted(set(values.keys()) - set(classes))
    if unknown:
        raise BundleError(f"{values.where}: no such class: {', '.join(unknown)}")
    return MappingProxyType({name: values.vector(name, size) for name in sorted(values.keys())})


def roots() -> list[Path]:
    """Folders that are searched for bundles, first wins.

    `GHOSTNOTE_MODELS`, the `models` folder of a source checkout, the bundles inside the installed package,
    the user's data folder. Only those that exist.
    """
    package = Path(__file__).resolve().parents[1]
    places = []
    if chosen := os.environ.get("GHOSTNOTE_MODELS"):
        places.append(Path(chosen).expanduser())
    if package.parent.name == "engine" and (package.parents[1] / "pyproject.toml").is_file():
        places.append(package.parents[1] / "models")
    places.append(package / "_models")
    places.append(_user_data() / "models")
    return [place for place in places if place.is_dir()]


def _user_data() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "ghostnote"
    if sys.platform == "win32":
        base = os.environ.get("APPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Roaming") / "ghostnote"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "ghostnote"


def available() -> list[Path]:
    """Folders of the bundles that `find` knows by name, sorted by name; an earlier root hides a later one."""
    found: dict[str, Path] = {}
    for root in roots():
        try:
            children = sorted(root.iterdir())
        except OSError:
            continue
        for folder in children:
            if _NAME.fullmatch(folder.name) and (folder / MANIFEST_NAME).is_file():
                found.setdefault(folder.name, folder)
    return [found[name] for name in sorted(found)]


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The folder of a bundle given by name, by its folder, or by the path of its `model.json`.

    Raises BundleError naming the bundles that exist when there is none of that name or at that path.
    """
    text = os.fspath(name_or_path)
    known = available()
    for folder in known:
        if folder.name == text:
            return folder
    path = Path(text).expanduser()
    if path.name == MANIFEST_NAME:
        path = path.parent
    if text and path.is_dir():
        if (path / MANIFEST_NAME).is_file():
            return path
        raise BundleError(
            f"model folder {path}: there is no {MANIFEST_NAME} in it; give the folder of one bundle"
        )
    names = ", ".join(folder.name for folder in known) or "none"
    raise BundleError(
        f"model {text!r}: no bundle of that name and no such folder; known models: {names};"
        " give one of these, a bundle's folder, or set GHOSTNOTE_MODELS to the folder that holds your bundles"
    )
