"""The small network that says of each frame whether a sound begins, and how it is taught."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from ghostnote.features.onset_evidence import FEATURES
from ghostnote_training.onsets.scenes import Seen

Float32 = NDArray[np.float32]

BAND_UNITS, FRAME_UNITS, FRAMES = 16, 24, 10
"""Numbers made of each band, of each frame, and the last frames that are looked at."""
CHUNK = 1250
"""Frames of a scene that are learned from at once."""
ONSETS = 48
"""Onsets in them, at most."""
WINDOW = 18
"""Frames before the last in which an onset may be told that are looked at."""
QUIET = 25
"""Frames of which the one that speaks most for an onset counts, where there is none."""
_SOON_WEIGHT = 0.4
_FAR = -1e4
_PACE = 4e-3


class OnsetNet(keras.Model):
    """Evidence (n, frames, bands, FEATURES) → how much speaks for an onset (n, frames), in nats.

    Each band goes through the same layer; mean and largest over bands are looked at over the last frames.
    """

    def __init__(self) -> None:
        super().__init__()
        self.of_band = keras.layers.Dense(BAND_UNITS, activation="relu")
        self.of_band_again = keras.layers.Dense(BAND_UNITS, activation="relu")
        self.of_frames = keras.layers.Conv1D(FRAME_UNITS, FRAMES, activation="relu", padding="causal")
        self.says = keras.layers.Dense(1)

    def call(self, evidence: Any) -> Any:
        """See the class."""
        bands = self.of_band_again(self.of_band(ops.cast(evidence, "float32")))
        pooled = ops.concatenate([ops.mean(bands, axis=2), ops.max(bands, axis=2)], axis=-1)
        return ops.squeeze(self.says(self.of_frames(pooled)), axis=-1)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        """Of each onset the frame that speaks most for it, soon and at all; of each tenth of a second without
        one the frame that speaks most."""
        windows = ops.take_along_axis(y_pred, ops.reshape(y["frames"], (ops.shape(y_pred)[0], -1)), axis=1)
        windows = ops.reshape(windows, (-1, ONSETS, WINDOW))
        there = y["there"]
        total = ops.sum(there[..., 0]) + 1.0
        at_all = ops.max(windows, axis=-1)
        soon = ops.max(ops.where(y["soon"] > 0, windows, _FAR), axis=-1)
        missed = ops.sum(there[..., 0] * (ops.softplus(-at_all) + _SOON_WEIGHT * ops.softplus(-soon))) / total
        alone = ops.where(y["silent"] > 0, y_pred, _FAR)
        loudest = ops.max(ops.reshape(alone, (-1, CHUNK // QUIET, QUIET)), axis=-1)
        counts = ops.cast(loudest > 0.5 * _FAR, "float32")
        false = ops.sum(counts * ops.softplus(loudest)) / (ops.sum(counts) + 1.0)
        return missed + false


def batches(
    seen: Sequence[Seen], count: int, rng: np.random.Generator
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Without end: `count` chunks of random scenes, and what is true of them."""
    while True:
        made = [_chunk(seen[int(k)], rng) for k in rng.integers(0, len(seen), count)]
        x = np.stack([m[0] for m in made])
        yield x, {key: np.stack([m[1][key] for m in made]) for key in made[0][1]}


def _chunk(scene: Seen, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    start = int(rng.integers(0, len(scene.silent) - CHUNK + 1))
    frames = np.zeros((ONSETS, WINDOW), dtype=np.int32)
    soon = np.zeros((ONSETS, WINDOW), dtype=np.float32)
    there = np.zeros((ONSETS, 1), dtype=np.float32)
    inside = (scene.onsets[:, 0] >= start) & (scene.onsets[:, 2] < start + CHUNK)
    for k, (first, early, last) in enumerate(scene.onsets[inside][:ONSETS] - start):
        at = last - np.arange(WINDOW)
        frames[k] = np.clip(at, first, None)
        soon[k] = at <= early
        there[k] = 1.0
    silent = scene.silent[start : start + CHUNK].copy()
    silent[:FRAMES] = False
    truth = {"frames": frames, "soon": soon, "there": there, "silent": silent.astype(np.float32)}
    return scene.evidence[start : start + CHUNK], truth


def teach(seen: Sequence[Seen], steps: int, seed: int, chunks: int, say: Callable[[str], None]) -> OnsetNet:
    """A network taught by so many steps of so many chunks."""
    keras.utils.set_random_seed(seed)
    net = OnsetNet()
    net(np.zeros((1, CHUNK, seen[0].evidence.shape[1], FEATURES), dtype=np.float32))
    net.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_PACE, steps), clipnorm=1.0)
    )
    given = batches(seen, chunks, np.random.default_rng(seed))
    every = max(1, steps // 10)
    losses: list[float] = []
    for step in range(1, steps + 1):
        losses.append(float(net.train_on_batch(*next(given))))
        if step % every == 0:
            say(f"step {step} of {steps}: loss {np.mean(losses[-every:]):.4f}")
    return net


def weights(net: OnsetNet) -> dict[str, Float32]:
    """Its numbers by the names that `features.onset_judge` knows."""
    names = (
        "band",
        "band_offset",
        "again",
        "again_offset",
        "frames",
        "frames_offset",
        "onset",
        "onset_offset",
    )
    values = (
        value
        for layer in (net.of_band, net.of_band_again, net.of_frames, net.says)
        for value in layer.get_weights()
    )
    return {name: np.asarray(value, dtype=np.float32) for name, value in zip(names, values, strict=True)}
