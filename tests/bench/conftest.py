"""A small sounding bundle for what is measured on a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundles import build_bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bench") / "tiny")
