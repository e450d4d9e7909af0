"""A JACK server of our own on the dummy driver, for tests that need the real thing."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

PORTS = 128
"""Room for so many: with the default, a server takes 107 MB of shared memory at once."""
START_LIMIT_S = 60.0
PATIENCE_S = 15.0
"""A server that does not answer by then is ended and started again."""
_PROBE = """
import sys, jack
jack.set_error_function(lambda text: None); jack.set_info_function(lambda text: None)
client = jack.Client("probe", servername=sys.argv[1], no_start_server=True)
print(client.samplerate, client.blocksize)
"""


@dataclass(frozen=True)
class JackServer:
    """A running server: `env` makes any child process (PortAudio, python-rtmidi, Pd) find it."""

    name: str
    rate: int
    block: int
    process: subprocess.Popen[bytes]

    @property
    def env(self) -> dict[str, str]:
        """This process's environment with this server as the default one, never starting another."""
        return server_env(self.name)


def server_env(name: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment in which `name` is the default JACK server and this source tree is importable."""
    root = Path(__file__).resolve().parents[1]
    paths = [str(root / "engine"), str(root / "training"), base.get("PYTHONPATH", "")]
    return {
        **base,
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_START_SERVER": "1",
        "JACK_NO_AUDIO_RESERVATION": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def start(name: str, rate: int = 48000, block: int = 128) -> JackServer:
    """Start `jackd` and wait until a client can connect; `RuntimeError` says why it could not.

    The machine has room for eight servers at a time, so one that does not come up is tried again.
    """
    jackd = shutil.which("jackd")
    if jackd is None:
        raise RuntimeError("jackd is not installed (Debian/Ubuntu: jackd2)")
    command = [jackd, "-n", name, "-r", "-p", str(PORTS), "-d", "dummy", "-r", str(rate), "-p", str(block)]
    env = server_env(name)
    deadline = time.monotonic() + START_LIMIT_S
    said = "nothing"
    while time.monotonic() < deadline:
        with tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(command, env=env, stdout=printed, stderr=printed)
            patience = min(deadline, time.monotonic() + PATIENCE_S)
            while time.monotonic() < patience and process.poll() is None:
                if _answers(name, env):
                    return JackServer(name, rate, block, process)
                time.sleep(0.1)
            ended = process.poll()
            stop(process)
            printed.seek(0)
            said = f"status {ended}: {printed.read().decode('utf-8', 'replace').strip()}"
        time.sleep(0.5)
    raise RuntimeError(f"jackd did not come up within {START_LIMIT_S:.0f} s; it said {said!r}")


def _answers(name: str, env: dict[str, str]) -> bool:
    probing = [sys.executable, "-c", _PROBE, name]
    try:
        return subprocess.run(probing, env=env, capture_output=True, timeout=START_LIMIT_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server that `start` started, within a bounded time, and give back its place on the machine."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(START_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)
    command = process.args
    if process.returncode == -signal.SIGKILL and isinstance(command, list) and "jackd" in str(command[0]):
        _give_back(command)


def _give_back(command: list[Any]) -> None:
    """A killed server holds its place (one of eight) until one of the same name starts and ends well."""
    env = server_env(command[2])
    again = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and again.poll() is None and not _answers(command[2], env):
        time.sleep(0.1)
    again.terminate()
    try:
        again.wait(START_LIMIT_S)
    except subprocess.TimeoutExpired:
        again.kill()
        again.wait(PATIENCE_S)


@cache
def _shared() -> JackServer | str:
    try:
        server = start(f"gntest{os.getpid()}")
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return str(error)
    atexit.register(stop, server.process)
    return server


@pytest.fixture
def jack_server() -> JackServer:
    """The session's JACK server (48 kHz, 128 frames); the test is skipped, with the reason, without one.

    PortAudio looks for servers once per process, so the sound under test belongs in a child process
    started with `jack_server.env`.
    """
    server = _shared()
    if isinstance(server, str):
        pytest.skip(f"no JACK server: {server}")
    assert server.process.poll() is None, "an earlier test ended the server that all share"
    return server
