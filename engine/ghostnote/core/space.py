"""A model's latent space as its manifest describes it: axes, and where its sounds are likely to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.manifest import Manifest
from ghostnote.latent.mixer import Axes, shift

Float32 = NDArray[np.float32]


def axes_of(manifest: Manifest, most: int | None = None) -> Axes:
    """The model's axes, at most `most`, widest spread first as the manifest has them."""
    axes = manifest.axes[:most]
    steps = np.array([np.asarray(a.direction) * a.spread for a in axes], dtype=np.float32)
    return Axes(tuple(a.name for a in axes), steps.reshape(len(axes), manifest.latent_size))


def likely_point(manifest: Manifest, epsilon: Float32) -> Float32:
    """A random point where the model's sounds are, shape (D,): the mean plus chance along each axis.

    `epsilon`: shape (D,), standard normal. The sounds learnt spread wider than the prior N(0, 1) in a few
    directions and hardly at all in the others, which the axes have and the prior has not. Without axes it is
    the draw itself.
    """
    axes = axes_of(manifest)
    if not axes.names:
        return epsilon
    return shift(np.asarray(manifest.latent_mean, dtype=np.float32), axes, epsilon[: len(axes.names)])
