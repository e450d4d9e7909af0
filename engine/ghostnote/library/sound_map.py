"""The map of a library: each sound has a place, sounds that are alike lie near each other, and no place ever
changes while the map is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import LibraryError
from ghostnote.library import map_quality, map_table
from ghostnote.library.map_placing import apart, place
from ghostnote.library.map_table import METHOD, Kept, MapFacts, Placed
from ghostnote.library.neighbour_embedding import embed, principal
from ghostnote.library.search import Library

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SEED = 1
LANDMARKS = 6000
"""Of more sounds than this a seeded choice is fitted, and the others are placed among them."""
WIDTH = 0.92
"""Share of the whole map that a fit takes; the rest is for what comes."""
EDGE = 0.005
SAMPLE = 300
"""So many sounds of each kind are looked at to say whether the map can still be believed."""
LEAST_ADDED = 20
WORN = 0.7
"""A map misleads when what was added keeps less than this share of the neighbours that fitted sounds keep."""
_TRIES = 5

Tell = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class SoundMap:
    """Places (n, 2) in [0, 1]² for the rows of a library; which of them were fitted, not added; how many were
    placed just now; `fit`: a number that grows with each fit; `kept_fitted` and `kept_added`: the share of
    ten nearest neighbours that are so on the map (NaN where too few sounds are there to say)."""

    places: Float32
    fitted: Bool
    fresh: int
    fit: int
    kept_fitted: float
    kept_added: float

    @property
    def added(self) -> int:
        """Sounds that came after the fit."""
        return int((~self.fitted).sum())

    @property
    def worn(self) -> bool:
        """Whether what was added does not find its neighbours on this map."""
        return bool(self.kept_added < WORN * self.kept_fitted)


def map_of(library: Library, *, anew: bool = False, tell: Tell = lambda done, total: None) -> SoundMap:
    """The map of a library, kept in its database: what has a place there keeps it, what is new gets one.

    `anew` fits all again. `tell` is given steps of a fit, done and in all. Raises LibraryError.
    """
    for _ in range(_TRIES):
        before = map_table.read(library.path)
        lost = before is None or before.facts.method != METHOD
        if anew or lost or not _known(library, before).any():
            after, fresh = _fit(library, before, tell), len(library)
        else:
            assert before is not None
            after, fresh = _added(library, before)
        if after is not None:
            return _as_map(library, after, fresh)
    raise LibraryError(f"{library.path}: its map is changed by another program all the time; wait for it")


def _known(library: Library, kept: Kept | None) -> Bool:
    there = kept.places if kept is not None else {}
    return np.array([number in there for number in library.rows.ids.tolist()], dtype=bool)


def _fit(library: Library, before: Kept | None, tell: Tell) -> Kept | None:
    points, inverse = np.unique(library.latents, axis=0, return_inverse=True)
    chance = np.random.default_rng(SEED)
    chosen = np.arange(len(points))
    if len(points) > LANDMARKS:
        chosen = np.sort(chance.choice(len(points), LANDMARKS, replace=False))
    others = np.delete(np.arange(len(points)), chosen)
    places = np.zeros((len(points), 2))
    if len(points):
        places[chosen] = embed(points[chosen], tell)
        # In chance order, so that every round of placing sees all kinds.
        others = chance.permutation(others)
        places[others] = place(points[chosen], places[chosen], points[others], SEED)
        # Wide rather than tall, as screens are.
        places = principal(places)
    span = float(np.ptp(places, axis=0).max()) if len(points) else 0.0
    units = WIDTH / max(span, 1.0)
    middle = (places.max(axis=0) + places.min(axis=0)) / 2.0 if len(points) else 0.0
    square = apart(_unit((places - middle) * units + 0.5), np.empty((0, 2), np.float32))
    facts = MapFacts(METHOD, SEED, units, before.facts.fit + 1 if before else 1)
    sounds = _sounds(library, np.ones(len(library), dtype=bool), square[inverse.ravel()], fitted=True)
    return map_table.replace(library.path, before.facts if before else None, facts, sounds)


def _added(library: Library, before: Kept) -> tuple[Kept | None, int]:
    known = _known(library, before)
    if known.all():
        return before, 0
    stands = np.array([before.places[number][:2] for number in library.rows.ids[known].tolist()])
    points, first = np.unique(library.latents[known], axis=0, return_index=True)
    new, inverse = np.unique(library.latents[~known], axis=0, return_inverse=True)
    units = before.facts.units
    there = {point.tobytes(): row for row, point in enumerate(points)}
    same = np.array([there.get(point.tobytes(), -1) for point in new])
    places = np.empty((len(new), 2), dtype=np.float32)
    places[same >= 0] = stands[first][same[same >= 0]]
    found = place(points, stands[first] / units, new[same < 0], before.facts.seed) * units
    every = np.array([value[:2] for value in before.places.values()], dtype=np.float32)
    places[same < 0] = apart(_unit(found), every)
    sounds = _sounds(library, ~known, places[inverse.ravel()], fitted=False)
    return map_table.add(library.path, before.facts, sounds), len(sounds)


def _unit(places: Float64) -> Float32:
    return np.clip(places, EDGE, 1.0 - EDGE).astype(np.float32)


def _sounds(library: Library, rows: Bool, places: Float32, *, fitted: bool) -> list[Placed]:
    latents = library.latents[rows].astype("<f4")
    return [
        Placed(number, latent.tobytes(), x, y, fitted)
        for number, latent, (x, y) in zip(
            library.rows.ids[rows].tolist(), latents, places.tolist(), strict=True
        )
    ]


def _as_map(library: Library, kept: Kept, fresh: int) -> SoundMap:
    # What was deleted since the library was opened has no place any more; it lies in the middle.
    rows = [kept.places.get(number, (0.5, 0.5, True)) for number in library.rows.ids.tolist()]
    places = np.array([row[:2] for row in rows], dtype=np.float32).reshape(-1, 2)
    fitted = np.array([row[2] for row in rows], dtype=bool)
    shares = [_kept(library.latents, places, rows_) for rows_ in (fitted, ~fitted)]
    if (~fitted).sum() < LEAST_ADDED:
        shares[1] = np.nan
    return SoundMap(places, fitted, fresh, kept.facts.fit, *shares)


def _kept(points: Float32, places: Float32, rows: Bool) -> float:
    chosen = np.flatnonzero(rows)
    if not len(chosen) or len(points) <= 2 * map_quality.NEIGHBOURS:
        return float("nan")
    if len(chosen) > SAMPLE:
        chosen = np.sort(np.random.default_rng(SEED).choice(chosen, SAMPLE, replace=False))
    return map_quality.kept(points, places, chosen)
