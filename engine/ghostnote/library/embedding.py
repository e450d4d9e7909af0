"""Files to latent points, class probabilities and descriptors, a shard at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode import model as models
from ghostnote.decode.model import Model
from ghostnote.errors import AudioFileError, BundleError, GhostnoteError
from ghostnote.features import audio_file, other_formats, recording
from ghostnote.features.segmentation import SegmentOptions
from ghostnote.features.stft import magnitudes
from ghostnote.library import addresses
from ghostnote.library.descriptors import Descriptors, describe
from ghostnote.library.walk import Mark

Float32 = NDArray[np.float32]

VERSION = 1
"""Raise it when the same file gives other latent points or descriptors: all is embedded anew."""

OK, FAILED, LOST, UNSUPPORTED, CHANGED = range(5)
"""What became of a file: embedded; named as a failure; its decoder crashed or hung; needs an extra that is
not installed; changed or gone while it was read, which says nothing of its content."""

_HASH_BYTES = 20
_BLOCK = 1 << 20
_MEANWHILE = "changed while it was read"


@dataclass(frozen=True)
class Item:
    """A file to embed: its path or address, the hash of its bytes, and how it looked when that was taken."""

    path: bytes
    content: bytes
    mark: Mark


@dataclass(frozen=True)
class Shard:
    """Files that are embedded together, by the model in folder `model`, which must have this digest.

    `cut`: how recordings are cut into sounds; None takes each file as one sound.
    """

    items: tuple[Item, ...]
    model: str
    digest: str
    cut: SegmentOptions | None = None

    @property
    def key(self) -> str:
        """What the result depends on, as a hash: contents, model, cutting, and this module's version."""
        parts = [str(VERSION), self.digest, repr(self.cut), *(item.content.hex() for item in self.items)]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=_HASH_BYTES).hexdigest()


@dataclass(frozen=True, eq=False)
class Sound:
    """One sound of a file: where it begins, its latent point (D,), class probabilities (C,), descriptors."""

    onset_s: float
    latent: Float32
    probabilities: Float32
    descriptors: Descriptors


@dataclass(frozen=True)
class Embedded:
    """What became of the file with the content of this hash (`OK`, …), why, and its sounds."""

    content: bytes
    status: int
    reason: str = ""
    sounds: tuple[Sound, ...] = ()


@dataclass(frozen=True)
class Unread:
    """A file that could not be read, and why."""

    path: bytes
    reason: str


def content_of(path: bytes) -> bytes:
    """Hash of the bytes of a file or of what is at an address (BLAKE2b, 20 bytes). Raises OSError."""
    digest = hashlib.blake2b(digest_size=_HASH_BYTES)
    if addresses.is_address(path):
        addresses.hash_of(os.fsdecode(path), digest)
        return digest.digest()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def mark_of(path: bytes) -> Mark:
    """How a file looks now. Raises OSError."""
    state = os.stat(path)
    return Mark(state.st_size, state.st_mtime_ns)


def hash_files(files: Sequence[tuple[bytes, Mark]]) -> list[Item | Unread]:
    """Files, and how they looked, with the hashes of their contents, in their order.

    Raises LibraryError when an address needs a package that is not installed.
    """
    found: list[Item | Unread] = []
    with _opened([path for path, _ in files], [mark.size for _, mark in files]) as places:
        for (path, mark), place in zip(files, places, strict=True):
            try:
                if isinstance(place, str):
                    found.append(Unread(path, place))
                    continue
                mark = mark if addresses.is_address(path) else mark_of(place)
                found.append(Item(path, content_of(place), mark))
            except OSError as error:
                found.append(Unread(path, str(error.strerror or error)))
    return found


def embed_shard(shard: Shard) -> list[Embedded]:
    """What became of each file of a shard, in its order; the same for the same `shard.key` on one machine.

    Takes and gives only what can be pickled, so that it runs in any process. Raises BundleError when the
    model is not there or another one, LibraryError when an address needs a package that is not installed;
    files are never a reason to raise.
    """
    model = _model(shard.model, shard.digest)
    items = shard.items
    with _opened([item.path for item in items], [item.mark.size for item in items]) as places:
        return [_embed(item, place, model, shard.cut) for item, place in zip(items, places, strict=True)]


@contextmanager
def _opened(paths: Sequence[bytes], sizes: Sequence[int]) -> Iterator[list[bytes | str]]:
    """Where files are on this machine, fetched there for as long as it lasts where need be, or why not."""
    places: list[bytes | str] = list(paths)
    far = [k for k, path in enumerate(paths) if addresses.is_address(path)]
    if not far:
        yield places
        return
    with addresses.fetched([paths[k] for k in far], [sizes[k] for k in far]) as found:
        for k, place in zip(far, found, strict=True):
            places[k] = place if isinstance(place, str) else os.fsencode(place)
        yield places


def _embed(item: Item, place: bytes | str, model: Model, cut: SegmentOptions | None) -> Embedded:
    if isinstance(place, str):
        return Embedded(item.content, CHANGED, place)
    path = os.fsdecode(place)
    try:
        if place != item.path and content_of(place) != item.content:
            return Embedded(item.content, CHANGED, _MEANWHILE)
        found = tuple(sounds_in(path, model, cut))
        trouble = "" if found else "no sound is in it that is long enough"
        status = OK if found else FAILED
    except BundleError:
        raise
    except GhostnoteError as error:
        found, trouble = (), str(error).removeprefix(f"{path}: ")
        status = UNSUPPORTED if other_formats.hint(Path(path)) else FAILED
    except Exception as error:  # whatever is in a file, it costs that file only
        found, trouble, status = (), f"cannot be embedded ({' '.join(repr(error).split())[:200]})", FAILED
    try:
        if place == item.path and mark_of(place) != item.mark:
            return Embedded(item.content, CHANGED, _MEANWHILE)
    except OSError as error:
        return Embedded(item.content, CHANGED, str(error.strerror or error))
    return Embedded(item.content, status, trouble, found)


def sounds_in(path: str, model: Model, cut: SegmentOptions | None = None) -> Iterator[Sound]:
    """The sounds of a file: one, or with `cut` those that it is cut into. Raises AudioFileError."""
    if cut is None:
        part = audio_file.excerpt(path, model.spec)
        yield sound_of(part.samples, model, part.onset_s, part.rings_s)
        return
    for piece in recording.sounds(path, cut):
        start = audio_file.onset(piece.samples)
        rest = piece.samples[start:]
        if not np.abs(rest).max(initial=0.0) >= 10.0 ** (audio_file.SILENT_DB / 20.0):
            continue
        samples = audio_file.fit(rest, piece.rate, model.spec)
        rings_s = audio_file.ringing(rest) / piece.rate
        yield sound_of(samples, model, piece.onset_s + start / piece.rate, rings_s)


def sound_of(samples: Float32, model: Model, onset_s: float, rings_s: float) -> Sound:
    """Latent point, probabilities and descriptors of samples as the model takes them, (spec.samples,).

    Raises AudioFileError where the model gives no point for them.
    """
    found = magnitudes(samples, model.spec)
    try:
        latent = model.encode(found)
        probabilities = model.classify(found) if model.has_classifier else np.zeros(0, dtype=np.float32)
    except BundleError:
        raise
    except GhostnoteError as error:
        raise AudioFileError(f"the model has no point for this sound ({error})") from None
    return Sound(onset_s, latent, probabilities, describe(samples, found, model.spec, rings_s))


@lru_cache(maxsize=1)
def _model(folder: str, digest: str) -> Model:
    model = models.load(folder, warm_up=False, lazy=("decoder",))
    if model.manifest.digest != digest:
        raise BundleError(f"{folder}: the model was changed while a library was indexed; index again")
    return model
