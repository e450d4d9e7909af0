"""Folders of small generated sounds for tests: tones and noises in any format, and files that are none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

RATE = 44100


def hit(seed: int, seconds: float = 0.12, rate: int = RATE) -> np.ndarray:
    """A decaying tone with noise, different for each seed, shape (n,)."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * rng.uniform(80, 3000) * time)
    sound = (tone + 0.2 * rng.normal(size=len(time))) * np.exp(-time / rng.uniform(0.01, 0.03))
    return (0.6 * sound / np.abs(sound).max()).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, **options: str) -> Path:
    """Write a sound file of the kind that its name says, or that `format` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path


def fill(folder: Path, names: list[str], seed: int = 0) -> None:
    """One different hit for each name, as 16-bit wav."""
    for k, name in enumerate(names):
        write(folder / name, hit(seed + k))


def recording(hits: int, gap_s: float = 0.6) -> np.ndarray:
    """Clearly separate hits one after another, shape (n,)."""
    out = np.zeros(round((hits * gap_s + 0.1) * RATE), dtype=np.float32)
    for k in range(hits):
        at = round((0.05 + k * gap_s) * RATE)
        sound = hit(500 + k, 0.4)
        out[at : at + len(sound)] += sound
    return out


def open_and_kill(folder: str, cache_dir: str, batch: str) -> None:
    """What a process does that is killed on the way: opens a data set with small batches, tells what
    it does.
    """
    from ghostnote_training import cache
    from ghostnote_training.dataset import DatasetOptions, open_dataset

    cache.BATCH = int(batch)
    options = DatasetOptions(workers=1, variants=3)

    def tell(what: str, done: int, total: int) -> None:
        print(what, done, total, flush=True)

    dataset = open_dataset(Path(folder), options, Path(cache_dir), tell)
    print("opened", len(dataset), flush=True)


if __name__ == "__main__":
    open_and_kill(*sys.argv[1:])
