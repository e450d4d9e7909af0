"""What is drawn in training: every sound, its variants, synthesis beside it, and how often each."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import UsageError
from ghostnote_training import cache, data, synth
from ghostnote_training.data import Entry
from ghostnote_training.dataset.options import DatasetOptions
from ghostnote_training.dataset.pieces import Piece
from ghostnote_training.dataset.split import drum_name

SPEEDS = {"none": (0.72, 1.38), "folders": (0.84, 1.19)}
"""Within what speeds variants lie; a class may be one because of its pitch."""
TOM_SPEEDS = (0.94, 1.06)
LENGTHS = (0.8, 1.25)
"""Within what the length of variants that keep their pitch apart from it lies."""
SYNTH_PER_CLASS = (40, 1000)


def entries_of(pieces: Sequence[Piece], options: DatasetOptions) -> list[Entry]:
    """Every sound as it is, then its variants; they depend on the sound and the seed, not on what else is
    there.
    """
    out = []
    for piece in pieces:
        made = [piece.sound()]
        low, high = (
            TOM_SPEEDS if (drum_name(piece.label) or "").startswith("tom") else SPEEDS[options.classes]
        )
        number = zlib.crc32(f"{piece.content}@{piece.start}".encode())
        for k in range(options.variants + options.machined):
            rng = np.random.default_rng([options.seed, number, k])
            speed = round(math.exp(rng.uniform(math.log(low), math.log(high))), 4)
            if k >= options.variants:
                made.append(piece.sound("machined", speed))
            elif k % 2 == 0:
                made.append(piece.sound(speed=speed))
            else:
                length = math.exp(rng.uniform(math.log(LENGTHS[0]), math.log(LENGTHS[1])))
                made.append(piece.sound(speed=speed, pace=round(1.0 / (speed * length), 4)))
        out += [Entry(sound, piece.label, piece.group) for sound in made]
    return out


def plain_entries(pieces: Sequence[Piece]) -> list[Entry]:
    """Every sound as it is."""
    return [Entry(piece.sound(), piece.label, piece.group) for piece in pieces]


def synth_labels(classes: Sequence[str], options: DatasetOptions) -> dict[str, str]:
    """The synthesiser's classes that are mixed in, each with the class that its sounds get.

    Raises UsageError when folders are classes and none is called like one that the synthesiser has.
    """
    if not options.synth_share:
        return {}
    wanted = options.synth_classes or tuple(synth.MAKERS)
    if options.classes == "none":
        return dict.fromkeys(wanted, "")
    found = {drum_name(name): name for name in classes}
    labels = {label: found[label] for label in wanted if label in found}
    if not labels:
        raise UsageError(
            f"synthesis is to be mixed in, but no class folder is called like what it makes "
            f"({', '.join(wanted)}); rename folders, or leave it out"
        )
    return labels


def synth_entries(labels: dict[str, str], real: int, options: DatasetOptions) -> list[Entry]:
    """Synthesised sounds, as many as the share needs beside `real` others, labelled as the
    synthesiser does.
    """
    share = options.synth_share
    fair = math.ceil(real * share / (1.0 - share) / len(labels)) if labels else 0
    count = options.synth_per_class or min(max(fair, SYNTH_PER_CLASS[0]), SYNTH_PER_CLASS[1])
    return [
        Entry(cache.synth_sound(label, index, options.seed), label, f"synth/{label}/{index}")
        for label in labels
        for index in range(count)
    ]


def weigh(real: Sequence[Entry], made: Sequence[Entry], share: float) -> NDArray[np.float64]:
    """Probability of drawing each: synthesis by its share, in both classes and groups balanced."""
    if not made:
        return data.draw_weights(real)
    return np.concatenate([data.draw_weights(real) * (1.0 - share), data.draw_weights(made) * share])
