"""Reading the files of a bundle: regular files inside the bundle's folder, never more than a set size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ghostnote.errors import BundleError


def inside(folder: Path, name: str) -> Path:
    """The real path of file `name` of a bundle.

    Raises BundleError when it is missing or a link leads it out of the bundle's folder.
    """
    path = folder / name
    try:
        real = path.resolve(strict=True)
        home = folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise BundleError(f"{path}: {_reason(error)}; copy the whole bundle folder again") from None
    if not real.is_relative_to(home):
        raise BundleError(f"{path}: a link leads out of the bundle's folder; put the file itself there")
    return real


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file of at most `max_bytes`. Raises BundleError otherwise."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BundleError(f"{path}: not a regular file; copy the whole bundle folder again")
        with open(path, "rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise BundleError(f"{path}: {_reason(error)}; copy the whole bundle folder again") from None
    if len(data) > max_bytes:
        raise BundleError(f"{path}: longer than the {max_bytes} bytes that are read of such a file")
    return data


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "file is missing"
    return getattr(error, "strerror", None) or "cannot be read"
