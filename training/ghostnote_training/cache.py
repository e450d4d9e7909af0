"""Features of many sounds on disk: one float16 array, keyed by content and settings, written once."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import audio, synth
from ghostnote_training.corpus import Item

VERSION = 1
"""Raise it when features change."""

HEADROOM_DB = 20.0
"""How far below the model's floor the cache reaches, so that quiet detail survives gain augmentation."""


def log_scale(magnitude: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float32]:
    """The scale of `features.scale.compress` continued below 0 by the headroom. Any shape; same shape out."""
    span = -math.log(spec.floor)
    lowest = spec.floor * 10.0 ** (-HEADROOM_DB / 20.0)
    return np.asarray(1.0 + np.log(np.maximum(magnitude, lowest)) / span, dtype=np.float32)


def features(samples: NDArray[np.float32], spec: FeatureSpec) -> NDArray[np.float16]:
    """Cached form of one sound, shape (frames, bins)."""
    return log_scale(stft.magnitudes(samples, spec), spec).astype(np.float16)


Sound = tuple[str, str, float]
"""What to compute: ("file", path, speed) or ("synth", "class/index", seed)."""


def file_sound(item: Item, speed: float = 1.0) -> Sound:
    """The recipe for a file played at a speed."""
    return ("file", str(item.path), speed)


def synth_sound(label: str, index: int, seed: int) -> Sound:
    """The recipe for a synthesised sound."""
    return ("synth", f"{label}/{index}", float(seed))


def render(sound: Sound, spec: FeatureSpec) -> NDArray[np.float32]:
    """Samples of a recipe, shape (spec.samples,)."""
    kind, what, number = sound
    if kind == "file":
        return audio.load(Path(what), spec, number)
    label, index = what.split("/")
    return synth.draw(label, int(index), int(number))


def _rows(job: tuple[str, tuple[int, ...], int, list[Sound], FeatureSpec]) -> int:
    path, shape, first, sounds, spec = job
    out = np.lib.format.open_memmap(path, mode="r+", dtype=np.float16, shape=shape)
    for k, sound in enumerate(sounds):
        out[first + k] = features(render(sound, spec), spec)
    out.flush()
    return len(sounds)


def key(sounds: Sequence[Sound], spec: FeatureSpec) -> str:
    """Name of the cache for these recipes: changes with files' content, settings and code versions."""
    digest = hashlib.sha256(json.dumps([VERSION, synth.VERSION, audio.ONSET_DB, spec.as_dict()]).encode())
    for kind, what, number in sounds:
        digest.update(f"{kind}|{Path(what).name if kind == 'file' else what}|{number!r}".encode())
        if kind == "file":
            digest.update(hashlib.sha256(Path(what).read_bytes()).digest())
    return digest.hexdigest()[:20]


def build(
    sounds: Sequence[Sound],
    spec: FeatureSpec,
    folder: Path,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float16]:
    """Features of all recipes, shape (len(sounds), frames, bins), read-only memory map.

    Computed at the first call and renamed into place when complete, so an interrupted run leaves no half
    cache.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{key(sounds, spec)}.npy"
    if not final.exists():
        partial = folder / f"{final.stem}.{os.getpid()}.partial"
        shape = (len(sounds), spec.frames, spec.bins)
        np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=shape).flush()
        step = 64
        jobs = [
            (str(partial), shape, k, list(sounds[k : k + step]), spec) for k in range(0, len(sounds), step)
        ]
        done = 0
        with ProcessPoolExecutor(workers) as pool:
            for count in pool.map(_rows, jobs):
                done += count
                if progress is not None:
                    progress(done, len(sounds))
        partial.replace(final)
    return np.lib.format.open_memmap(final, mode="r")


class Joined:
    """Several feature arrays read as one; indexing by an integer array copies those rows as float32."""

    def __init__(self, parts: Sequence[NDArray[np.float16]]) -> None:
        self.parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        which = np.searchsorted(self._starts, index, side="right") - 1
        return np.stack(
            [self.parts[p][i - self._starts[p]] for p, i in zip(which, index, strict=True)]
        ).astype(np.float32)
