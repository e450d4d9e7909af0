"""Onsets heard live: how soon they are told, how many are missed, how many are none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.bench import onset_scenes as scenery
from ghostnote.bench.onset_scenes import RATE, Scene
from ghostnote.bench.onset_score import TOLERANCE_S, Counts, match, score, total
from ghostnote.features.onset_stream import Onset, OnsetStream, StreamOptions

Float32 = NDArray[np.float32]

BLOCK = 128
BED_S = 60.0
SENSITIVITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
_SETTLED_S = 1.0
"""A bed begins too, and that is an onset: none is counted as false before this."""
_OPENING_S = 0.4
"""So does that of a scene, where sounds come later."""


@dataclass
class Heard:
    """What the live detector did on scenes and on what holds no onset.

    `after_ms`: from a sound's beginning to the sample at which it was told; `false_per_minute` by what was
    listened to; `false_in_scenes` those a minute amid sounds, without the beginnings of what lies under them,
    which `counts` has; `share`: processor time over the length of the sound.
    """

    counts: Counts = field(default_factory=Counts)
    after_ms: list[float] = field(default_factory=list)
    false_per_minute: dict[str, float] = field(default_factory=dict)
    false_in_scenes: float = float("nan")
    share: float = float("nan")


def listen(samples: Float32, options: StreamOptions | None = None) -> list[Onset]:
    """Onsets of a recording that is played in blocks of 128 samples, in the order of their beginnings."""
    stream = OnsetStream(RATE, options)
    found = [o for at in range(0, len(samples), BLOCK) for o in stream.process(samples[at : at + BLOCK])]
    return sorted(found, key=lambda onset: onset.at)


def heard(made: Sequence[Scene], folder: Path, options: StreamOptions | None = None) -> Heard:
    """Listen to scenes, to a minute of pieces of each ambience, and to noise."""
    out = Heard()
    tolerance, openings = round(TOLERANCE_S * RATE), 0
    began = time.thread_time()
    told = [listen(scene.samples, options) for scene in made]
    out.share = (time.thread_time() - began) / scenery.total_s(made)
    for scene, found in zip(made, told, strict=True):
        at = np.array([onset.at for onset in found], dtype=np.int64)
        out.counts.add(total(score(scene, at)))
        openings += int((at < _OPENING_S * RATE).sum())
        audible = [p for p in scene.placed if p.audible]
        for j, k in match(at, [(p.start, p.begins) for p in audible], tolerance):
            out.after_ms.append(1000.0 * (found[j].decided - audible[k].begins) / RATE)
    out.false_in_scenes = 60.0 * (out.counts.false - openings) / scenery.total_s(made)
    rng, length = np.random.default_rng(0), round(BED_S * RATE)
    beds = {n: scenery.stretch(a, length, rng) for n, a in scenery.ambiences(folder).items()}
    beds["pink noise"] = scenery.pink(length, rng) * np.float32(0.05)
    for name, bed in beds.items():
        none = [o for o in listen(bed, options) if o.at >= _SETTLED_S * RATE]
        out.false_per_minute[name] = 60.0 * len(none) / (BED_S - _SETTLED_S)
    return out


def row(found: Heard) -> dict[str, object]:
    """A row of the table: accuracy, false onsets per minute by what was listened to, cost."""
    counts = found.counts
    out: dict[str, object] = {"F1": counts.f1, "precision": counts.precision, "recall": counts.recall}
    out |= {f"false in {name}": rate for name, rate in found.false_per_minute.items()}
    out["false amid sounds"] = found.false_in_scenes
    out["share of a core"] = found.share
    return out


def curve(made: Sequence[Scene], folder: Path) -> list[dict[str, object]]:
    """Rows: at each sensitivity the share of sounds that are missed, false onsets per minute on ambiences and
    amid sounds, and how soon sounds are told."""
    rows: list[dict[str, object]] = []
    for sensitivity in SENSITIVITIES:
        found = heard(made, folder, StreamOptions(sensitivity=sensitivity))
        beds = [found.false_per_minute[name] for name in scenery.ambiences(folder)]
        after = found.after_ms or [np.nan]
        rows.append(
            {
                "sensitivity": sensitivity,
                "missed": 1.0 - found.counts.recall,
                "false on ambiences": float(np.mean(beds or [np.nan])),
                "false in pink noise": found.false_per_minute["pink noise"],
                "false amid sounds": found.false_in_scenes,
                "told after, p50 ms": float(np.median(after)),
                "p95 ms": float(np.quantile(after, 0.95)),
            }
        )
    return rows
