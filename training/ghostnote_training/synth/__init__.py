"""Procedural drums: seeded, widely randomised one-shots in the manner of analogue and digital drum
machines.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ghostnote_training.audio import cut_to_onset, fit
from ghostnote_training.synth import drums, metal
from ghostnote_training.synth.dsp import RATE, Float64, Rng
from ghostnote_training.synth.finish import finish

__all__ = ["MAKERS", "VERSION", "draw", "finish"]

VERSION = 1
"""Raise it when the sounds change, so that cached features are made again."""

MAKERS: dict[str, Callable[[Rng], Float64]] = {
    "kick": drums.kick,
    "snare": drums.snare,
    "hihat_closed": lambda rng: metal.hat(rng, open_hat=False),
    "hihat_open": lambda rng: metal.hat(rng, open_hat=True),
    "tom_low": lambda rng: drums.tom(rng, 55.0, 112.0),
    "tom_mid": lambda rng: drums.tom(rng, 92.0, 165.0),
    "tom_high": lambda rng: drums.tom(rng, 135.0, 300.0),
    "clap": metal.clap,
    "rim": drums.rim,
    "crash": lambda rng: metal.cymbal(rng, ride=False),
    "ride": lambda rng: metal.cymbal(rng, ride=True),
    "cowbell": metal.cowbell,
    "perc": metal.percussion,
}
"""One maker for each class."""


def draw(label: str, index: int, seed: int) -> NDArray[np.float32]:
    """The `index`-th sound of a class, shape (88064,), mono at 44.1 kHz, |x| ≤ 1, starting at its onset.

    The same (label, index, seed) gives the same samples. Raises KeyError for a class without a maker.
    """
    from ghostnote.features.spec import FeatureSpec

    spec = FeatureSpec()
    if spec.sample_rate != RATE:
        raise ValueError(f"the synthesiser runs at {RATE} Hz, features at {spec.sample_rate} Hz")
    rng = np.random.default_rng([seed, zlib.crc32(label.encode()), index])
    raw = finish(rng, MAKERS[label](rng))
    return fit(cut_to_onset(raw.astype(np.float32)), spec)
