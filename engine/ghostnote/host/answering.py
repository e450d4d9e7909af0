"""What the finder does: holds a library while the instrument plays, and answers what sounds like what."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ghostnote.decode import bundle
from ghostnote.decode.files import inside
from ghostnote.decode.manifest import Manifest
from ghostnote.decode.model import Model, load
from ghostnote.errors import (
    AudioFileError,
    BundleError,
    GhostnoteError,
    LibraryError,
    MessageError,
    UsageError,
)
from ghostnote.host.asked_point import query_of_point
from ghostnote.host.pipe import Message, PipeWriter
from ghostnote.library.aspects import Weights, parse_weights
from ghostnote.library.filters import parse_filter
from ghostnote.library.following import Following
from ghostnote.library.places import DEFAULT
from ghostnote.library.search import Query, query_of

SAME_S = 0.01
"""Two sounds of a file that begin so near to each other are one."""
_CODES: tuple[tuple[type[GhostnoteError], str], ...] = (
    (UsageError, "range"),
    (LibraryError, "not_found"),
    (AudioFileError, "io"),
    (BundleError, "io"),
)


class Finder:
    """Answers questions about one library. Thread: one.

    A question (`find`) has the model's folder and digest; a `file` or a `point` (its numbers, and its
    `detail` in text form); `n`, `within` and `weights`; and what is no answer (`but`: a
    file, and where in it that begins). Its answer (`found`) has `neighbours`, nearest first,
    each file, onset (s), distance, class, and its length (s) where it is a part of the file, else 0; or the
    `code` and `text` of an error.
    """

    def __init__(self, library: str | None, out: PipeWriter) -> None:
        """`library`: name or folder, None for the usual one. Raises LibraryError for what can be neither."""
        self._out = out
        self._following = Following(
            library or DEFAULT, lambda text: out.send({"type": "trouble", "text": text})
        )

    def open(self, model: str) -> None:
        """Have the sounds of a model, by name or folder, before the first question; a problem is told."""
        try:
            folder = bundle.find(model)
            library = self._following.library(_manifest(str(folder), None))
            self._out.send({"type": "opened", "sounds": len(library)})
        except GhostnoteError as error:
            self._out.send({"type": "trouble", "text": f"nothing can be searched for yet: {error}"})

    def answer(self, asked: Message) -> None:
        """Answer a question, whatever is wrong with it."""
        found: Message = {"type": "found", "id": asked.get("id")}
        try:
            self._out.send({**found, "neighbours": self._neighbours(asked)})
        except GhostnoteError as error:
            code = error.code if isinstance(error, MessageError) else _code(error)
            self._out.send({**found, "code": code, "text": str(error)})
        except Exception as error:  # a sound file may do anything to a decoder
            self._out.send({**found, "code": "internal", "text": f"the search failed: {error!r}"})

    def _neighbours(self, asked: Message) -> list[list[Any]]:
        within, weights = parse_filter(asked["within"]), parse_weights(asked["weights"])
        library = self._following.library(_manifest(asked["model"], asked["digest"]))
        query, count = _query(asked, weights), int(asked["n"])
        file, onset_s = asked.get("but", ("", 0.0))
        found = [
            n
            for n in library.find(query, count + bool(file), within, weights)
            if n.file != file or abs(n.onset_s - onset_s) > SAME_S
        ]
        return [
            [n.file, n.onset_s, n.distance, n.class_name, n.length_s if library.facts.segmented else 0.0]
            for n in found[:count]
        ]


def _query(asked: Message, weights: Weights) -> Query:
    model = _model(asked["model"], asked["digest"])
    if "file" in asked:
        return query_of(asked["file"], model)
    return query_of_point(np.array(asked["point"], dtype=np.float32), model, weights, asked.get("detail", ""))


def _manifest(folder: str, digest: str | None) -> Manifest:
    """What a bundle says of itself, if it is still the one of `digest` (None: any)."""
    manifest = Manifest.from_file(inside(bundle.find(folder), bundle.MANIFEST_NAME))
    if digest not in (None, manifest.digest):
        raise BundleError(
            f"model {manifest.name} was changed on disk since the instrument loaded it; load it again"
        )
    return manifest


@lru_cache(maxsize=2)
def _model(folder: str, digest: str) -> Model:
    model = load(folder, warm_up=False, lazy=("encoder", "decoder", "classifier"))
    assert model.manifest.digest == digest
    return model


def _code(error: GhostnoteError) -> str:
    return next((code for kind, code in _CODES if isinstance(error, kind)), "internal")
