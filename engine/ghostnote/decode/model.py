"""A verified model: latent points to magnitudes, magnitudes to latent points and class probabilities."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode import bundle, verify
from ghostnote.decode.files import inside
from ghostnote.decode.manifest import Manifest
from ghostnote.decode.session import DEADLINE_FACTOR, OFFLINE_DEADLINE_S, GraphRunner
from ghostnote.errors import BundleError
from ghostnote.features import detail_capture, scale
from ghostnote.features.detail import Detail
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]

MAX_MAGNITUDE = 1000.0
"""Decoded magnitudes are clipped here: latent points far outside the model's space may explode."""


class Model:
    """The graphs of one bundle. `F`, `B`: frames and bins of `spec`; `D`: latent size; `C`: classes.

    Thread: any, also several at once; no method is realtime-safe. Made by `load`.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, warm_up: bool = True) -> None:
        self.folder = folder
        self.manifest = manifest
        self._warm_up = warm_up
        self._runners: dict[str, GraphRunner] = {}
        self._opening = threading.Lock()

    @property
    def spec(self) -> FeatureSpec:
        """Frame geometry and level scale of the model."""
        return self.manifest.features

    @property
    def has_classifier(self) -> bool:
        """Whether `classify` works."""
        return "classifier" in self.manifest.files

    def live_deadline_s(self, graph: str = "decoder") -> float:
        """Seconds after which a live run of `graph` is ended, four times its declared maximum."""
        return DEADLINE_FACTOR * self.manifest.max_inference_s[graph]

    def prepare(self, graphs: Iterable[str] | None = None) -> None:
        """Open and verify graphs (all by default) that are not open yet. Raises BundleError."""
        for graph in self.manifest.files if graphs is None else graphs:
            self._runner(graph)

    def decode(self, z: Float32, texture: Float32, *, deadline_s: float = OFFLINE_DEADLINE_S) -> Float32:
        """Linear magnitudes [F, B] of latent point `z` [D], drawn with log-magnitude noise `texture` [F, B].

        The array is float32, C-contiguous and the caller's own; values are finite, from 0 to `MAX_MAGNITUDE`.
        Raises DeadlineError, OutputError, InferenceError (see `session`); BundleError when the decoder was
        opened lazily and fails its checks; ValueError for a wrong shape.
        """
        spec, runner = self.spec, self._runner("decoder")
        feeds = {
            "z": _batch_of_one("z", z, (self.manifest.latent_size,)),
            "texture": _batch_of_one("texture", texture, (spec.frames, spec.bins)),
        }
        magnitudes: Float32 = runner.run(feeds, deadline_s)[0]
        if magnitudes.min() < 0.0 or magnitudes.max() > MAX_MAGNITUDE:
            np.clip(magnitudes, 0.0, MAX_MAGNITUDE, out=magnitudes)
        return magnitudes

    def encode(self, magnitudes: Float32, *, deadline_s: float = OFFLINE_DEADLINE_S) -> Float32:
        """Latent point [D] of linear magnitudes [F, B]. Raises as `decode` does."""
        return self._of_sound("encoder", magnitudes, deadline_s)

    def capture(self, magnitudes: Float32) -> tuple[Float32, Detail]:
        """Latent point [D] of linear magnitudes [F, B], and the detail that its decoding lacks.

        Decodes twice, about 0.1 s in all. Raises as `decode` does.
        """
        z = self.encode(magnitudes)
        return z, detail_capture.of_decoder(magnitudes, lambda field: self.decode(z, field), self.spec)

    def classify(self, magnitudes: Float32, *, deadline_s: float = OFFLINE_DEADLINE_S) -> Float32:
        """Class probabilities [C], in the order of `manifest.classes`, of linear magnitudes [F, B].

        Raises as `decode` does; BundleError when the model has no classifier.
        """
        return self._of_sound("classifier", magnitudes, deadline_s)

    def _of_sound(self, graph: str, magnitudes: Float32, deadline_s: float) -> Float32:
        runner = self._runner(graph)
        checked = _batch_of_one("magnitudes", magnitudes, (self.spec.frames, self.spec.bins))
        feeds = {"log_magnitude": scale.compress(checked, self.spec)}
        output: Float32 = runner.run(feeds, deadline_s, gives_way=graph != "classifier")[0]
        return output

    def _runner(self, graph: str) -> GraphRunner:
        runner = self._runners.get(graph)
        if runner is not None:
            return runner
        if graph not in self.manifest.files:
            raise BundleError(
                f"model {self.manifest.name} has no {graph}; choose a model that was trained with one"
            )
        with self._opening:
            if graph not in self._runners:
                self._runners[graph] = verify.open_graph(
                    self.folder, self.manifest, graph, warm_up=self._warm_up
                )
            return self._runners[graph]


def load(name_or_path: str | os.PathLike[str], *, warm_up: bool = True, lazy: Iterable[str] = ()) -> Model:
    """The model of a bundle given by name or path (see `bundle.find`), verified and warmed up.

    Graphs named in `lazy` ("encoder", "decoder", "classifier") are verified when first used, or by
    `Model.prepare`. `warm_up=False` leaves out the trial runs, for tools that only look at a bundle.
    Raises BundleError, which names the file and what is wrong with it.
    """
    folder = bundle.find(name_or_path)
    manifest = Manifest.from_file(inside(folder, bundle.MANIFEST_NAME))
    model = Model(folder, manifest, warm_up=warm_up)
    model.prepare([graph for graph in manifest.files if graph not in set(lazy)])
    return model


def _batch_of_one(name: str, values: Float32, shape: tuple[int, ...]) -> Float32:
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, the model takes {shape}")
    return array[None]
