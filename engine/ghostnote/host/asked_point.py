"""A latent point as a query of a library: how it sounds is computed where more than the point counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.render import point_sound
from ghostnote.decode.model import Model
from ghostnote.errors import MessageError
from ghostnote.features import audio_file
from ghostnote.features.detail import Detail
from ghostnote.library.aspects import Weights
from ghostnote.library.search import query_at

if TYPE_CHECKING:
    from ghostnote.library.search import Query

Float32 = NDArray[np.float32]


def query_of_point(point: Float32, model: Model, weights: Weights, detail: str = "") -> Query:
    """A point, shape (D,), of a model, as `weights` need it. `detail`: text form of what is heard beside it.

    With more than the latent point it takes about as long as the sound. Raises MessageError for a detail that
    does not fit the model, AudioFileError for a point without a sound.
    """
    if point.shape != (model.manifest.latent_size,):
        raise MessageError(
            "range",
            f"a point of {point.size} numbers; the model takes {model.manifest.latent_size}",
        )
    if weights.latent_only:
        return query_at(point)
    beside = Detail.of_text(detail, model.spec) if detail else None
    heard = audio_file.mono(point_sound(model, point, beside))
    return query_at(point, model, audio_file.fit(heard, model.spec.sample_rate, model.spec))
