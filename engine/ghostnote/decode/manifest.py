"""The manifest of a model bundle, read strictly from its `model.json`."""

from __future__ import annotations

import hashlib
import re
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

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a bundle, and so its folder, may be called."""

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
class Kind:
    """Where one kind of sound lies: `mean` (D,) plus standard normal chance along `steps` (rank, D).

    `share`: how many of the sounds are of this kind; shares of all kinds sum to 1.
    """

    share: float
    mean: Float32
    steps: Float32


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
    kinds: tuple[Kind, ...] = ()
    prototypes: Mapping[str, Float32] = field(default_factory=dict)
    provenance: tuple[Mapping[str, Any], ...] = ()
    quality: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    schema: str = SCHEMA
    version: int = VERSION

    @property
    def digest(self) -> str:
        """One SHA-256 for all graphs of the bundle: two bundles with the same one sound the same."""
        listing = "".join(f"{name} {self.files[name].sha256}\n" for name in sorted(self.files))
        return hashlib.sha256(listing.encode()).hexdigest()

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
            kinds=_kinds(top.subs("kinds"), size),
            prototypes=_prototypes(top.sub("prototypes"), classes, size),
            provenance=tuple(MappingProxyType(item.rest()) for item in top.subs("provenance")),
            quality=MappingProxyType(top.sub("quality").rest()),
            training=MappingProxyType(top.sub("training").rest()),
            schema=schema,
            version=version,
        )
        top.finish()
        if not NAME.fullmatch(manifest.name):
            raise BundleError(
                f"{where}: name {manifest.name!r} may hold only letters, digits, '.', '_' and '-'"
            )
        if "classifier" in manifest.files and not classes:
            raise BundleError(f"{where}: there is a classifier.onnx, but classes is empty; name its classes")
        names = [axis.name for axis in manifest.axes]
        if len(set(names)) != len(names):
            raise BundleError(f"{where}: an axis name stands twice in axes; give each axis its own")
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


def _kinds(every: list[Fields], size: int) -> tuple[Kind, ...]:
    kinds = []
    for values in every:
        share, mean = values.number("share", 0.0, 1.0), values.vector("mean", size)
        rank = values.integer("rank", 0, size)
        kinds.append(Kind(share, mean, values.vector("steps", rank * size).reshape(rank, size)))
        values.finish()
    total = sum(kind.share for kind in kinds)
    if kinds and abs(total - 1.0) > 1e-3:
        raise BundleError(f"{every[0].where}: the shares of all kinds sum to {total:.4g}, not to 1")
    return tuple(kinds)


def _prototypes(values: Fields, classes: tuple[str, ...], size: int) -> Mapping[str, Float32]:
    unknown = sorted(set(values.keys()) - set(classes))
    if unknown:
        raise BundleError(f"{values.where}: no such class: {', '.join(unknown)}")
    return MappingProxyType({name: values.vector(name, size) for name in sorted(values.keys())})
