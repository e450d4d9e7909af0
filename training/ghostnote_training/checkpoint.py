"""Checkpoints that survive a kill: one .npz written beside the old one and renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.float32]]


def save(path: Path, groups: dict[str, Arrays], state: dict[str, Any]) -> None:
    """Write named groups of arrays and a JSON-able state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat: dict[str, Any] = {
        f"{name}:{k}": value for name, values in groups.items() for k, value in enumerate(values)
    }
    flat["state"] = np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as handle:
        np.savez(handle, **flat)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)


def load(path: Path) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """What `save` wrote."""
    groups: dict[str, dict[int, NDArray[np.float32]]] = {}
    with np.load(path, allow_pickle=False) as stored:
        state = json.loads(stored["state"].tobytes().decode())
        for key in stored.files:
            if key != "state":
                name, _, index = key.rpartition(":")
                groups.setdefault(name, {})[int(index)] = stored[key]
    return {name: [values[k] for k in sorted(values)] for name, values in groups.items()}, state
