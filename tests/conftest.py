"""What every test shares: seeded randomness, the sound data, a free port, and a home folder of its own."""

from __future__ import annotations

import itertools
import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads: tests share few cores

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from jackserver import jack_server

__all__ = ["jack_server"]  # a fixture of its own file, for every test that needs a JACK server

# What is started in the background of a script, or by nohup, ignores signals, and so does all that it starts;
# a handler that does nothing is not handed on.
for _name in ("SIGINT", "SIGTERM", "SIGHUP"):
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# The same examples in every run, and no clock: a busy machine must not fail a property.
hypothesis.settings.register_profile("ghostnote", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("ghostnote")


PLAYS = {"play", "playing", "terminal"}
"""Fixtures that start the whole instrument in processes of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of processes, servers and other programs get a second chance: the scheduler has a say in them."""
    for item in items:
        outside = any(item.get_closest_marker(name) for name in ("jack", "real"))
        if outside or PLAYS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of home folders: pytest would look through all that there are, in each of thousands of tests."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder that the program under test, and every process it starts, takes for its state."""
    folder = next(homes)
    folder.mkdir()
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
