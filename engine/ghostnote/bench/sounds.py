"""Which of a model's sounds are fit for measuring: a sharp onset, or two lasting sounds far apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench.detect import FLOOR
from ghostnote.core.engine import Engine
from ghostnote.core.instrument import CHANNELS, Instrument
from ghostnote.decode.inline import InlineDecoder
from ghostnote.decode.model import Model
from ghostnote.state.table import PARTS, ROOT
from ghostnote.synth.texture import TextureBank
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

LASTS_FROM_S, LASTS_TO_S = 0.1, 0.34
"""Part of a sound in which a knob is moved and its effect is looked for."""
_QUIET = 1e-3
_SHAPE_BANDS = 24


@dataclass(frozen=True)
class Strike:
    """A prototype and how long after a note's start its first loud sample comes out of the chain."""

    prototype: str
    onset_ms: float


def sharpest(model: Model, rate: int) -> Strike:
    """The prototype whose hit is loud soonest; `onset_ms` includes resampler, limiter and detection.

    `prototype` is empty for a model without prototypes (then its mean point is struck).
    """
    names = sorted(model.manifest.prototypes) or [""]
    strikes = [Strike(name, onset_ms(model, name, rate)) for name in names]
    return min(strikes, key=lambda strike: strike.onset_ms)


def onset_ms(model: Model, prototype: str, rate: int) -> float:
    """Milliseconds from a note's start to its first sample above `FLOOR` at `rate`, rendered offline."""
    engine = Engine(model, InlineDecoder(model, Telemetry()), decode_delay=8)
    if prototype:
        engine.fill_slot("a", np.asarray(model.manifest.prototypes[prototype], dtype=np.float32), prototype)
        engine.set_value(f"{ROOT}/part{PARTS[0]}/weight/a", 1.0)
    engine.prime(model.decode)
    instrument = Instrument(engine, rate)
    engine.hit(PARTS[0], 0, 0.9)
    block = np.zeros((rate // 10, CHANNELS), dtype=np.float32)
    instrument.read(block)
    loud = np.flatnonzero(np.abs(block[:, 0]) > FLOOR)
    return 1e3 * int(loud[0]) / rate if loud.size else float("inf")


def far_apart(model: Model) -> tuple[str, str]:
    """Two prototypes that both last for a third of a second and whose spectra differ most.

    Raises ValueError for a model with fewer than two prototypes.
    """
    spec, textures = model.spec, TextureBank(model.spec, seed=0)
    low, high = (round(s * spec.sample_rate / spec.hop) for s in (LASTS_FROM_S, LASTS_TO_S))
    shapes: dict[str, NDArray[np.float64]] = {}
    lasting: dict[str, float] = {}
    for name, point in model.manifest.prototypes.items():
        magnitudes = model.decode(np.asarray(point, dtype=np.float32), textures.take(0))[low:high]
        shapes[name] = _shape(magnitudes)
        lasting[name] = float(np.quantile(magnitudes.max(axis=1), 0.1))
    names = sorted(shapes)
    if len(names) < 2:
        raise ValueError("the model has fewer than two prototypes to go between")
    enough = [name for name in names if lasting[name] > _QUIET]
    if len(enough) < 2:
        enough = sorted(names, key=lambda name: -lasting[name])[:2]
    pairs = [(a, b) for i, a in enumerate(enough) for b in enough[i + 1 :]]
    return min(pairs, key=lambda pair: float(shapes[pair[0]] @ shapes[pair[1]]))


def _shape(magnitudes: Float32) -> NDArray[np.float64]:
    power = (magnitudes.astype(np.float64) ** 2).sum(axis=0)
    edges = np.unique(np.geomspace(1, len(power), _SHAPE_BANDS + 1).astype(np.intp))
    pooled = np.sqrt(np.add.reduceat(power, edges[:-1]))
    return np.asarray(pooled / (np.linalg.norm(pooled) + 1e-20))
