"""A folder of scenes: stored whole or not at all, and nothing that was there before is lost."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from ghostnote.errors import SceneError, StateError
from ghostnote.scenes.names import checked, order, stem
from ghostnote.scenes.scene import Scene
from ghostnote.state import store

SUFFIX = ".json"
VERSIONS = "versions"
KEPT = 100
"""Older versions of a scene that are kept; the oldest gives way."""
MOST = 4096
"""Scenes that a folder may hold."""

_NUMBERED = re.compile(r"\.(\d{6})\.json$")


class Library:
    """Scenes by name. Thread: one at a time; no method is realtime-safe.

    A scene is a file in the folder, whatever its file name: what counts is the name that it holds. Older
    versions are in the folder `versions`, numbered.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[Path, tuple[tuple[int, int], str | None]] = {}

    def names(self) -> list[str]:
        """All scenes, in the order of `names.order`; a damaged file goes by its file name."""
        return sorted(self._paths(), key=order)

    def read(self, name: str) -> Scene:
        """A scene. Raises SceneError when there is none, or its file cannot be used."""
        name = checked(name)
        return self._load(self._existing(name))

    def store(self, scene: Scene) -> None:
        """Write a scene; what its file held before becomes an older version. Raises SceneError.

        Keys and values of the file that this version does not know are kept.
        """
        name = checked(scene.name)
        path = self._paths().get(name)
        if path is None:
            path = self._new_path(name)
        else:
            with contextlib.suppress(SceneError):
                before = self._load(path)
                scene = replace(
                    scene,
                    others={**before.others, **scene.others},
                    unknown_values={**before.unknown_values, **scene.unknown_values},
                    fade_s=before.fade_s if scene.fade_s is None else scene.fade_s,
                    exclude=scene.exclude or before.exclude,
                )
        self._keep(path, name)
        self._save(path, replace(scene, name=name).to_json())

    def rename(self, name: str, to: str) -> None:
        """Give a scene another name. Raises SceneError when there is none, or one of that name already."""
        name, to = checked(name), checked(to)
        path, paths = self._existing(name), self._paths()
        if name == to:
            return
        if to in paths:
            raise SceneError(f"there is a scene {to!r} already; delete it first, or choose another name")
        self._save(self._new_path(to), replace(self._load(path), name=to).to_json())
        self._put_away(path, name)

    def delete(self, name: str) -> None:
        """Take a scene out of the folder; it becomes an older version. Raises SceneError."""
        name = checked(name)
        self._put_away(self._existing(name), name)

    def restore(self, name: str, back: int = 1) -> float:
        """Bring an older version of a scene back, the latest or the `back`-th latest; when it was stored, in
        s since 1970. The present one becomes the latest older version itself.

        Raises SceneError when there is none.
        """
        name = checked(name)
        versions = self.versions(name)
        if not versions:
            raise SceneError(f"there is no older version of a scene {name!r}")
        if back > len(versions):
            raise SceneError(f"there are {len(versions)} older versions of scene {name!r}, not {back}")
        used = versions[-back]
        stored = self.stored_at(used)
        content = replace(self._load(used), name=name).to_json()
        path = self._paths().get(name) or self._new_path(name)
        self._keep(path, name, also=used)
        self._save(path, content)
        with contextlib.suppress(OSError):
            os.utime(path, (stored, stored))
        with contextlib.suppress(OSError):
            used.unlink()
        return stored

    def stored_at(self, path: Path) -> float:
        """When a file of a scene or of a version was stored, in s since 1970. Raises SceneError."""
        try:
            return path.stat().st_mtime
        except OSError as error:
            raise SceneError(f"{path.name}: cannot be read ({error.strerror})") from error

    def versions(self, name: str) -> list[Path]:
        """Files of a scene's older versions, the oldest first."""
        found = (self.folder / VERSIONS).glob(f"{stem(checked(name))}.*{SUFFIX}")
        return sorted(path for path in found if _NUMBERED.search(path.name))

    def _paths(self) -> dict[str, Path]:
        """The folder's scenes by name; the file that a name stands for goes before others that hold it."""
        paths: dict[str, Path] = {}
        seen: dict[Path, tuple[tuple[int, int], str | None]] = {}
        try:
            files = sorted(self.folder.glob(f"*{SUFFIX}"))[:MOST]
        except OSError as error:
            raise SceneError(f"{self.folder}: cannot be read ({error.strerror})") from error
        for path in files:
            with contextlib.suppress(OSError, SceneError):
                if not path.is_file():
                    continue
                status = path.stat()
                mark = (status.st_mtime_ns, status.st_size)
                if self._seen.get(path, (None, None))[0] != mark:
                    self._seen[path] = (mark, self._name_in(path))
                seen[path] = self._seen[path]
                name = seen[path][1]
                if name is not None and (name not in paths or path.stem == stem(name)):
                    paths[name] = path
        self._seen = seen
        return paths

    def _name_in(self, path: Path) -> str | None:
        """The name that a file goes by, None for one that cannot have any."""
        try:
            content = store.read(path, what="scene file")
        except StateError:
            return _told(path.stem)
        name = content.get("name")
        try:
            return checked(name) if isinstance(name, str) else _told(path.stem)
        except SceneError:
            return _told(path.stem)

    def _existing(self, name: str) -> Path:
        path = self._paths().get(name)
        if path is None:
            known = ", ".join(self.names()[:8]) or "none yet"
            raise SceneError(f"there is no scene {name!r}; there are: {known}")
        return path

    def _new_path(self, name: str) -> Path:
        return self.folder / f"{stem(name)}{SUFFIX}"

    def _load(self, path: Path) -> Scene:
        try:
            content = store.read(path, what="scene file")
        except StateError as error:
            raise SceneError(str(error)) from None
        return Scene.from_json(content, path.name)

    def _save(self, path: Path, content: dict[str, Any]) -> None:
        try:
            store.save(path, content)
        except StateError as error:
            raise SceneError(str(error)) from None

    def _keep(self, path: Path, name: str, also: Path | None = None) -> None:
        """Copy a file that is to be written over to the older versions; `also`: one that stays."""
        if not path.exists():
            return
        kept = self._next_version(name)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, kept)
            except OSError:  # a file system without links
                shutil.copy2(path, kept)
        except OSError as error:
            raise SceneError(f"{path.name}: its older version cannot be kept ({error.strerror})") from error
        self._thin(name, also)

    def _put_away(self, path: Path, name: str) -> None:
        kept = self._next_version(name)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            path.replace(kept)
        except OSError as error:
            raise SceneError(f"{path.name}: cannot be taken away ({error.strerror})") from error
        self._thin(name)

    def _next_version(self, name: str) -> Path:
        numbers = [int(found[1]) for path in self.versions(name) if (found := _NUMBERED.search(path.name))]
        return self.folder / VERSIONS / f"{stem(name)}.{max(numbers, default=0) + 1:06d}{SUFFIX}"

    def _thin(self, name: str, keep: Path | None = None) -> None:
        for path in [path for path in self.versions(name) if path != keep][:-KEPT]:
            with contextlib.suppress(OSError):
                path.unlink()


def _told(text: str) -> str | None:
    try:
        return checked(text)
    except SceneError:
        return None
