"""The folder of a training run: what was asked for, how far it is, and that only one process works in it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ghostnote.errors import UsageError
from ghostnote_training import checkpoint

VERSION = 1
ROOM_BYTES = 500_000_000
"""What a run wants to have free: checkpoints, the one that is being written, the model."""


class RunFolder:
    """Settings of a run (`settings.json`, never changed) and its state (`state.json`), both written aside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = _read(path / "settings.json")
        self.state: dict[str, Any] = _read(path / "state.json")

    @property
    def begun(self) -> bool:
        """Whether there is a run."""
        return bool(self.settings) and not self._moving.exists()

    @property
    def learnt(self) -> bool:
        """Whether there is a run whose loss would be a pity: it was at learning already."""
        learning = self.state.get("stage") not in (None, "sounds")
        return self.begun and (learning or (self.path / "checkpoint.npz").exists())

    @property
    def _moving(self) -> Path:
        """Is there while an older run is moved aside, so that half a run is never taken for one."""
        return self.path / "moving"

    @property
    def finished(self) -> bool:
        """Whether its model is where it was to be put."""
        return bool(self.state.get("placed"))

    @property
    def bundle(self) -> Path:
        """Where the model is made."""
        return self.path / "bundle"

    def note(self, **values: Any) -> None:
        """Change the state."""
        self.state |= values
        checkpoint.write_json(self.path / "state.json", self.state)

    def begin(self, settings: dict[str, Any]) -> None:
        """Write the settings of a new run; an older run in the same place is kept as `NAME.before`, if it
        learnt anything.
        """
        before = self.path.with_name(f"{self.path.name}.before")
        if self.learnt:
            shutil.rmtree(before, ignore_errors=True)
            self._moving.write_bytes(b"")
        moving = self._moving.exists()
        for child in sorted(self.path.iterdir()) if moving else ():
            if child.name not in ("lock", self._moving.name):
                before.mkdir(parents=True, exist_ok=True)
                child.replace(before / child.name)
        self._moving.unlink(missing_ok=True)
        self.settings = {"version": VERSION, **settings}
        self.state = {}
        self.note(stage="sounds")
        checkpoint.write_json(self.path / "settings.json", self.settings)

    def told(self) -> str:
        """How far the run is, in words."""
        stage = self.state.get("stage")
        if stage == "bundle":
            return "trained, and not yet made into a model"
        if stage == "done":
            return "whose model was not put in its place"
        step = checkpoint.state(self.path / "checkpoint.npz").get("step")
        return f"at step {step}" if step else "just begun"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work in the folder while no other process does. Raises UsageError if one does, or it cannot
        be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.path).free
            handle = (self.path / "lock").open("a+b")
        except OSError as error:
            raise UsageError(
                f"{self.path}: cannot be written ({error.strerror or error}); change its permissions, "
                "or give another folder with --run"
            ) from None
        with handle:
            if not _lock(handle.fileno()):
                raise UsageError(
                    f"{self.path}: another training works there; wait for it, or give another --name"
                )
            if free < ROOM_BYTES:
                raise UsageError(
                    f"{self.path}: {free / 1e6:.0f} MB are free, a run wants {ROOM_BYTES / 1e6:.0f}; free "
                    "some space, "
                    "or give a folder on another disk with --run"
                )
            yield


def _lock(descriptor: int) -> bool:
    """Take a lock that ends with the process, however that ends; whether it could be taken."""
    try:
        if os.name == "nt":
            msvcrt: Any = importlib.import_module("msvcrt")
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}
