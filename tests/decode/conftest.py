"""A good bundle, shared by the tests of this folder, and copies of it to break."""

from __future__ import annotations

import shutil

import pytest

from bundles import build_bundle
from ghostnote.decode.model import load


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folder of a good bundle; not to be changed."""
    return build_bundle(tmp_path_factory.mktemp("good") / "tiny")


@pytest.fixture
def copy(tiny, tmp_path):
    """Folder of a copy of the good bundle, to be changed."""
    return shutil.copytree(tiny, tmp_path / "tiny")


@pytest.fixture(scope="session")
def model(tiny):
    """The good bundle, loaded."""
    return load(tiny)
