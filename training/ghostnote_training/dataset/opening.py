"""Opens a folder as a training set: from walking through it to features that are ready to be drawn."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import DatasetError
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import cache, data
from ghostnote_training.crew import Crew
from ghostnote_training.data import Entry
from ghostnote_training.dataset import mixing, split
from ghostnote_training.dataset.ledger import Ledger, look_at_all
from ghostnote_training.dataset.look import Glance
from ghostnote_training.dataset.options import DatasetOptions
from ghostnote_training.dataset.pieces import LeftOut, Piece, sort_out
from ghostnote_training.dataset.report import Report
from ghostnote_training.dataset.summary import summarise
from ghostnote_training.dataset.walk import Walk, printable, walk
from ghostnote_training.store import write_whole

Progress = Callable[[str, int, int], None]
"""(what is being done, how many are done, of how many)."""


def quiet(what: str, done: int, total: int) -> None:
    """A progress that tells nothing."""


@dataclass(frozen=True)
class Sounds:
    """Sounds with features: a row, an entry and a probability of being drawn for each."""

    features: cache.Joined
    entries: list[Entry]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Dataset(Sounds):
    """A training set, the sounds to measure on (as they are; none where there is one group only), and the
    report.

    `classes` are the class names in the order of their numbers, () without classes; entries then have the
    label "".
    """

    classes: tuple[str, ...]
    held_out: Sounds
    report: Report


def open_dataset(
    folder: Path,
    options: DatasetOptions,
    cache_dir: Path,
    progress: Progress = quiet,
    spec: FeatureSpec | None = None,
    split_file: Path | None = None,
) -> Dataset:
    """Look through a folder, split it, and compute what is not in `cache_dir`; a second call finds it there.

    The split is kept in `split_file` (default: one for the folder and its classes in `cache_dir`) and holds
    for good: what was trained on is never measured on. No file stops it; raises DatasetError for a folder
    that holds nothing to learn from and when `cache_dir` cannot be used, UsageError for options that do not
    go with the folder.
    """
    spec = spec or FeatureSpec()
    by_class = options.classes == "folders"
    walked = walk(folder)
    _check_found(folder, walked)
    _check_place(cache_dir)
    with Crew(options.workers or None) as crew:
        pieces, left_out = _pieces(walked, options, spec, cache_dir, crew, progress)
        labels = mixing.synth_labels(_check_enough(folder, pieces, left_out, by_class), options)
        held = _split(folder, pieces, options, split_file, cache_dir)
        kept = [piece for piece, out in zip(pieces, held, strict=True) if not out]
        real = mixing.entries_of(kept, options)
        made = mixing.synth_entries(labels, len(real), options)
        plain = mixing.plain_entries([piece for piece, out in zip(pieces, held, strict=True) if out])
        entries = [*real, *made, *plain]
        rows, failed = cache.prepare(
            [entry.sound for entry in entries],
            spec,
            cache_dir,
            crew,
            lambda done, total: progress("computing features", done, total),
            {str(piece.found.path): piece.look.content for piece in pieces},
        )
    # What a decoder read once and then did not is rare, and no reason to stop either.
    bad = {entries[k].sound.what: why for k, why in failed.items()}
    left_out += [LeftOut(what, "broken", why) for what, why in bad.items()]
    held = [out for piece, out in zip(pieces, held, strict=True) if str(piece.found.path) not in bad]
    pieces = [piece for piece in pieces if str(piece.found.path) not in bad]
    classes = _check_enough(folder, pieces, left_out, by_class)
    good = [k for k, entry in enumerate(entries) if entry.sound.what not in bad]
    learnt = [k for k in good if k < len(real) + len(made)]
    measured = good[len(learnt) :]
    made = [entries[k] for k in learnt if k >= len(real)]
    real = [entries[k] for k in learnt if k < len(real)]
    if not real:
        raise DatasetError(
            f"{folder}: its files went away while they were read; is it on a disk that was removed?"
        )
    weights = mixing.weigh(real, made, options.synth_share)
    together = real + [replace(entry, label=labels[entry.label]) for entry in made]
    test = [entries[k] for k in measured]
    return Dataset(
        cache.Joined([rows.take(learnt)]),
        together,
        weights,
        classes,
        Sounds(cache.Joined([rows.take(measured)]), test, data.draw_weights(test) if test else np.zeros(0)),
        summarise(folder, walked, pieces, held, left_out, classes, together, weights),
    )


def _pieces(
    walked: Walk, options: DatasetOptions, spec: FeatureSpec, cache_dir: Path, crew: Crew, progress: Progress
) -> tuple[list[Piece], list[LeftOut]]:
    cuts = options.cuts if options.segment else None
    longest_s = max(spec.duration_s, options.cuts.max_length_s)
    glances = [Glance(file.path, cuts, longest_s) for file in walked.files]
    ledger = Ledger(cache_dir, [asdict(cuts) if cuts else None, longest_s])
    looks = look_at_all(glances, ledger, crew, lambda done, total: progress("looking at files", done, total))
    pieces, left_out = sort_out(walked.files, looks, options.classes == "folders")
    return pieces, left_out + [LeftOut(name, "folder not read", why) for name, why in walked.unread]


def _split(
    folder: Path, pieces: Sequence[Piece], options: DatasetOptions, file: Path | None, cache_dir: Path
) -> list[bool]:
    name = hashlib.sha256(f"{folder.resolve()}|{options.classes}".encode(errors="surrogatepass")).hexdigest()
    path = file or cache_dir / f"split-{name[:16]}.json"
    before = split.load(path)
    members = [piece.member for piece in pieces]
    held = split.choose(members, options.held_out, options.seed, before)
    split.save(path, members, held, before)
    return held


def _check_found(folder: Path, walked: Walk) -> None:
    if walked.files:
        return
    seen = [f"{walked.others} files of other kinds"] if walked.others else []
    seen += [f"{printable(name) or 'it'}: {why}" for name, why in walked.unread[:1]]
    raise DatasetError(
        f"{folder}: no sound files (wav, aiff, flac, mp3, ogg) are in it"
        + (f", only {', '.join(seen)}" if seen else "")
        + "; check the name of the folder"
    )


def _check_place(cache_dir: Path) -> None:
    probe = cache_dir / f"{uuid.uuid4().hex}.partial"
    write_whole(probe, [b"probe"])
    probe.unlink(missing_ok=True)


def _check_enough(
    folder: Path, pieces: Sequence[Piece], left_out: Sequence[LeftOut], by_class: bool
) -> tuple[str, ...]:
    """The classes. Raises DatasetError when there is too little to learn from."""
    if not pieces:
        counts = ", ".join(f"{n} {why}" for why, n in Counter(one.why for one in left_out).most_common())
        beside = [one for one in left_out if one.why == "no class"]
        one = (beside or left_out)[0]
        hint = "make a folder for each class, or use --classes none" if beside else "check them"
        raise DatasetError(
            f"{folder}: none of its {len(left_out)} sound files can be used ({counts}), such as "
            f"{printable(one.name)} ({printable(one.detail)}); {hint}"
        )
    if len(pieces) == 1:
        raise DatasetError(
            f"{folder}: one sound only can be used, {printable(pieces[0].found.name)}; a model "
            "needs some hundred: add sounds, or a recording of many"
        )
    classes = tuple(sorted({piece.label for piece in pieces})) if by_class else ()
    if len(classes) == 1:
        raise DatasetError(
            f"{folder}: one class only, {printable(classes[0])}; add a folder for another class, or use "
            "--classes none"
        )
    return classes
