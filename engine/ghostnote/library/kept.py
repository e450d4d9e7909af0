"""Results of shards in a folder or an object store, under the hash of what they depend on."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import numpy as np

from ghostnote.errors import LibraryError
from ghostnote.library import addresses
from ghostnote.library.descriptors import COLUMNS, Descriptors, as_row
from ghostnote.library.embedding import FAILED, LOST, OK, Embedded, Shard, Sound

SUFFIX = ".npz"
READERS = 16
"""So many results are read at once: of an object store, each takes a while to come."""
WHOLE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "hf", "memory")
"""Stores in which an object appears whole or not at all; in others it is written aside and renamed."""
_LIMIT_S = 120.0
_KEY = re.compile(r"[0-9a-f]{40}")
_HASH_BYTES = 20
_SETTLED = (OK, FAILED, LOST)


class Place(Protocol):
    """Where results are. All raise OSError, or whatever else a store does."""

    def names(self) -> Iterator[str]:
        """Names of the files that are there."""

    def read(self, name: str) -> bytes:
        """The bytes of one."""

    def write(self, name: str, content: bytes) -> None:
        """Put one there, whole or not at all."""


class Folder:
    """A folder of this machine, or a disk that machines share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> Iterator[str]:
        """Names of the files that are there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for inner in os.scandir(self._folder):
            if inner.is_dir():
                yield from (entry.name for entry in os.scandir(inner.path))

    def read(self, name: str) -> bytes:
        """The bytes of one."""
        return self._path(name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Put one there, whole or not at all."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{name}.{uuid4().hex}.part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


class Store:
    """A folder at an address, through fsspec."""

    def __init__(self, address: str) -> None:
        self._system, self._root = addresses.system_of(address)
        self._whole = address.partition("://")[0] in WHOLE

    def names(self) -> Iterator[str]:
        """Names of the files that are there."""
        self._system.makedirs(self._root, exist_ok=True)
        self._system.invalidate_cache()
        for name in self._system.find(self._root):
            yield str(name).rpartition("/")[2]

    def read(self, name: str) -> bytes:
        """The bytes of one."""
        path = self._path(name)
        return bytes(addresses.within(_LIMIT_S, lambda: self._system.cat_file(path)))

    def write(self, name: str, content: bytes) -> None:
        """Put one there, whole or not at all."""
        addresses.within(_LIMIT_S, lambda: self._write(self._path(name), content))

    def _write(self, path: str, content: bytes) -> None:
        if self._whole:
            self._system.pipe_file(path, content)
            return
        folder, _, name = path.rpartition("/")
        part = f"{folder}/.{name}.{uuid4().hex}.part"
        self._system.makedirs(folder, exist_ok=True)
        try:
            self._system.pipe_file(part, content)
            self._system.mv(part, path)
        except BaseException:
            if self._system.exists(part):
                self._system.rm_file(part)
            raise

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name[:2]}/{name}"


class Kept:
    """The results that are kept at a place, which is made. `good`: only those of shards without failures.

    Raises LibraryError when it cannot be used.
    """

    def __init__(self, name: str, *, good: bool = False) -> None:
        self.name = name
        self._place, self._good = place(name), good
        self.damaged = 0
        """So many results could not be read, and are computed again."""
        try:
            self._place.write("00.probe", b"")  # what cannot be written is said at once
            names = list(self._place.names())
        except LibraryError:
            raise
        except Exception as error:
            raise _told(name, error) from None
        self._keys = {found[0] for text in names if (found := _KEY.match(text)) and text.endswith(SUFFIX)}

    def read(self, shards: Sequence[Shard]) -> Iterator[tuple[int, list[Embedded]]]:
        """(number, result) of those of `shards` that are kept and whole."""
        there = [number for number, shard in enumerate(shards) if shard.key in self._keys]
        if not there:
            return
        with ThreadPoolExecutor(READERS) as pool:
            for number, found in zip(there, pool.map(lambda k: self._one(shards[k]), there), strict=True):
                if found is None:
                    self.damaged += 1
                elif not self._good or all(result.status == OK for result in found):
                    yield number, found

    def _one(self, shard: Shard) -> list[Embedded] | None:
        try:
            return unpacked(self._place.read(shard.key + SUFFIX), shard)
        except Exception:  # whatever is wrong with it: it is computed again, and written over
            return None


def place(name: str) -> Place:
    """A folder, or a store at an address. Raises LibraryError when it needs what is not installed."""
    if addresses.is_address(name):
        return Store(addresses.address(name))
    return Folder(Path(name).expanduser().absolute())


def keep(name: str, shard: Shard, results: Sequence[Embedded]) -> None:
    """Keep the results of a shard at a place, if all is known of its files. Raises LibraryError."""
    if any(result.status not in _SETTLED for result in results):
        return
    try:
        place(name).write(shard.key + SUFFIX, packed(results))
    except LibraryError:
        raise
    except Exception as error:
        raise _told(name, error) from None


def embed_and_keep(task: Callable[[Shard], list[Embedded]], name: str, shard: Shard) -> list[Embedded]:
    """`task(shard)`, kept at a place. Raises what `task` does, LibraryError."""
    results = task(shard)
    keep(name, shard, results)
    return results


def packed(results: Sequence[Embedded]) -> bytes:
    """Results as the bytes of an `.npz` file of plain arrays, at whose end is a hash of all before."""
    sounds = [sound for result in results for sound in result.sounds]
    arrays: dict[str, Any] = {
        "content": np.frombuffer(b"".join(r.content for r in results), dtype=np.uint8).reshape(-1, 20),
        "status": np.array([result.status for result in results], dtype=np.int8),
        "reason": np.array([result.reason for result in results], dtype=np.str_),
        "sounds": np.array([len(result.sounds) for result in results], dtype=np.int32),
        "onset_s": np.array([sound.onset_s for sound in sounds], dtype=np.float64),
        "descriptors": np.array([as_row(s.descriptors) for s in sounds]).reshape(-1, len(COLUMNS)),
        "latent": np.array([sound.latent for sound in sounds], dtype="<f4"),
        "probabilities": np.array([sound.probabilities for sound in sounds], dtype="<f4"),
    }  # fmt: skip
    out = io.BytesIO()
    np.savez(out, **arrays)
    with zipfile.ZipFile(out, "a") as file:
        file.comment = bytes(_HASH_BYTES)
    content = out.getvalue()[:-_HASH_BYTES]
    return content + _hash(content)


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_HASH_BYTES).digest()


def unpacked(content: bytes, shard: Shard) -> list[Embedded]:
    """The results in such bytes. Raises ValueError, or what NumPy and zipfile do, when they are damaged, or
    those of other files.
    """
    if _hash(content[:-_HASH_BYTES]) != content[-_HASH_BYTES:]:
        raise ValueError("not all of it is there, or it was changed")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    counts = arrays["sounds"].tolist()
    onsets, latent, chances, numbers = (
        arrays[name] for name in ("onset_s", "latent", "probabilities", "descriptors")
    )
    if not (
        arrays["content"].tobytes() == b"".join(item.content for item in shard.items)
        and len(counts) == len(arrays["status"]) == len(arrays["reason"]) == len(shard.items)
        and sum(counts) == len(onsets) == len(latent) == len(chances) == len(numbers)
        and all(np.isfinite(array).all() for array in (onsets, latent, chances, numbers))
        and set(arrays["status"].tolist()) <= set(_SETTLED)
    ):
        raise ValueError("these are the results of other files")
    sounds = iter(
        [
            Sound(onset, point.astype(np.float32), chance.astype(np.float32), Descriptors(*row))
            for onset, point, chance, row in zip(
                onsets.tolist(), latent, chances, numbers.tolist(), strict=True
            )
        ]
    )
    return [
        Embedded(item.content, int(status), str(reason), tuple(islice(sounds, count)))
        for item, status, reason, count in zip(
            shard.items, arrays["status"], arrays["reason"], counts, strict=True
        )
    ]


def _told(name: str, error: Exception) -> LibraryError:
    return LibraryError(
        f"{name}: results cannot be kept there ({addresses.why(error)}); is there space, and the right to "
        "write? What was indexed is kept: index again"
    )
