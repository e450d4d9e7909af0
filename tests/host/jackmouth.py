"""A mouth at the input: a program that plays a sound into whatever listens, as often as it is asked to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from features.onsetkit import hit
from jackserver import JackServer
from playing import PATIENCE_S

HITS = Path(__file__).parent / "jack_hits.py"
AGAIN_S = 8.0


class Mouth:
    """A drum is its only sound."""

    def __init__(self, server: JackServer, folder: Path) -> None:
        path = folder / "hit.wav"
        soundfile.write(path, hit(server.rate), server.rate)
        self.process = subprocess.Popen(
            [sys.executable, str(HITS), server.name, str(path)],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "connected\n"

    def say(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def say_until(self, heard: Callable[[], bool], what: str) -> None:
        """Say it, again if nothing came of it: a busy machine loses sounds."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.say()
            again = time.monotonic() + AGAIN_S
            while time.monotonic() < again:
                if heard():
                    return
                time.sleep(0.02)
        pytest.fail(f"{what}: not within {PATIENCE_S:.0f} s")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
