"""The latent that stands for a class: a sound that comes back clearly, in the middle of its kind."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import scale
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import bands, bundle, evaluate, figures, texture
from ghostnote_training.data import Entry

Float32 = NDArray[np.float32]

HUM_DB = 60.0
"""How far under the peak a prototype may hum between hits at no cost."""

LOUD = 75
"""The percentile of a class's peaks under which a sound is too soft to stand for it."""


def _peak_db(sound: Float32) -> float:
    return 20.0 * math.log10(max(float(sound.max()), 1e-6))


def _shape(sound: Float32, spec: FeatureSpec) -> Float32:
    """What a sound is like, however loud: banded log magnitudes under the peak, four frames at a time."""
    banded = scale.compress(sound, spec) @ bands.averages(32, spec)
    frames = len(banded) // 4 * 4
    pooled = banded[:frames].reshape(-1, 4, banded.shape[1]).mean(axis=1)
    return np.asarray(np.maximum(pooled - pooled.max(), -0.7).ravel(), dtype=np.float32)


def find(
    graphs: evaluate.Graphs,
    latents: Float32,
    entries: Sequence[Entry],
    sounds: Sequence[Float32],
    classes: Sequence[str],
) -> dict[str, Float32]:
    """For each class the medoid of its clearest sounds: surely heard as the class after regeneration,
    with texture and without, well regenerated, silent where the sound was, and as loud as the louder ones.
    In the middle is what looks most like all others of the class. `sounds`: linear magnitudes of the
    entries.
    """
    fields = [texture.field(graphs.spec, seed) for seed in (13, 14)]
    found = {}
    for number, label in enumerate(classes):
        rows = [k for k, entry in enumerate(entries) if entry.label == label]
        clarity, shapes = [], np.stack([_shape(sounds[k], graphs.spec) for k in rows])
        loud_db = float(np.percentile([_peak_db(sounds[k]) for k in rows], LOUD))
        for k in rows:
            heard = [graphs.decode(latents[k]), *(graphs.decode(latents[k], field) for field in fields)]
            distance = figures.log_spectral_distance(sounds[k], heard[1], graphs.spec)
            sure = min(float(graphs.classify(magnitudes)[number]) for magnitudes in heard)
            hum_db = max(figures.hum(sounds[k], heard[0], graphs.spec) + HUM_DB, 0.0)
            soft_db = max(loud_db - _peak_db(sounds[k]), 0.0)
            clarity.append(sure - 0.02 * distance - 0.02 * hum_db - 0.02 * soft_db)
        found[label] = latents[rows[bundle.medoid(shapes, np.array(clarity, dtype=np.float32))]]
    return found
