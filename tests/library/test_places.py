"""Which databases a library has, also while it is being deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ghostnote.errors import LibraryError
from ghostnote.library import places


@pytest.fixture
def folder(tmp_path):
    for age, name in enumerate(("new.sqlite", "old.sqlite")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "folder.sqlite").mkdir()
    (tmp_path / "old.sqlite-wal").touch()
    return tmp_path


def test_the_latest_changed_is_first_and_only_files_count(folder):
    assert [path.name for path in places.databases(folder)] == ["new.sqlite", "old.sqlite"]


def test_what_is_deleted_between_two_looks_is_not_there(folder, monkeypatch):
    seen = [folder / "gone.sqlite", folder / "new.sqlite", folder / "old.sqlite"]
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(seen))
    assert [path.name for path in places.databases(folder)] == ["new.sqlite", "old.sqlite"]

    def vanishing(self, pattern):
        yield folder / "gone.sqlite"
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "glob", vanishing)
    assert places.databases(folder) == []
    with pytest.raises(LibraryError, match="there is no library"):
        places.existing(folder)


def test_a_disk_that_fails_is_told(folder, monkeypatch):
    def failing(self, pattern):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "glob", failing)
    with pytest.raises(LibraryError, match="cannot be read"):
        places.databases(folder)
