"""A model's latent space as its manifest describes it: axes, and where its sounds are likely to be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.manifest import Axis, Manifest
from ghostnote.latent.mixer import Axes, shift
from ghostnote.state.table import AXES, NAMED_AXES

Float32 = NDArray[np.float32]


def axes_of(manifest: Manifest, most: int | None = None) -> Axes:
    """The model's principal axes, at most `most`, widest spread first as the manifest has them.

    Those are the axes whose names are none of `NAMED_AXES`; where all are, it is all of them.
    """
    principal = [axis for axis in manifest.axes if axis.name not in NAMED_AXES] or list(manifest.axes)
    return _axes(manifest, principal[:most])


def controls_of(manifest: Manifest) -> Axes:
    """What the parameters `axis/…` move: principal axes as d1, d2 …, and the model's named ones."""
    principal = axes_of(manifest, len(AXES))
    named = _axes(manifest, [axis for axis in manifest.axes if axis.name in NAMED_AXES])
    names = (*AXES[: len(principal.names)], *named.names)
    return Axes(names, np.concatenate([principal.steps, named.steps]))


def _axes(manifest: Manifest, axes: Sequence[Axis]) -> Axes:
    steps = np.array([np.asarray(a.direction) * a.spread for a in axes], dtype=np.float32)
    return Axes(tuple(a.name for a in axes), steps.reshape(len(axes), manifest.latent_size))


def likely_point(manifest: Manifest, epsilon: Float32) -> Float32:
    """A random point where the model's sounds are, shape (D,): of one of its kinds, each as often as there
    are sounds of it; without kinds the mean plus chance along each axis.

    `epsilon`: shape (D + 1,), standard normal; the last number says which kind. Without axes as well it
    is the draw itself.
    """
    chance, which = np.asarray(epsilon[:-1], dtype=np.float32), float(epsilon[-1])
    if manifest.kinds:
        level = 0.5 * (1.0 + math.erf(which / math.sqrt(2.0)))
        ends = np.cumsum([kind.share for kind in manifest.kinds])
        kind = manifest.kinds[min(int(np.searchsorted(ends, level)), len(ends) - 1)]
        return np.asarray(kind.mean + chance[: len(kind.steps)] @ kind.steps, dtype=np.float32)
    axes = axes_of(manifest)
    if not axes.names:
        return chance
    middle = np.asarray(manifest.latent_mean, dtype=np.float32)
    return shift(middle, axes, chance[: len(axes.names)])
