"""A headless Pure Data with the shipped patches on its path, a socket that hears, and an engine."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from pythonosc.osc_message import OscMessage

from bundles import build_bundle
from playing import PATIENCE_S, Playing

PATCHES = Path(__file__).resolve().parents[2] / "patches" / "pd"


class Ear:
    """A UDP socket on the loopback address that keeps every datagram it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.port = 0
        self._open()

    def _open(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.port = int(self.socket.getsockname()[1])

    def restart(self, after_s: float) -> None:
        """Be deaf for a while, as an engine that is started anew on the same port."""
        self.socket.close()
        time.sleep(after_s)
        self._open()

    def wait_for_any(self, addresses: Collection[str]) -> bytes:
        """The next datagram for one of the addresses, as it came; the others are passed over."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                datagram = self.socket.recv(65536)
            except TimeoutError:
                got = sorted({OscMessage(d).address for d in self.heard})
                pytest.fail(f"none of {sorted(addresses)} came within {PATIENCE_S:.0f} s, only {got}")
            self.heard.append(datagram)
            if OscMessage(datagram).address in addresses:
                return datagram

    def wait_for(self, address: str, *, how_many: int = 1) -> list[bytes]:
        """The next datagrams for one address, as they came."""
        return [self.wait_for_any({address}) for _ in range(how_many)]


def free_port() -> int:
    """A UDP port on the loopback address that nobody holds just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def entries(playing: Playing, addr: str) -> list[list]:
    """Arguments of an address in the log, in order."""
    return [e["args"] for e in map(json.loads, playing.lines()) if e.get("addr") == addr]


class Orchestra(Playing):
    """An engine that takes SuperDirt's messages too, at `dirt_port`."""

    dirt_port = 0


@pytest.fixture(scope="module")
def orchestra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], Orchestra]]:
    """One engine for all tests of a file, with a tiny model and no device; called with True, a new one."""
    model = build_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
    started: list[Orchestra] = []

    def engine(anew: bool) -> Orchestra:
        if anew or not started:
            close()
            folder, dirt_port = tmp_path_factory.mktemp("engine"), free_port()
            options = ("--model", str(model), "--device", "null", "--dirt", str(dirt_port))
            started.append(Orchestra(folder, free_port(), *options, "--log", str(folder / "played.jsonl")))
            started[-1].dirt_port = dirt_port
            started[-1].wait_until_ready()
        return started[-1]

    def close() -> None:
        while started:
            started.pop().close()

    yield engine
    close()


@pytest.fixture
def playing(orchestra: Callable[[bool], Orchestra], request: pytest.FixtureRequest) -> Orchestra:
    """The engine of all tests of a file; for a second chance a new one, in which nothing was played yet."""
    return orchestra(getattr(request.node, "execution_count", 1) > 1)


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.socket.close()


@pytest.fixture
def run_pd(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Start Pure Data on a patch given as text; at the end nothing that it printed may be an error."""
    program = shutil.which("pd") or shutil.which("puredata")
    if program is None:
        pytest.skip("Pure Data is not installed (Debian: puredata-core)")
    running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(patch: str) -> None:
        number = len(running)
        source, log = tmp_path / f"test{number}.pd", tmp_path / f"pd{number}.log"
        source.write_text(patch, encoding="utf-8")
        command = [program, "-nogui", "-noaudio", "-nomidi", "-noprefs", "-stderr", "-path", str(PATCHES)]
        with log.open("wb") as out:
            running.append((subprocess.Popen([*command, str(source)], stdout=out, stderr=out), log))

    yield start
    for process, log in running:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
        said = log.read_text(encoding="utf-8", errors="replace")
        assert "couldn't create" not in said, said
        assert "error" not in said.lower(), said
