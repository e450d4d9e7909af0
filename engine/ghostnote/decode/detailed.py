"""A model that plays with a detail: it draws the noise as it was, and what it lacks is put onto its sound."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.decoder import DecoderModel
from ghostnote.features import detail_apply
from ghostnote.features.detail import Blend
from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]


def decode(
    by: Callable[[Float32, Float32], Float32],
    z: Float32,
    texture: Float32,
    detail: Blend | None,
    spec: FeatureSpec,
) -> Float32:
    """What `by` decodes, magnitudes (F, B) of a point (D,), with a detail; None: that alone."""
    if detail is None:
        return by(z, texture)
    layers = detail.layers
    rough = detail_apply.roughened(texture, layers, spec)
    magnitudes = by(z, rough)
    detail_apply.apply(magnitudes, rough, layers, spec)
    return magnitudes


class Detailed:
    """What a decoder needs of a model, for one job. Thread: any; not realtime-safe."""

    def __init__(self, model: DecoderModel, detail: Blend, spec: FeatureSpec) -> None:
        self._model = model
        self._detail = detail
        self._spec = spec

    def decode(self, z: Float32, texture: Float32, *, deadline_s: float) -> Float32:
        """Magnitudes (F, B) of a point (D,) with the detail. Raises as the model's own `decode`."""
        return decode(
            partial(self._model.decode, deadline_s=deadline_s), z, texture, self._detail, self._spec
        )

    def live_deadline_s(self, graph: str = "decoder") -> float:
        """That of the model: a detail takes a fraction of a millisecond."""
        return self._model.live_deadline_s(graph)
