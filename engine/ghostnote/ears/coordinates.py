"""Where a latent point lies on a model's principal axes, in units of the training sounds' spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.manifest import Manifest

Float32 = NDArray[np.float32]

COORDINATES = tuple(f"d{n}" for n in range(1, 9))
"""The principal axes of a model, as far as it has them."""


class Coordinates:
    """The axes among `COORDINATES` that a model has. Thread: any. Realtime-safe: `of`, bounded work."""

    def __init__(self, manifest: Manifest) -> None:
        axes = {axis.name: axis for axis in manifest.axes}
        found = [axes[name] for name in COORDINATES if name in axes]
        self.names = tuple(axis.name for axis in found)
        """Names of the coordinates that `of` gives."""
        rows = [np.asarray(axis.direction) / max(axis.spread, 1e-9) for axis in found]
        self._rows = np.array(rows, dtype=np.float32).reshape(len(rows), manifest.latent_size)
        self._mean = np.asarray(manifest.latent_mean, dtype=np.float32)

    def of(self, z: Float32) -> Float32:
        """Coordinates of a point (D,), shape (number of names,)."""
        return np.asarray(self._rows @ (z - self._mean), dtype=np.float32)
