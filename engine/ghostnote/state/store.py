"""State files: written aside, synced and renamed, so that a crash leaves the old one or the new one."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from ghostnote.errors import StateError
from ghostnote.json_text import parse

_MAX_BYTES = 4 << 20
_MAX_DEPTH = 100
_STALE_S = 60.0


def home() -> Path:
    """The folder for state and user models: `GHOSTNOTE_HOME` if set, else the platform's place for it."""
    if chosen := os.environ.get("GHOSTNOTE_HOME"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "ghostnote"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", str(Path.home()))) / "ghostnote"
    return Path(os.environ.get("XDG_STATE_HOME", str(Path.home() / ".local" / "state"))) / "ghostnote"


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a state file. Raises StateError; the file that was there before is then still whole."""
    try:
        content = _encoded(state)
    except (ValueError, TypeError, RecursionError) as error:
        raise StateError(f"{path}: cannot be written, since the state is not sound ({error})") from None
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise StateError(
            f"{path}: cannot be written ({error.strerror}); free some space or set GHOSTNOTE_HOME"
        ) from error


def sweep(path: Path) -> None:
    """Remove what saves that were killed left beside a state file."""
    for left in path.parent.glob(f"{path.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                left.unlink()


def read(path: Path, what: str = "state file") -> dict[str, Any]:
    """Read a JSON object from a file. Raises StateError when it is missing, too large or not strict JSON."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise StateError(f"{path}: larger than a {what} can be ({_MAX_BYTES} bytes)")
        state = parse(path.read_text(encoding="utf-8"), _MAX_DEPTH)
    except FileNotFoundError:
        raise StateError(f"{path}: no such {what}") from None
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise StateError(f"{path}: damaged ({error}); delete it to start afresh") from None
    if not isinstance(state, dict):
        raise StateError(f"{path}: not a {what}")
    return state


def _encoded(state: dict[str, Any]) -> bytes:
    def text(ascii_only: bool) -> str:
        return json.dumps(state, sort_keys=True, allow_nan=False, indent=1, ensure_ascii=ascii_only)

    try:
        return text(ascii_only=False).encode("utf-8")
    except UnicodeEncodeError:  # half a character, as JSON can hold it
        return text(ascii_only=True).encode("ascii")


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
