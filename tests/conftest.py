"""What every test shares: seeded randomness, the sound data, a free port, and a home folder of its own."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads: tests share few cores

import socket
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from jackserver import jack_server

__all__ = ["jack_server"]  # a fixture of its own file, for every test that needs a JACK server

# The same examples in every run, and no clock: a busy machine must not fail a property.
hypothesis.settings.register_profile("ghostnote", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("ghostnote")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder that the program under test, and every process it starts, takes for its state."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("GHOSTNOTE_HOME", str(folder))
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20_190_601)


@pytest.fixture
def make_rng() -> Callable[[int], np.random.Generator]:
    """Make a generator from a seed, for tests that compare streams of random numbers."""
    return np.random.default_rng


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with the sound data; the test is skipped where there is none."""
    named = os.environ.get("GHOSTNOTE_DATA")
    if not named:
        pytest.skip("GHOSTNOTE_DATA is not set: no folder with sound data")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"GHOSTNOTE_DATA names {folder}, which is not a folder")
    return folder


@pytest.fixture
def make_free_port() -> Callable[[], int]:
    """Find a UDP port on the loopback address that nobody holds just now."""

    def find() -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture
def free_udp_port(make_free_port: Callable[[], int]) -> int:
    """A UDP port on the loopback address that nobody holds just now."""
    return make_free_port()
