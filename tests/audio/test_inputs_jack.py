"""The way round rtmixer at a real input port."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from features.onsetkit import hit

pytest.importorskip("jack")
pytestmark = [pytest.mark.jack, pytest.mark.real]

READER = Path(__file__).with_name("jack_reader.py")
HITS = Path(__file__).parents[1] / "host" / "jack_hits.py"


def test_blocking_reads_hear_what_another_program_plays(jack_server, tmp_path):
    soundfile.write(tmp_path / "hit.wav", hit(jack_server.rate), jack_server.rate)
    reader = subprocess.Popen(
        [sys.executable, str(READER), "system", "0.2", "60"],
        env=jack_server.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    mouth = subprocess.Popen(
        [sys.executable, str(HITS), jack_server.name, str(tmp_path / "hit.wav")],
        env=jack_server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout is not None
        assert mouth.stdin is not None
        assert mouth.stdout is not None
        assert json.loads(reader.stdout.readline()) == {"rate": jack_server.rate, "channels": 2}
        assert mouth.stdout.readline() == "connected\n"
        mouth.stdin.write("\n")
        mouth.stdin.flush()
        said = json.loads(reader.stdout.readline())
        assert 0.2 <= said["peak"] <= 0.6
        assert said["state"] == "closed"
    finally:
        for process in (reader, mouth):
            process.kill()
            process.communicate()
