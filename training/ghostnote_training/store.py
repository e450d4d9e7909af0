"""Rows of features on disk: files of some hundred rows each, which are written whole and never changed."""

from __future__ import annotations

import json
import os
import struct
import time
import uuid
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import DatasetError

Float16 = NDArray[np.float16]

MAGIC = b"GNROWS01"
_HEAD = struct.Struct("<8sII")
_ALIGN = 4096
_LARGEST_HEADER = 64 << 20
_STALE_S = 3600.0


def write_whole(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a file that is there whole or not at all, also after `kill -9` and loss of power.

    Raises DatasetError when the place is full, read-only or gone.
    """
    aside = path.with_name(f"{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as handle:
            for piece in pieces:
                handle.write(piece)
            handle.flush()
            os.fsync(handle.fileno())
        aside.replace(path)
        if os.name == "posix":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise DatasetError(
            f"{path.parent}: cannot write there ({error.strerror or error}); free some space, change its "
            "permissions, or give another folder"
        ) from None
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Place:
    path: Path
    offset: int
    check: int


class Store:
    """Rows of one shape (float16) in a folder, each found by its key; several processes may add to it.

    A file has a header (keys, checksums; itself checked) and its rows one after another. A row that is cut
    off, or does not have its checksum when it is read, is not there. Not thread-safe while rows are added.
    """

    def __init__(self, folder: Path, shape: tuple[int, int]) -> None:
        self.folder, self.shape = folder, shape
        self.row_bytes = 2 * shape[0] * shape[1]
        self._places: dict[str, _Place] = {}
        with suppress(FileNotFoundError, NotADirectoryError):
            self._scan()

    def _scan(self) -> None:
        files: list[tuple[float, str]] = []
        with os.scandir(self.folder) as listing:
            for entry in listing:
                with suppress(OSError):  # another process may remove it now
                    changed = entry.stat().st_mtime
                    if entry.name.endswith(".rows"):
                        files.append((changed, entry.path))
                    elif entry.name.endswith(".partial") and time.time() - changed > _STALE_S:
                        os.unlink(entry.path)
        for _, name in sorted(files):
            self._read_header(Path(name))

    def _read_header(self, path: Path) -> None:
        with suppress(OSError, ValueError, KeyError, TypeError, struct.error):
            with path.open("rb") as handle:
                magic, length, check = _HEAD.unpack(handle.read(_HEAD.size))
                if magic != MAGIC or length > _LARGEST_HEADER:
                    return
                text = handle.read(length)
                size = os.fstat(handle.fileno()).st_size
            if zlib.crc32(text) != check:
                return
            header = json.loads(text)
            if tuple(header["shape"]) == self.shape:
                self._index(path, header, _first_row(length), size)

    def _index(self, path: Path, header: dict[str, Any], offset: int, size: int) -> None:
        for key, check in zip(header["keys"], header["checks"], strict=True):
            if offset + self.row_bytes <= size:
                self._places[key] = _Place(path, offset, check)
            offset += self.row_bytes

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def read(self, key: str) -> Float16 | None:
        """A row, or None (and no longer in the store) when it is missing or damaged."""
        place = self._places.get(key)
        if place is None:
            return None
        data = b""
        with suppress(OSError), place.path.open("rb", buffering=0) as handle:
            handle.seek(place.offset)
            data = handle.read(self.row_bytes)
        if len(data) != self.row_bytes or zlib.crc32(data) != place.check:
            del self._places[key]
            return None
        return np.frombuffer(data, dtype="<f2").reshape(self.shape)

    def add(self, keys: Sequence[str], rows: Sequence[Float16]) -> None:
        """Write rows as one file. Raises DatasetError when it cannot be written."""
        if not keys:
            return
        data = [np.ascontiguousarray(row, dtype="<f2") for row in rows]
        if any(row.shape != self.shape for row in data):
            raise ValueError(f"rows of shape {data[0].shape}, the store has {self.shape}")
        header = {
            "shape": list(self.shape),
            "keys": list(keys),
            "checks": [zlib.crc32(row.data) for row in data],
        }
        text = json.dumps(header).encode()
        head = _HEAD.pack(MAGIC, len(text), zlib.crc32(text)) + text
        padding = bytes(_first_row(len(text)) - len(head))
        path = self.folder / f"{uuid.uuid4().hex}.rows"
        write_whole(path, [head, padding, *(row.data.cast("B") for row in data)])
        first = _first_row(len(text))
        self._index(path, header, first, first + len(data) * self.row_bytes)


def _first_row(header_length: int) -> int:
    return -(-(_HEAD.size + header_length) // _ALIGN) * _ALIGN
