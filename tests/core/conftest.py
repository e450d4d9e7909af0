"""A small sounding model for all tests of the engine."""

from __future__ import annotations

import pytest

from bundles import build_bundle
from ghostnote.decode.model import Model, load


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Model:
    return load(build_bundle(tmp_path_factory.mktemp("bundles") / "tiny"))


@pytest.fixture(scope="session")
def other_model(tmp_path_factory) -> Model:
    """Another seed and another latent size."""
    folder = tmp_path_factory.mktemp("bundles") / "other"
    return load(build_bundle(folder, seed=5, latent_size=32, name="other"))
