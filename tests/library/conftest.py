"""A small model, folders of small sounds, and libraries of their own for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bundles import build_bundle
from ghostnote.features.spec import FeatureSpec
from ghostnote.library import indexing
from ghostnote.library.indexing import IndexOptions, Report


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    return build_bundle(folder, spec=FeatureSpec(frames=86))  # half a second, to be quick


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Libraries with a name are in a folder of the test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    return folder


@pytest.fixture
def index(bundle: Path, sounds: Path) -> Callable[..., Report]:
    """Index `sounds`, or other folders, with the small model and one worker."""

    def run(*folders: Path, library: str | Path = "lib", **options: object) -> Report:
        given = {"model": str(bundle), "workers": 1, **options}
        return indexing.index(folders or (sounds,), library, IndexOptions(**given))

    return run
