"""A mouth at the input: a program that plays a sound into whatever listens, as often as it is asked to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import soundfile

from features.onsetkit import hit
from jackserver import JackServer

HITS = Path(__file__).parent / "jack_hits.py"


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

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
