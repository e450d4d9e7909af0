"""Which sound stands for a class: one that is clear, loud enough, and like the others."""

from __future__ import annotations

import numpy as np

from ghostnote_training import prototypes
from ghostnote_training.cache import Sound
from ghostnote_training.data import Entry


class Graphs:
    """A model that gives back what it is given: its latents are numbers of sounds; all are heard alike."""

    def __init__(self, spec, sounds) -> None:
        self.spec, self._sounds = spec, sounds

    def decode(self, z, field=None):
        return self._sounds[int(z[0])]

    def classify(self, magnitudes):
        return np.float32([1.0])


def _find(spec, sounds) -> int:
    latents = np.arange(len(sounds), dtype=np.float32)[:, None]
    entries = [Entry(Sound("synth", "a", k), "a", str(k)) for k in range(len(sounds))]
    found = prototypes.find(Graphs(spec, sounds), latents, entries, sounds, ["a"])
    return int(found["a"][0])


def _decay(spec, frames: float, peak: float) -> np.ndarray:
    fall = peak * np.exp(-np.arange(spec.frames) / frames)[:, None]
    return np.repeat(fall, spec.bins, axis=1).astype(np.float32)


def test_the_one_that_is_like_most_others(spec):
    """Of three that are as clear: the one that the others resemble, and not the first or the last."""
    sounds = [_decay(spec, frames, 0.5) for frames in (1.0, 9.8, 30.0, 9.0, 9.5, 10.0, 10.5)]
    assert _find(spec, sounds) == 1


def test_a_soft_one_does_not_stand_for_its_class(spec):
    """Fifty alike, two in three of them very soft."""
    sounds = [_decay(spec, 5.0 + 0.01 * k, 0.5 if k % 3 == 0 else 0.002) for k in range(51)]
    assert _find(spec, sounds) % 3 == 0
