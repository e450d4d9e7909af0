"""The sounds that ears heard last, as files, so that a slot can have one."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from collections.abc import Callable
from pathlib import Path

from ghostnote.errors import GhostnoteError
from ghostnote.features.sound_writer import SoundWriter
from ghostnote.host.hearing import Heard

HEARD = "heard"
"""Folder of the sounds that were heard last, among what the instrument keeps."""
KEPT = 16
"""Files that are kept; the oldest goes."""
_WAITING = 8


class HeardFiles:
    """Writes sounds into `folder` in a thread of its own; what was there before goes. Thread: `put` one.

    A disk that refuses costs sounds, not answers. `written`: called in that thread with each sound that is
    there.
    """

    def __init__(
        self, folder: Path, rate: int, written: Callable[[Heard], None] = lambda heard: None
    ) -> None:
        self._folder, self._rate, self._written = folder, rate, written
        self._queue: queue.Queue[Heard | None] = queue.Queue(_WAITING)
        self.lost = 0
        """Sounds that could not be written."""
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("*.wav"):
                old.unlink()
        self._thread = threading.Thread(target=self._run, name="ghostnote-heard", daemon=True)
        self._thread.start()

    def put(self, heard: Heard) -> None:
        """Keep a sound that is over. Never waits."""
        try:
            self._queue.put_nowait(heard)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Write what waits, and end."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while (heard := self._queue.get()) is not None:
            try:
                self._write(heard)
            except (OSError, GhostnoteError):
                self.lost += 1
            else:
                self._written(heard)

    def _write(self, heard: Heard) -> None:
        label = re.sub(r"[^A-Za-z0-9_ ]", "_", heard.answers[-1].label)
        path = self._folder / f"{heard.number:08d}-{label}.wav"
        with SoundWriter(path, self._rate, 1) as file:
            file.write(heard.samples)
        for old in sorted(self._folder.glob("*.wav"))[:-KEPT]:
            old.unlink()
