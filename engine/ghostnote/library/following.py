"""A library kept in memory while it may be indexed: what changed on disk is read again in the background."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ghostnote.decode.manifest import Manifest
from ghostnote.errors import LibraryError
from ghostnote.library import places
from ghostnote.library.catalogue import path_for
from ghostnote.library.search import Library, open_library, query_at

LOOK_S = 0.5
"""How often changes are looked for."""
MODELS = 4
"""So many models' sounds are kept; those asked for least lately go."""
SHARE = 0.1
"""While a library changes all the time, so much of the time at most is spent on reading it again."""

_State = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class _Held:
    """The sounds for a model, how their files looked just before they were read, and what reading took."""

    manifest: Manifest
    library: Library
    state: _State
    took_s: float
    read_at: float


class Following:
    """The sounds of one library for the models that are asked for, as they are on disk, soon after changes.

    `tell`: called when it cannot be read again; what was read before stays. Threads: `library` one; reading
    again has its own, which ends with `close`.
    """

    def __init__(self, name_or_folder: str, tell: Callable[[str], None] = lambda text: None) -> None:
        """Raises LibraryError for a text that no library is called by."""
        self._folder = places.place(name_or_folder)
        self._tell = tell
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ghostnote-following", daemon=True)
        self._thread.start()

    def library(self, manifest: Manifest) -> Library:
        """The sounds for a model; read now if they were not before. Raises LibraryError."""
        with self._changing:
            held = self._held.get(manifest.digest)
            if held is not None:
                self._held.move_to_end(manifest.digest)
        if held is None or not held.library.path.is_file():
            held = self._read(manifest)
            self._keep(held)
        return held.library

    def look(self) -> None:
        """Read again what changed. Called by its own thread."""
        for held in list(self._held.values()):
            busy = time.monotonic() - held.read_at < held.took_s / SHARE
            if busy or held.state == _state_of(held.library.path):
                continue
            try:
                again = self._read(held.manifest)
            except LibraryError as error:
                if held.library.path.is_file():
                    self._tell(f"{error}; what was read of it before is searched")
                    self._keep(
                        _Held(
                            held.manifest, held.library, _state_of(held.library.path), 1.0, time.monotonic()
                        )
                    )
                else:
                    self._forget(held)
                continue
            self._keep(again)

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look()

    def _read(self, manifest: Manifest) -> _Held:
        state = _state_of(path_for(self._folder, manifest))
        began = time.monotonic()
        library = open_library(self._folder, manifest, make=False)  # an index only where there is one
        if len(library):
            library.find(query_at(library.latents[0]), 1)  # the first answer is as quick as the others
        now = time.monotonic()
        return _Held(manifest, library, state, now - began, now)

    def _keep(self, held: _Held) -> None:
        with self._changing:
            self._held[held.manifest.digest] = held
            while len(self._held) > MODELS:
                self._held.popitem(last=False)

    def _forget(self, held: _Held) -> None:
        with self._changing:
            if self._held.get(held.manifest.digest) is held:
                del self._held[held.manifest.digest]


def _state_of(path: Path) -> _State:
    """How a database and what was written to it last look: equal while nothing changes."""
    return tuple(_look(part) for part in (path, path.with_name(f"{path.name}-wal")))


def _look(path: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return (found.st_ino, found.st_size, found.st_mtime_ns) if found.st_size else None
    return None
