"""Whether a sound begins, judged by a small network from what the bands of the last frames say."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

FILE = "onset_judge.json"
"""Its weights, beside this module; `python -m ghostnote_training onsets` makes them."""


class Judge:
    """What speaks for an onset in each frame of one signal, in nats: 0 is as likely as not.

    All bands go through the same layer, so that their number does not matter; the mean and the largest over
    bands are looked at over the last frames. `weights`: as in the file, by name.
    """

    def __init__(self, weights: dict[str, Float32] | None = None) -> None:
        weights = weights or shipped()
        self._layers = [(weights[n], weights[f"{n}_offset"]) for n in ("band", "again")]
        frames, per_frame, _ = weights["frames"].shape
        self._pooled = np.zeros((frames, per_frame), dtype=np.float32)
        self._frames = weights["frames"].reshape(frames * per_frame, -1)
        self._frames_offset = weights["frames_offset"]
        self._onset = weights["onset"][:, 0]
        self._onset_offset = float(weights["onset_offset"][0])

    def step(self, evidence: Float32) -> float:
        """Take what the bands of the next frame say, shape (bands, features)."""
        bands = evidence
        for layer, offset in self._layers:
            bands = bands @ layer
            bands += offset
            np.maximum(bands, 0.0, out=bands)
        self._pooled[:-1] = self._pooled[1:]
        half = bands.shape[1]
        bands.mean(axis=0, out=self._pooled[-1, :half])
        bands.max(axis=0, out=self._pooled[-1, half:])
        frames = self._pooled.reshape(-1) @ self._frames
        frames += self._frames_offset
        np.maximum(frames, 0.0, out=frames)
        return float(frames @ self._onset) + self._onset_offset


@cache
def shipped() -> dict[str, Float32]:
    """The weights that come with the engine."""
    text = resources.files("ghostnote.features").joinpath(FILE).read_text(encoding="utf-8")
    return {name: np.asarray(value, dtype=np.float32) for name, value in json.loads(text)["weights"].items()}
