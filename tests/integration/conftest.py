"""Ghostnote on a real JACK server, and an ear that hears what comes out of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bundles import build_bundle
from jackserver import JackServer
from playing import PATIENCE_S, Playing, environment, wait_for

HERE = Path(__file__).parent
SILENT = 1e-4


class Ear:
    """What a JACK client hears, window after window of 20 ms."""

    def __init__(self, server: JackServer) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "ear.py"), server.name],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.windows: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        wait_for(lambda: self.windows, "the ear")

    def _listen(self) -> None:
        for line in self.process.stdout:
            told = json.loads(line)
            if "level" in told:
                self.windows.append(told)

    def hears(self, action: Callable[[], object], what: str) -> dict[str, Any]:
        """Do something again and again until it is heard; the first loud window."""

        def heard() -> dict[str, Any] | None:
            action()
            start = len(self.windows)
            for _ in range(40):
                time.sleep(0.02)
                for window in self.windows[start:]:
                    if window["level"] > 0.003:
                        return window
            return None

        return wait_for(heard, f"{what} at the server's port")

    def is_silent(self, windows: int = 10) -> None:
        """Wait until so many windows in a row are silent."""
        wait_for(
            lambda: len(self.windows) >= windows and all(w["peak"] < SILENT for w in self.windows[-windows:]),
            "silence",
        )

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        self._thread.join(5)
        self.process.stdout.close()


class Keys:
    """A JACK MIDI keyboard in a process of its own."""

    def __init__(self, server) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "keys.py")],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdout.readline() == "ready\n"

    def send(self, *messages: str) -> None:
        """Messages as bytes in hexadecimal, such as `90 3c 7f`."""
        for message in messages:
            self._process.stdin.write(f"{message}\n")
            self._process.stdin.flush()
            assert self._process.stdout.readline() == "sent\n"

    def turn(self, number: int) -> None:
        """Turn a knob from one end to the other, so that it picks its value up on its way."""
        self.send(*(f"b0 {number:02x} {value:02x}" for value in (*range(0, 127, 4), 127)))

    def close(self) -> None:
        """Unplug it."""
        if self._process.poll() is None:
            self._process.stdin.close()
            self._process.wait(PATIENCE_S)
            self._process.stdout.close()


@pytest.fixture
def keys(jack_server):
    rtmidi = pytest.importorskip("rtmidi")
    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
        pytest.skip("this python-rtmidi is built without JACK")
    made = Keys(jack_server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def listen() -> Iterator[Callable[[JackServer], Ear]]:
    """Open an ear on a server."""
    ears: list[Ear] = []

    def start(server: JackServer) -> Ear:
        ears.append(Ear(server))
        return ears[-1]

    yield start
    for ear in ears:
        ear.close()


@pytest.fixture
def play(tmp_path, bundle, free_udp_port) -> Iterator[Callable[..., Playing]]:
    """Start `ghostnote play` on a server, with these arguments more, and wait until it plays."""
    running: list[Playing] = []

    def start(server: JackServer, *arguments: str) -> Playing:
        given = ["--model", str(bundle), "--log", str(tmp_path / "played.jsonl"), *arguments]
        running.append(Playing(tmp_path, free_udp_port, *given, env=environment(server.env)))
        running[-1].wait_until_ready()
        return running[-1]

    yield start
    for performance in running:
        performance.close()
