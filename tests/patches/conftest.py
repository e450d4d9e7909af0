"""A headless Pure Data with the shipped patches on its path, and a socket that hears what it sends."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from pythonosc.osc_message import OscMessage

PATCHES = Path(__file__).resolve().parents[2] / "patches" / "pd"
PATIENCE_S = 20.0


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
        process.wait(timeout=10)
        said = log.read_text(encoding="utf-8", errors="replace")
        assert "couldn't create" not in said, said
        assert "error" not in said.lower(), said
