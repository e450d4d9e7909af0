"""Sound files with an address (s3://bucket/…, gs://…, file://…), through fsspec, which is optional."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ghostnote.errors import AudioFileError, LibraryError
from ghostnote.library.walk import SUFFIXES, Mark, Walk

Result = TypeVar("Result")

LEAST_WAIT_S = 60.0
SLOWEST_BYTES_S = 100_000.0
"""So long a store may take for an answer, and a second more for so many bytes."""
AT_ONCE_BYTES = 64 << 20
"""Files that have no more together are fetched at the same time, through memory."""
UNKNOWN = 1 << 62
"""In place of a time of change where a store tells neither that nor a tag: the file is read each time."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "crc32c", "uid")
_TIMES = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")
_TAG_BITS = 58
_BLOCK = 1 << 20


def is_address(name: str | bytes | os.PathLike[str]) -> bool:
    """Whether a name is an address rather than a path of this machine."""
    text = os.fsdecode(name)
    return _ADDRESS.match(text) is not None


def address(text: str) -> str:
    """An address in the one form that libraries know it by. Raises LibraryError if it cannot be used."""
    found = _ADDRESS.fullmatch(text)
    assert found is not None
    protocol, rest = found[1].lower(), found[2]
    if "::" in text:
        raise LibraryError(f"{text}: addresses within addresses cannot be indexed; unpack it to a folder")
    if urlsplit(text).password is not None:
        raise LibraryError(
            f"{protocol}://…: the address holds a password, which would be written into the library; put it "
            "into fsspec's configuration"
        )
    if protocol in ("file", "local"):
        return f"file://{os.path.abspath(rest)}"
    return f"{protocol}://{rest.rstrip('/')}"


def walk(text: str) -> Walk:
    """All sound files below an address, as `walk.walk` finds them below a folder.

    Raises LibraryError when the extra or a store's package is not installed, nobody answers, or there is no
    such folder.
    """
    top = address(text)
    system, root = system_of(top)
    found = Walk(os.fsencode(top))
    try:
        within(LEAST_WAIT_S, system.invalidate_cache)
        if within(LEAST_WAIT_S, lambda: system.info(root)).get("type") == "file":
            raise LibraryError(f"{top}: is a file; give the folder that your sounds are in")
    except LibraryError:
        raise
    except Exception as error:
        raise LibraryError(f"{top}: cannot be read ({why(error)}); {_advice(error)}") from None
    prefix = root.rstrip("/")
    for name, info in _files(system, root, found):
        found.files[os.fsencode(top.rstrip("/") + name[len(prefix) :])] = _mark(info)
    return found


def _files(system: Any, root: str, found: Walk) -> Iterator[tuple[str, dict[str, Any]]]:
    waiting = deque([root])
    while waiting:
        folder = waiting.popleft()
        try:
            entries = within(LEAST_WAIT_S, partial(system.ls, folder, detail=True))
        except Exception as error:
            top = os.fsdecode(found.top).rstrip("/")
            found.unread.append((os.fsencode(top + folder[len(root.rstrip("/")) :]), why(error)))
            continue
        found.empty = found.empty or (folder == root and not entries)
        for entry in sorted(entries, key=lambda entry: str(entry["name"])):
            name = str(entry["name"]).rstrip("/")
            last = name.rpartition("/")[2]
            if last.startswith(".") or last == "__MACOSX" or name == folder.rstrip("/"):
                continue
            if entry["type"] == "directory":
                if not entry.get("islink"):
                    waiting.append(name)
            elif os.path.splitext(os.fsencode(last))[1].lower() in SUFFIXES:
                yield name, entry


def _mark(info: dict[str, Any]) -> Mark:
    """How a file looks: its time of change, or a number made of the store's tag for its content."""
    size = int(info.get("size") or 0)
    tag = next((info[name] for name in _TAGS if info.get(name)), None)
    if tag is None:
        time = next((info[name] for name in _TIMES if info.get(name)), None)
        if isinstance(time, int | float):
            return Mark(size, int(time * 1e9))
        if isinstance(time, datetime):
            return Mark(size, int(time.timestamp() * 1e9))
        tag = time
    if tag is None:
        return Mark(size, UNKNOWN)
    # As a time it lies long ago, so that it is believed.
    number = int.from_bytes(hashlib.blake2b(str(tag).encode(), digest_size=8).digest(), "big")
    return Mark(size, number >> (64 - _TAG_BITS))


def there(name: str) -> bool:
    """Whether there is still something at an address."""
    try:
        system, root = system_of(name)
        return bool(within(LEAST_WAIT_S, lambda: system.exists(root)))
    except Exception:
        return False


@contextmanager
def fetched(names: Sequence[bytes], sizes: Sequence[int]) -> Iterator[list[Path | str]]:
    """Copies of files on this machine, for as long as the context lasts; for each its path, or why there is
    none. Raises LibraryError when a store's package is not installed.
    """
    with TemporaryDirectory(prefix="ghostnote-") as folder:
        places = [Path(folder, f"{k}{Path(os.fsdecode(name)).suffix}") for k, name in enumerate(names)]
        limit_s = LEAST_WAIT_S + sum(sizes) / SLOWEST_BYTES_S
        together = sum(sizes) <= AT_ONCE_BYTES
        found: list[Path | str] = []
        if together:
            try:
                found = within(limit_s, lambda: _at_once(names, places))
            except LibraryError:
                raise
            except Exception as error:
                found = [why(error)] * len(names)
        else:
            for name, place, size in zip(names, places, sizes, strict=True):
                limit_s = LEAST_WAIT_S + size / SLOWEST_BYTES_S
                found.append(_one(os.fsdecode(name), place, limit_s))
        yield found


def _at_once(names: Sequence[bytes], places: Sequence[Path]) -> list[Path | str]:
    pairs = [system_of(os.fsdecode(name)) for name in names]
    systems = {id(system): system for system, _ in pairs}
    contents: dict[str, Any] = {}
    for number, system in systems.items():
        roots = [root for own, root in pairs if id(own) == number]
        contents |= zip(
            roots, system.cat_ranges(roots, [None] * len(roots), [None] * len(roots), on_error="return"),
            strict=True,
        )  # fmt: skip
    found: list[Path | str] = []
    for (_, root), place in zip(pairs, places, strict=True):
        content = contents[root]
        if isinstance(content, BaseException):
            found.append(why(content))
            continue
        place.write_bytes(content)
        found.append(place)
    return found


def _one(name: str, place: Path, limit_s: float) -> Path | str:
    try:
        system, root = system_of(name)
        within(limit_s, lambda: system.get_file(root, str(place)))
    except LibraryError:
        raise
    except Exception as error:
        return why(error)
    return place


@contextmanager
def copy_of(name: str) -> Iterator[str]:
    """The path of a copy of one file on this machine. Raises AudioFileError, LibraryError."""
    with TemporaryDirectory(prefix="ghostnote-") as folder:
        found = _one(name, Path(folder, f"sound{Path(name).suffix}"), 10.0 * LEAST_WAIT_S)
        if isinstance(found, str):
            raise AudioFileError(f"{name}: cannot be read ({found})")
        yield str(found)


def hash_of(name: str, digest: hashlib.blake2b) -> None:
    """Feed the bytes of a file to `digest`. Raises OSError, whatever the store raises."""
    try:
        system, root = system_of(name)
        with system.open(root, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except Exception as error:
        raise OSError(why(error)) from None


def system_of(name: str) -> tuple[Any, str]:
    """fsspec's file system for an address, and the address as that knows it. Raises LibraryError."""
    protocol = name.partition("://")[0]
    try:
        from fsspec import get_filesystem_class
        from fsspec.core import url_to_fs
    except ImportError:
        raise LibraryError(
            f"{name}: addresses need the extra remote (pip install 'ghostnote[remote]')"
        ) from None
    try:
        get_filesystem_class(protocol)
    except ValueError:
        raise LibraryError(
            f"{name}: fsspec knows no {protocol}://; it knows s3, gs, az, sftp, http, file and others"
        ) from None
    except ImportError as error:
        raise LibraryError(f"{name}: {protocol}:// needs a package of its own ({why(error)})") from None
    try:
        system, root = url_to_fs(name)
    except Exception as error:
        raise LibraryError(f"{name}: cannot be used ({why(error)}); {_advice(error)}") from None
    return system, str(root)


def within(limit_s: float, work: Callable[[], Result]) -> Result:
    """What `work` gives. Raises TimeoutError when that takes longer; the work is left alone then."""
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="ghostnote-store")
    thread.start()
    thread.join(limit_s)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"no answer within {limit_s:.0f} s")
    return done[0]


def why(error: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())[:300]


def _advice(error: BaseException) -> str:
    said = f"{type(error).__name__} {error}".lower()
    if isinstance(error, FileNotFoundError):
        return "check the name of the bucket and the folder"
    if isinstance(error, PermissionError) or "credential" in said or "forbidden" in said or "denied" in said:
        return "log in to the store, or give fsspec credentials (its environment variables or configuration)"
    return "is the network there, and the address right?"
