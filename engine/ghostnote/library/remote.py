"""Search by sound in a library's copy on a Qdrant server, from any machine that has the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode import bundle
from ghostnote.decode.files import inside
from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError
from ghostnote.library import places
from ghostnote.library.aspects import PLAIN, Weights, factors, project
from ghostnote.library.catalogue import Facts
from ghostnote.library.copying import collection, collections, read_facts
from ghostnote.library.filters import NUMBERS, Condition
from ghostnote.library.points import ASPECTS, FORM, LATENT, asked, aspects_in, path_of
from ghostnote.library.qdrant import Server
from ghostnote.library.search import Neighbour, Query, check, path_in, query_aspects
from ghostnote.library.words import meant, plain

Float32 = NDArray[np.float32]

_SPARE = 16
_BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class RemoteLibrary:
    """The sounds of a library as a server has them now. Thread: one at a time. Made by `open_remote`."""

    def __init__(self, server: Server, name: str, collection: str, said: dict[str, Any]) -> None:
        """`said`: what the point for facts of this collection says. Raises LibraryError."""
        self.name, self.collection, self._server = name, collection, server
        try:
            if said["form"] != FORM:
                raise LibraryError(
                    f"{server.url}: collection {collection} was written by another version of ghostnote; "
                    "remove it (`ghostnote library remove`), index again"
                )
            self.facts: Facts = read_facts(said)
            self._class_names: list[str] = said["class_names"]
            self._classes: tuple[str, ...] = self.facts.classes if said["with_classes"] else ()
            self._spreads: dict[str, float] = said["spreads"]
            self._usual = float(said["usual_pitch"])
        except (KeyError, TypeError, ValueError) as error:
            raise LibraryError(
                f"{server.url}: collection {collection} is no copy of a library ({error!r})"
            ) from None

    def find(
        self,
        query: Query,
        count: int = 10,
        within: Sequence[Condition] = (),
        weights: Weights = PLAIN,
        *,
        itself: bool = False,
    ) -> list[Neighbour]:
        """See `search.Searchable`. Raises UsageError, LibraryError, NetworkError."""
        check(query, count, self.facts)
        by = factors(weights, self._spreads, len(self._classes))
        aspects = query_aspects(query, weights, self._classes, self._usual)
        wanted = self._wanted(query, within, itself)
        if wanted is None:
            return []
        using = LATENT if weights.latent_only else ASPECTS
        vector = (
            query.sound.latent.tolist()
            if weights.latent_only
            else asked(aspects, by, self._usual, len(self._classes))
        )
        size = count + _SPARE
        while True:
            found = self._server.near(self.collection, using, vector, size, wanted)
            points = self._aspects([values for _, values in found], using)
            same = (points["latent"] == query.sound.latent).all(axis=1) & (not itself)
            if (~same).sum() >= count or len(found) < size:
                break
            size *= 4
        apart = np.square(project(points, by) - project(aspects, by)).sum(axis=1)
        rows = np.flatnonzero(~same)
        folders = [condition for condition in within if condition.name == "folder"]
        return [
            _neighbour(found[row][0], float(np.sqrt(apart[row])), folders)
            for row in rows[np.argsort(apart[rows], kind="stable")][:count].tolist()
        ]

    def _aspects(self, vectors: list[list[float]], using: str) -> dict[str, Float32]:
        if using == ASPECTS:
            return aspects_in(vectors, self._usual, self.facts.latent_size, len(self._classes))
        points = np.array(vectors, dtype=np.float32).reshape(len(vectors), self.facts.latent_size)
        return {"latent": points}

    def _wanted(self, query: Query, within: Sequence[Condition], itself: bool) -> dict[str, list[Any]] | None:
        """Conditions for the server; None when nothing can meet them."""
        must: list[Any] = []
        must_not: list[Any] = []
        for condition in within:
            if condition.name in NUMBERS:
                bounds = {_BOUNDS[condition.how]: float(condition.value)}
                must.append(self._server.between(NUMBERS[condition.name][0], **bounds))
                continue
            values = self._meant(condition)
            if condition.how == "=" and not values:
                return None
            if values:
                one = self._server.anyof(condition.name, values)
                (must if condition.how == "=" else must_not).append(one)
        if query.content is not None and not itself:
            start = query.sound.onset_s
            heard = self._server.between("onset_s", gt=start - 0.05, lt=start + max(query.span_s, 0.05))
            own = self._server.anyof("content", [query.content.hex()])
            must_not.append(self._server.all_of([own, heard]))
        return {"must": must, "must_not": must_not}

    def _meant(self, condition: Condition) -> list[str]:
        """Classes, or folders, of the library that a condition means."""
        if condition.name == "folder":
            return [text for text in self._folders if condition.has(path_of(text))]
        names = [plain(name.strip()) for name in condition.value.split("|")]
        return [own for own in self._class_names if any(meant(name, plain(own)) for name in names)]

    @cached_property
    def _folders(self) -> list[str]:
        parts = self._server.scroll(self.collection, ["folders"], needed="folders")
        return [text for _, said in parts for text in said["folders"]]


def _neighbour(said: dict[str, Any], distance: float, folders: Sequence[Condition]) -> Neighbour:
    paths = [path_of(text) for text in said["file"]]
    onset_s, length_s = float(said["onset_s"]), float(said["length_s"])
    return Neighbour(path_in(paths, folders), onset_s, distance, str(said["class"]), length_s)


def open_remote(
    name_or_folder: str | os.PathLike[str],
    server: Server,
    model: str | os.PathLike[str] | Manifest | None = None,
) -> RemoteLibrary:
    """The copy of a library, for a model (its name, folder or manifest), or the one that was written last.

    The library itself need not be on this machine. Raises LibraryError, NetworkError, BundleError.
    """
    folder = places.place(name_or_folder)
    names = collections(server, folder)
    if model is not None:
        if not isinstance(model, Manifest):
            model = Manifest.from_file(inside(bundle.find(model), bundle.MANIFEST_NAME))
        names = [name for name in names if name == collection(folder, model.digest)]
    facts = {name: said for name in names if (said := server.payload(name)) is not None}
    if not facts:
        known = ", ".join(n for n in server.collections() if n.startswith("ghostnote-")) or "none yet"
        raise LibraryError(
            f"{server.url}: there is no copy of library {places.named(folder)!r}"
            f"{f' for model {model.name}' if model else ''}; there are: {known}; "
            "`ghostnote index --store qdrant --url …` makes one"
        )
    name = max(facts, key=lambda one: float(facts[one].get("copied", 0.0)))
    return RemoteLibrary(server, places.named(folder), name, facts[name])
