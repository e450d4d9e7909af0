"""Search by sound in a library on this machine, whose points are all held in memory."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode import bundle
from ghostnote.decode.files import inside
from ghostnote.decode.manifest import Manifest
from ghostnote.decode.model import Model, load
from ghostnote.errors import LibraryError, UsageError
from ghostnote.features import audio_file
from ghostnote.library import addresses, database, places, quick, words
from ghostnote.library.aspects import PLAIN, Space, Weights, scaled
from ghostnote.library.catalogue import Facts, path_for, read_facts
from ghostnote.library.descriptors import COLUMNS, Descriptors, as_row
from ghostnote.library.embedding import Sound, content_of, sound_of, sounds_in
from ghostnote.library.filters import Condition
from ghostnote.library.nearest import Exact, Index
from ghostnote.library.rows import Rows
from ghostnote.library.status import model_folder, status

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

SPACES = 4
"""Sets of weights whose points are kept."""
MASKS = 32
"""Conditions whose rows are kept."""
_SPARE = 16


@dataclass(frozen=True, eq=False)
class Query:
    """A sound that others are to be like. `content`: hash of its file, None where there is none; `said`: what
    its path says of its class; `span_s`: how much of its file was heard."""

    sound: Sound
    content: bytes | None = None
    said: str = ""
    span_s: float = 0.0


@dataclass(frozen=True)
class Neighbour:
    """A sound of the library: its file, where in it the sound begins, how far off it is, its class ("" where
    neither the model nor the path knows one), and how long it lasts (until it stays 60 dB below its peak)."""

    file: str
    onset_s: float
    distance: float
    class_name: str
    length_s: float


class Searchable(Protocol):
    """A library that can be asked, wherever its sounds are."""

    @property
    def facts(self) -> Facts:
        """What holds for all of its sounds."""

    @property
    def name(self) -> str:
        """What it is called."""

    def find(
        self,
        query: Query,
        count: int = 10,
        within: Sequence[Condition] = (),
        weights: Weights = PLAIN,
        *,
        itself: bool = False,
    ) -> list[Neighbour]:
        """The sounds nearest to a query, at most `count`, nearest first; of exact copies one.

        Without `itself`, neither the query's own sound nor one with the very same latent point is among them.
        Raises UsageError, LibraryError.
        """


class Library:
    """The sounds of a library for one model, as they were when it was opened. Thread: one at a time.

    Made by `open_library`.
    """

    def __init__(self, path: Path, facts: Facts, often: bool = True, make: bool = True) -> None:
        self.path, self.facts = path, facts
        self.rows = Rows(path, facts)
        self._spaces: OrderedDict[Weights, Space] = OrderedDict()
        self._masks: OrderedDict[Condition, Bool] = OrderedDict()
        self.quick: quick.Quick | None = None
        if often and quick.wanted(len(self)):
            self.quick = quick.Quick(path, facts.digest, self.space(PLAIN).points, make)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def name(self) -> str:
        """What the library is called."""
        return places.named(self.path.parent)

    @property
    def latents(self) -> Float32:
        """Latent points of all sounds, (n, D)."""
        return self.rows.aspects["latent"]

    @property
    def classes(self) -> list[str]:
        """The class of each sound, from the model's classifier and what paths say; "" where none is known."""
        return [self.rows.class_names[kind] for kind in self.rows.kinds.tolist()]

    def files(self) -> list[str]:
        """A path for each sound."""
        return [os.fsdecode(self.rows.paths[content][0]) for content in self.rows.contents.tolist()]

    def find(
        self,
        query: Query,
        count: int = 10,
        within: Sequence[Condition] = (),
        weights: Weights = PLAIN,
        *,
        itself: bool = False,
    ) -> list[Neighbour]:
        """See `Searchable`. Raises UsageError."""
        check(query, count, self.facts)
        space = self.space(weights)
        known = self.facts.classes if self.rows.aspects["class"].shape[1] else ()
        aspects = query_aspects(query, weights, known, self.rows.usual_pitch)
        here, index = space.place(aspects), self._index(weights)
        there = here if isinstance(index, Exact) else self.space(PLAIN).place(aspects)
        allowed = self._allowed(query, within, itself)
        rows = self._nearest(index, there, allowed, query.sound.latent, count, itself)
        distances = space.distances(rows, here)
        order = np.lexsort((rows, distances))[:count]
        folders = [condition for condition in within if condition.name == "folder"]
        return [
            Neighbour(self._file(row, folders), onset_s, distance, self._class(row), length_s)
            for row, onset_s, distance, length_s in zip(
                rows[order].tolist(),
                self.rows.column("onset_s")[rows[order]].tolist(),
                distances[order].tolist(),
                self.rows.column("length_s")[rows[order]].tolist(),
                strict=True,
            )
        ]

    def _allowed(self, query: Query, within: Sequence[Condition], itself: bool) -> Bool | None:
        allowed: Bool | None = None
        for condition in within:
            rows = self._mask(condition)
            allowed = rows if allowed is None else allowed & rows
        own = None if query.content is None or itself else self.rows.hashes.get(query.content)
        if own is not None:
            onsets, start = self.rows.column("onset_s"), query.sound.onset_s
            heard = (onsets > start - 0.05) & (onsets < start + max(query.span_s, 0.05))
            rows = ~((self.rows.contents == own) & heard)
            allowed = rows if allowed is None else allowed & rows
        return allowed

    def _mask(self, condition: Condition) -> Bool:
        """Rows that meet a condition, kept for the next query."""
        mask = self._masks.pop(condition, None)
        self._masks[condition] = mask = condition.rows(self.rows) if mask is None else mask
        while len(self._masks) > MASKS:
            self._masks.popitem(last=False)
        return mask

    def space(self, weights: Weights = PLAIN) -> Space:
        """The points of all sounds as weights have them, kept for the next question."""
        space = self._spaces.pop(weights, None)
        if space is None:
            spread = {} if weights.latent_only else self.rows.spreads
            space = Space(self.rows.aspects, weights, spread)
        self._spaces[weights] = space
        while len(self._spaces) > SPACES:
            self._spaces.popitem(last=False)
        return space

    def _index(self, weights: Weights) -> Index:
        """What knows the nearest by these weights."""
        fast = self.quick.index if self.quick is not None and weights.latent_only else None
        return Exact(self.space(weights)) if fast is None else fast

    def _nearest(
        self, index: Index, here: Float32, allowed: Bool | None, latent: Float32, count: int, itself: bool
    ) -> Int64:
        """Rows of the nearest, some more than asked for, without those of the very same latent point."""
        size = count + _SPARE
        while True:
            rows = index.nearest(here, size, allowed)
            same = np.zeros(len(rows), dtype=bool) if itself else (self.latents[rows] == latent).all(axis=1)
            if (~same).sum() >= count or size >= len(self):
                return np.asarray(rows[~same], dtype=np.int64)
            size *= 4

    def _class(self, row: int) -> str:
        return self.rows.class_names[int(self.rows.kinds[row])]

    def _file(self, row: int, folders: Sequence[Condition]) -> str:
        paths = [os.fsdecode(path) for path in self.rows.paths[int(self.rows.contents[row])]]
        return path_in(paths, folders)


def check(query: Query, count: int, facts: Facts) -> None:
    """Raises UsageError for a query that a library cannot answer."""
    if count < 1:
        raise UsageError(f"{count} neighbours: at least 1 is needed")
    if query.sound.latent.shape != (facts.latent_size,):
        raise UsageError(
            f"a point of {len(query.sound.latent)} dimensions; the library has {facts.latent_size}"
        )


def query_aspects(
    query: Query, weights: Weights, classes: Sequence[str], usual_pitch: float
) -> dict[str, Float32]:
    """The aspects of a query that count, (1, columns) each. `classes`: those that sounds have probabilities
    of; `usual_pitch`: what a sound without a pitch is given, in octaves.
    """
    aspects = {"latent": query.sound.latent[np.newaxis]}
    if weights.latent_only:
        return aspects
    probabilities = query.sound.probabilities
    if classes:
        probabilities = words.evidence(probabilities, query.said, classes)
    own = np.array([as_row(query.sound.descriptors)], dtype=np.float64)
    return aspects | {"class": probabilities[np.newaxis], **scaled(own, usual_pitch)}


def path_in(paths: Sequence[str], folders: Sequence[Condition]) -> str:
    """Of the paths of a sound the first that the folders of a filter allow."""
    if len(paths) == 1:
        return paths[0]
    good = (p for p in paths if all(c.has(os.path.dirname(p)) == (c.how == "=") for c in folders))
    return next(good, paths[0])


def open_library(
    name_or_folder: str | os.PathLike[str],
    model: str | os.PathLike[str] | Manifest | None = None,
    *,
    often: bool = True,
    make: bool = True,
) -> Library:
    """A library, for a model (its name, folder or manifest), or for the one that it was last indexed with.

    `often`: it will be asked many times, so that the index of a large one is worth reading, or, with `make`,
    making, which a thread does while the first questions are answered without it.
    Raises LibraryError, BundleError.
    """
    folder = places.existing(name_or_folder)
    if model is not None and not isinstance(model, Manifest):
        model = Manifest.from_file(inside(bundle.find(model), bundle.MANIFEST_NAME))
    paths = places.databases(folder) if model is None else [path_for(folder, model)]
    for path in paths:
        if path.is_file():
            with closing(database.connect(path)) as connection:
                facts = read_facts(connection, path)
            if facts is not None:
                return Library(path, facts, often, make)
    if model is None:
        raise LibraryError(f"library {places.named(folder)!r} was not indexed yet; run `ghostnote index`")
    known = ", ".join(sorted({one.facts.model for one in status(folder)})) or "no sounds"
    raise LibraryError(
        f"library {places.named(folder)!r} was not indexed by model {model.name} as it is now (it has: "
        f"{known}); run `ghostnote index --model {model.name}`, which keeps what is there"
    )


def renew_quick(path: Path) -> str:
    """Bring the quick index of a large library's database up to date; why there is none, or "". Raises
    LibraryError."""
    with closing(database.connect(path)) as connection:
        facts = read_facts(connection, path)
    if facts is None:
        return ""
    library = Library(path, facts)
    if library.quick is None:
        return ""
    library.quick.wait(float("inf"))
    return library.quick.trouble


def model_of(library: Searchable) -> Model:
    """The model that a library was embedded with. Raises LibraryError when it is not there any more."""
    folder = model_folder(library.facts)
    if folder is None:
        raise LibraryError(
            f"library {library.name!r}: model {library.facts.model} is not in "
            f"{library.facts.model_folder} any more, or was changed; run `ghostnote index` to embed all "
            "anew, or bring the model back"
        )
    return load(folder, warm_up=False, lazy=("decoder",))


def query_of(path: str | os.PathLike[str], model: Model) -> Query:
    """A sound file, or one at an address, as a query. Raises AudioFileError, LibraryError."""
    name = os.fspath(path)
    if addresses.is_address(name):
        with addresses.copy_of(name) as copy:
            return replace(query_of(copy, model), said=words.said(name, model.manifest.classes))
    (sound,) = sounds_in(name, model)
    said = words.said(os.path.abspath(name), model.manifest.classes)
    return Query(sound, content_of(os.fsencode(name)), said, model.spec.duration_s)


def query_at(point: Float32, model: Model | None = None, samples: Float32 | None = None) -> Query:
    """A latent point, shape (D,), as a query.

    How it sounds, `samples` of shape (spec.samples,), is needed where other aspects than the latent point are
    to count, with the model. Raises AudioFileError for samples that are no sound.
    """
    if model is None or samples is None:
        nothing = np.zeros(0, dtype=np.float32)
        return Query(Sound(0.0, point, nothing, Descriptors(*[0.0] * len(COLUMNS))))
    rings_s = audio_file.ringing(samples) / model.spec.sample_rate
    return Query(replace(sound_of(samples, model, 0.0, rings_s), latent=point))
