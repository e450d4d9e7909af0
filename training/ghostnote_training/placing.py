"""Puts a finished model where the engine finds it, unless a better one of its name is there."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ghostnote.decode import bundle as bundles
from ghostnote.decode.manifest import MANIFEST_NAME, NAME
from ghostnote.errors import UsageError

ASIDE = ".replaced"
"""Folder beside the models where those are kept that were replaced."""

WORSE_DB = 0.05
WORSE_ACCURACY = 0.01
"""Differences that say nothing."""


@dataclass(frozen=True)
class Score:
    """What models are compared by; None where it was not measured."""

    distance_db: float | None = None
    accuracy: float | None = None

    def __str__(self) -> str:
        parts = []
        if self.distance_db is not None:
            parts.append(f"log-spectral distance {self.distance_db:.2f} dB")
        if self.accuracy is not None:
            parts.append(f"balanced accuracy {self.accuracy:.2f}")
        return ", ".join(parts) or "no figures"

    def worse_than(self, other: Score) -> bool:
        """Whether any figure is worse than the other's, or missing where the other has it."""
        if other.distance_db is not None and (
            self.distance_db is None or self.distance_db > other.distance_db + WORSE_DB
        ):
            return True
        return other.accuracy is not None and (
            self.accuracy is None or self.accuracy < other.accuracy - WORSE_ACCURACY
        )


def score(quality: Mapping[str, Any]) -> Score:
    """The figures of a manifest that models are compared by: those on held-out sounds."""
    held_out = next((v for k, v in quality.items() if k.startswith("held_out") and isinstance(v, dict)), {})
    heard = quality.get("classifier")
    heard = heard if isinstance(heard, dict) else {}
    accuracy = heard.get("balanced_accuracy", heard.get("whole", {}).get("balanced_accuracy"))
    distance = held_out.get("log_spectral_distance_db")
    return Score(
        float(distance) if isinstance(distance, int | float) else None,
        float(accuracy) if isinstance(accuracy, int | float) else None,
    )


def destination(name: str, out: Path | None) -> Path:
    """Where a model of this name goes: `out`, else the folder that GHOSTNOTE_MODELS names, else the
    user's models.

    Raises UsageError for a name that no model can have, one that the engine finds elsewhere first, and
    a place that is something else or cannot be written.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"--name {name!r}: letters, digits, '.', '_' and '-', at most 64, beginning with one of the first"
        )
    chosen = os.environ.get("GHOSTNOTE_MODELS")
    folder = out or (Path(chosen).expanduser() if chosen else bundles.user_data() / "models") / name
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; give another --out")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST_NAME).is_file():
        raise UsageError(f"{folder}: is a folder of something else, and not replaced; give another --out")
    if out is None:
        first = next((found for found in bundles.available() if found.name == name), None)
        if first is not None and first.resolve() != folder.resolve():
            raise UsageError(
                f"--name {name}: `--model {name}` would still find the model in {first}; choose another name"
            )
    parent = folder.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{parent}: cannot be made ({error.strerror or error}); give another --out"
        ) from None
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(f"{parent}: cannot be written; change its permissions, or give another --out")
    return folder.absolute()


def present(folder: Path) -> Score | None:
    """The figures of the model that is in a place; None where there is none, or one that cannot be read."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        return score(manifest["quality"])
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def place(made: Path, folder: Path, replace: bool) -> Path | None:
    """Copy the model in `made` to `folder`, whole or not at all. What was there is moved aside; returns
    where to.

    Nothing happens where it is already there. Raises UsageError when what is there is better and
    `replace` is not given.
    """
    there = folder / MANIFEST_NAME
    if there.is_file() and there.read_bytes() == (made / MANIFEST_NAME).read_bytes():
        return None
    before, after = present(folder), present(made)
    if before is not None and after is not None and after.worse_than(before) and not replace:
        raise UsageError(
            f"the model in {folder} is better ({before}; the new one: {after}) and stays; the new one is "
            f"in {made}; "
            "--resume --replace puts it in its place"
        )
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(made, partial)
        for path in partial.iterdir():
            with path.open("rb+") as handle:
                os.fsync(handle.fileno())
        kept = None
        with suppress(OSError):
            folder.rmdir()  # one that was made for it, and is empty
        if folder.exists():
            shelf = folder.parent / ASIDE
            shelf.mkdir(exist_ok=True)
            name = f"{folder.name}-{time.strftime('%Y%m%d-%H%M%S')}"
            kept = next(p for k in itertools.count(1) if not (p := shelf / f"{name}-{k}").exists())
            folder.rename(kept)
        try:
            partial.rename(folder)
        except OSError:
            if kept is not None:
                kept.rename(folder)
            raise
        return kept
    finally:
        shutil.rmtree(partial, ignore_errors=True)
