"""Files that survive a kill: written beside the old one, synced and renamed; checkpoints are .npz."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.float32]]

_NUMBERS = re.compile(r"(?<=\[)\n\s*-?\d[^\[\]\"{}]*(?=\])")
"""What stands in a list of numbers in indented JSON. A text holds no line break, so none is touched."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give errors of the system that name no file, such as that of a full disk, the one they are about."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A path to write to instead of `path`, which takes its place when all is written, and is removed
    when not.

    It ends as `path` does, since some writers look at that.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial.{path.name}")
    try:
        with naming(path):
            yield partial
            with partial.open("rb+") as handle:
                os.fsync(handle.fileno())
            partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON-able value, each list of numbers on one line. Names that are valid in no encoding are
    escaped and come back as they were.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = json.dumps(value, indent=1)
    text = _NUMBERS.sub(lambda found: " ".join(found[0].split()), text)
    with aside(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def save(path: Path, groups: dict[str, Arrays], state: dict[str, Any]) -> None:
    """Write named groups of arrays and a JSON-able state."""
    flat: dict[str, Any] = {
        f"{name}:{k}": value for name, values in groups.items() for k, value in enumerate(values)
    }
    flat["state"] = np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)
    with aside(path) as partial, partial.open("wb") as handle:
        np.savez(handle, **flat)


def state(path: Path) -> dict[str, Any]:
    """The state in a checkpoint, without its arrays; empty where there is none that can be read."""
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
            found: dict[str, Any] = json.loads(stored["state"].tobytes().decode())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return found


def load(path: Path) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """What `save` wrote. Raises ValueError for a file that is no checkpoint."""
    groups: dict[str, dict[int, NDArray[np.float32]]] = {}
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
            state = json.loads(stored["state"].tobytes().decode())
            for key in stored.files:
                if key != "state":
                    name, _, index = key.rpartition(":")
                    groups.setdefault(name, {})[int(index)] = stored[key]
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: this is no checkpoint ({error})") from None
    return {name: [values[k] for k in sorted(values)] for name, values in groups.items()}, state
