"""A small sounding bundle for what is measured on a model, and a JACK server of the bench's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bundles import build_bundle
from ghostnote.bench.jack_server import JackServer, UnavailableError


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bench") / "tiny")


@pytest.fixture(scope="session")
def needs_jack() -> None:
    """Skip, with the reason, where the live sections would be skipped."""
    try:
        with JackServer():
            pass
    except UnavailableError as error:
        pytest.skip(f"no JACK server: {error}")


@pytest.fixture(scope="module")
def server(needs_jack: None) -> Iterator[JackServer]:
    """A server (48 kHz, 128 frames) for the tests of one module."""
    with JackServer() as running:
        yield running
