"""What ears take sounds for while they come in, beside the classifier on the same sounds from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.model import Model
from ghostnote.ears.listener import MILESTONES_S, SHOWN, Listener
from ghostnote.ears.sounds import Began, Question
from ghostnote.ears.thinker import Thinker, heard_magnitudes
from ghostnote.errors import AudioFileError
from ghostnote.features import audio_file
from ghostnote.features.stft import magnitudes

Float32 = NDArray[np.float32]

WHERE = "drum_machines_dev"
WHEN = ("30 ms", "60 ms", "120 ms", "final")
_BLOCK = 128
_BEFORE_S, _AFTER_S = 0.6, (0.3, 0.6)
_BED_DB = -70.0
_TOLERANCE_S = 0.05
_SILENT = 1e-4


@dataclass(frozen=True)
class Known:
    """A sound whose class is known, `samples` (n,) from its onset on at the model's rate."""

    index: int
    samples: Float32


def sounds(folder: Path, model: Model, each: int) -> list[Known]:
    """Up to `each` sounds of every class of the model for which there is a folder."""
    found: list[Known] = []
    for index, name in enumerate(model.manifest.classes):
        paths = sorted((folder / WHERE / name).glob("*.flac"))
        for path in paths[:: max(1, len(paths) // each)][:each]:
            try:
                samples = audio_file.load(path, model.spec)
            except AudioFileError:
                continue
            loud = np.flatnonzero(np.abs(samples) > _SILENT)
            found.append(Known(index, samples[: int(loud[-1]) + 1]))
    return found


def offline(known: Known, model: Model) -> list[int]:
    """Classes of the sound from a file: at each milestone its beginning alone, then all of it."""
    rate = model.spec.sample_rate
    given = [
        Question(1, 0, 0, shown, False, known.samples[: round(s * rate)], s)
        for s, shown in zip(MILESTONES_S, SHOWN, strict=True)
    ]
    found = [int(model.classify(heard_magnitudes(question, model)).argmax()) for question in given]
    return [*found, int(model.classify(magnitudes(known.samples, model.spec)).argmax())]


def live(stock: Sequence[Known], thinker: Thinker, seed: int) -> list[list[int] | None]:
    """Classes of the same sounds at the same ages as they come in, one after the other over faint noise; None
    where a sound was missed."""
    rng, rate = np.random.default_rng(seed), thinker.model.spec.sample_rate
    pieces, starts, at = [], [], 0
    for known in stock:
        before, after = round(_BEFORE_S * rate), round(rng.uniform(*_AFTER_S) * rate)
        starts.append(at + before)
        pieces.append(np.pad(known.samples, (before, after)))
        at += len(pieces[-1])
    stream = np.concatenate(pieces)
    stream += (10.0 ** (_BED_DB / 20.0) * rng.standard_normal(len(stream))).astype(np.float32)
    listener = Listener(thinker.model.spec)
    begun: dict[int, int] = {}
    said: dict[int, dict[str, int]] = {}
    for k in range(0, len(stream), _BLOCK):
        for event in listener.process(stream[k : k + _BLOCK]):
            if isinstance(event, Began):
                begun[event.number] = event.at
                continue
            best = int(thinker.answer(event).probabilities.argmax())
            when = "final" if event.final else WHEN[SHOWN.index(event.frames)]
            said.setdefault(event.number, {})[when] = best
    out: list[list[int] | None] = []
    for start in starts:
        near = min(begun, key=lambda number: abs(begun[number] - start), default=None)
        if near is None or abs(begun[near] - start) > _TOLERANCE_S * rate:
            out.append(None)
            continue
        answers = said.get(near, {})
        # An answer that a better one followed at once is that one.
        out.append([next((answers[w] for w in WHEN[k:] if w in answers), -1) for k in range(len(WHEN))])
    return out


def accuracy(folder: Path, model: Model, each: int, seed: int) -> tuple[list[dict[str, object]], float]:
    """Rows (when, live, from files, the difference in points), and the share of sounds that were missed."""
    stock = sounds(folder, model, each)
    heard = live(stock, Thinker(model), seed)
    pairs = [(k, h, offline(k, model)) for k, h in zip(stock, heard, strict=True) if h is not None]
    rows: list[dict[str, object]] = []
    for column, when in enumerate(WHEN):
        right = [float(np.mean([h[column] == k.index for k, h, _ in pairs]))]
        right.append(float(np.mean([f[column] == k.index for k, _, f in pairs])))
        points = 100.0 * (right[0] - right[1])
        rows.append({"when": when, "live": right[0], "from files": right[1], "points": points})
    return rows, 1.0 - len(pairs) / max(1, len(stock))
