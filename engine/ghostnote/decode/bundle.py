"""Where model bundles are: found by name or path. Their manifest is `manifest.Manifest`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ghostnote.decode.manifest import MANIFEST_NAME, NAME, Axis, FileEntry, Manifest
from ghostnote.errors import BundleError

__all__ = ["MANIFEST_NAME", "Axis", "FileEntry", "Manifest", "available", "find", "roots", "user_data"]


def roots() -> list[Path]:
    """Folders that are searched for bundles, first wins.

    `GHOSTNOTE_MODELS`, the `models` folder of a source checkout, the bundles inside the installed package,
    the user's data folder. Only those that exist.
    """
    package = Path(__file__).resolve().parents[1]
    places = []
    if chosen := os.environ.get("GHOSTNOTE_MODELS"):
        places.append(Path(chosen).expanduser())
    if package.parent.name == "engine" and (package.parents[1] / "pyproject.toml").is_file():
        places.append(package.parents[1] / "models")
    places.append(package / "_models")
    places.append(user_data() / "models")
    return [place for place in places if place.is_dir()]


def user_data() -> Path:
    """The user's data folder of ghostnote, where the platform wants it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "ghostnote"
    if sys.platform == "win32":
        base = os.environ.get("APPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Roaming") / "ghostnote"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "ghostnote"


def available() -> list[Path]:
    """Folders of the bundles that `find` knows by name, sorted by name; an earlier root hides a later one."""
    found: dict[str, Path] = {}
    for root in roots():
        try:
            children = sorted(root.iterdir())
        except OSError:
            continue
        for folder in children:
            if NAME.fullmatch(folder.name) and _is(Path.is_file, folder / MANIFEST_NAME):
                found.setdefault(folder.name, folder)
    return [found[name] for name in sorted(found)]


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The folder of a bundle given by name, by its folder, or by the path of its `model.json`.

    Raises BundleError naming the bundles that exist when there is none of that name or at that path.
    """
    text = os.fspath(name_or_path)
    known = available()
    for folder in known:
        if folder.name == text:
            return folder
    path = Path(text).expanduser()
    if path.name == MANIFEST_NAME:
        path = path.parent
    if text and _is(Path.is_dir, path):
        if _is(Path.is_file, path / MANIFEST_NAME):
            return path
        raise BundleError(
            f"model folder {path}: there is no {MANIFEST_NAME} in it; give the folder of one bundle"
        )
    names = ", ".join(folder.name for folder in known) or "none"
    raise BundleError(
        f"model {text[:200]!r}: no bundle of that name and no such folder; known models: {names};"
        " give one of these, a bundle's folder, or set GHOSTNOTE_MODELS to the folder that holds your bundles"
    )


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    """Whether `path` is of a kind; not, if it may not be looked at or no file can have its name."""
    try:
        return kind(path)
    except (OSError, ValueError):
        return False
