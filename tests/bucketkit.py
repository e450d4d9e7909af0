"""An object store in this process's memory that can be made to fail: `bucket://…`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem


class Bucket(MemoryFileSystem):
    """Objects with tags rather than times; `trouble(what, path)` is asked before each access."""

    protocol = "bucket"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    calls: ClassVar[list[tuple[str, str]]] = []
    trouble: ClassVar[Callable[[str, str], None]] = staticmethod(lambda what, path: None)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("bucket://").strip("/")

    def _asked(self, what: str, path: str) -> None:
        Bucket.calls.append((what, path))
        Bucket.trouble(what, path)

    def info(self, path: str, **rest: Any) -> dict[str, Any]:
        self._asked("info", path)
        return self._tagged(super().info(path, **rest))

    def ls(self, path: str, detail: bool = True, **rest: Any) -> Any:
        self._asked("ls", path)
        found = super().ls(path, detail=True, **rest)
        return [self._tagged(one) for one in found] if detail else [one["name"] for one in found]

    def _tagged(self, info: dict[str, Any]) -> dict[str, Any]:
        out = {key: value for key, value in info.items() if key != "created"}
        if out["type"] == "file":
            out["ETag"] = f'"{hash(self.store[out["name"]].getvalue())}"'
        return out

    def cat_file(self, path: str, *rest: Any, **more: Any) -> bytes:
        self._asked("read", path)
        return bytes(super().cat_file(path, *rest, **more))

    def pipe_file(self, path: str, value: bytes, *rest: Any, **more: Any) -> None:
        self._asked("write", path)
        super().pipe_file(path, value, *rest, **more)


def upload(folder: Path, address: str) -> None:
    """All files of a folder to an address."""
    system, root = fsspec.core.url_to_fs(address)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            system.pipe_file(f"{root}/{path.relative_to(folder).as_posix()}", path.read_bytes())


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bucket]]:
    """An empty store."""
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    for store in (Bucket, MemoryFileSystem):
        store.store.clear()
        store.pseudo_dirs[:] = [""]
    Bucket.calls.clear()
    monkeypatch.setattr(Bucket, "trouble", staticmethod(lambda what, path: None))
    yield Bucket
    Bucket.store.clear()
    MemoryFileSystem.store.clear()


def slow(what: str, path: str) -> None:
    """A store that does not answer."""
    time.sleep(2.0)
