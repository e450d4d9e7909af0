"""Training sets in memory-mapped features: what is in them, how often each is drawn, and batches ahead
of time.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import augment, cache, synth
from ghostnote_training.corpus import CLASSES, Item

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Entry:
    """One training sound: its recipe, class, and the group that balances it."""

    sound: cache.Sound
    label: str
    group: str


def file_entries(items: Sequence[Item], speeds: Sequence[float] = (1.0,)) -> list[Entry]:
    """Entries of files at the given speeds."""
    return [
        Entry(cache.file_sound(item, speed), item.label, item.group) for item in items for speed in speeds
    ]


def respeed(
    items: Sequence[Item], seed: int, machined: bool = False, low: float = 0.72, high: float = 1.38
) -> list[Entry]:
    """Each file once more at a random speed, `machined` or as it is. Toms change class by pitch, so theirs
    stay near.
    """
    make = cache.machined_sound if machined else cache.file_sound
    rng = np.random.default_rng(seed)
    entries = []
    for item in items:
        near = item.label.startswith("tom")
        speed = float(np.exp(rng.uniform(np.log(0.94 if near else low), np.log(1.06 if near else high))))
        entries.append(Entry(make(item, round(speed, 4)), item.label, item.group))
    return entries


def synth_entries(per_class: int, per_extra: int, seed: int) -> list[Entry]:
    """Synthesised sounds: `per_class` of each of the nine classes, `per_extra` of the others."""
    entries = []
    for label in synth.MAKERS:
        for index in range(per_class if label in CLASSES else per_extra):
            entries.append(Entry(cache.synth_sound(label, index, seed), label, f"synth/{label}/{index}"))
    return entries


def draw_weights(
    entries: Sequence[Entry], class_power: float = 0.5, group_power: float = 0.5
) -> NDArray[np.float64]:
    """Probability of drawing each entry: classes count by their size to `class_power`, groups within
    likewise.
    """
    groups = Counter((entry.label, entry.group) for entry in entries)
    raw = np.array([groups[(e.label, e.group)] ** (group_power - 1.0) for e in entries])
    totals: dict[str, float] = {}
    sizes = Counter(entry.label for entry in entries)
    for entry, value in zip(entries, raw, strict=True):
        totals[entry.label] = totals.get(entry.label, 0.0) + value
    weights = np.array(
        [v / totals[e.label] * sizes[e.label] ** class_power for e, v in zip(entries, raw, strict=True)]
    )
    return np.asarray(weights / weights.sum())


class Batches:
    """Endless seeded batches, prepared by a thread a few ahead: (log magnitudes, indices).

    Batch k is a function of the seed and k alone, so that a run which begins at batch `first` gets what an
    uninterrupted one would have got.
    """

    def __init__(
        self,
        features: cache.Joined,
        weights: NDArray[np.float64],
        spec: FeatureSpec,
        options: augment.Augmentation,
        size: int,
        seed: int,
        first: int = 0,
    ) -> None:
        self._features, self._weights, self._spec = features, weights, spec
        self._options, self._size = options, size
        self._seed, self._number = seed, first
        self._trouble: Exception | None = None
        self._queue: queue.Queue[tuple[Float32, NDArray[np.int64]]] = queue.Queue(maxsize=4)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    def _make(self) -> tuple[Float32, NDArray[np.int64]]:
        rng = np.random.default_rng([self._seed, self._number])
        self._number += 1
        index = np.sort(rng.choice(len(self._weights), self._size, p=self._weights))
        raw = self._features[index]
        return augment.apply(raw, self._spec, self._options, rng), index

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                batch = self._make()
            except Exception as trouble:  # told where the batches are used
                self._trouble = trouble
                return
            while not self._closing.is_set():
                try:
                    self._queue.put(batch, timeout=0.5)
                    break
                except queue.Full:
                    continue

    def __iter__(self) -> Iterator[tuple[Float32, NDArray[np.int64]]]:
        while True:
            try:
                yield self._queue.get(timeout=0.5)
            except queue.Empty:
                if self._trouble is not None:
                    raise self._trouble from None

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._thread.join(timeout=5.0)
