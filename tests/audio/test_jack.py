"""The outputs against a real JACK server: in tune, without unexplained gaps, through starvation and death."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import jackserver

jack = pytest.importorskip("jack")
pytestmark = pytest.mark.jack

PLAYER = Path(__file__).with_name("jack_player.py")
HZ, LEVEL = 440.0, 0.5
RATE = 48_000
LIMIT_S = 40.0
FADED = 128
"""Frames that are left out where a fade may be."""


@dataclass(frozen=True)
class Heard:
    """What a C client recorded at the server's port, what the player reported, what the server suffered."""

    sound: np.ndarray
    server_xruns: int
    opened: dict[str, Any]
    report: dict[str, Any]


def start_player(
    server: jackserver.JackServer, kind: str, seconds: float, starvings: int
) -> subprocess.Popen[str]:
    command = [sys.executable, str(PLAYER), kind, str(seconds), str(starvings)]
    return subprocess.Popen(
        command,
        env=server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_line(player: subprocess.Popen[str]) -> dict[str, Any]:
    assert player.stdout is not None
    line = player.stdout.readline()
    if not line:
        assert player.stderr is not None
        pytest.fail(f"the player ended early: {player.stderr.read()}")
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def end(player: subprocess.Popen[str]) -> str:
    """Wait for the player; what it printed on the error channel."""
    try:
        _, said = player.communicate(timeout=LIMIT_S)
    finally:
        if player.poll() is None:
            player.kill()
            player.wait(5.0)
    return said


def witness_xruns(server: jackserver.JackServer) -> tuple[jack.Client, list[float]]:
    """A client that does nothing but note the server's xruns: what no program could have prevented."""
    client = jack.Client("witness", servername=server.name, no_start_server=True)
    xruns: list[float] = []
    client.set_xrun_callback(xruns.append)
    client.activate()
    return client, xruns


def play_and_record(
    server: jackserver.JackServer, folder: Path, kind: str, seconds: float, starvings: int = 0
) -> Heard:
    if shutil.which("jack_rec") is None:
        pytest.skip("jack_rec is not installed (it comes with jackd2)")
    player = start_player(server, kind, seconds, starvings)
    witness, xruns = witness_xruns(server)
    try:
        opened = read_line(player)
        ports = subprocess.run(
            ["jack_lsp"], env=server.env, capture_output=True, text=True, timeout=20
        ).stdout
        port = next(line for line in ports.splitlines() if line.endswith(":out_0"))
        file = folder / "heard.wav"
        recorder = subprocess.Popen(
            ["jack_rec", "-f", str(file), "-d", str(int(seconds) + 2), "-b", "24", port],
            env=server.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(0.3)
            assert player.stdin is not None
            player.stdin.write("go\n")
            player.stdin.flush()
            report = read_line(player)
            recorder.wait(LIMIT_S)
        finally:
            jackserver.stop(recorder)
    finally:
        witness.close()
        end(player)
    sound, rate = soundfile.read(file, dtype="float64")
    assert rate == RATE
    return Heard(sound, len(xruns), opened, report)


def stretches(sound: np.ndarray) -> list[np.ndarray]:
    """The parts of `sound` between silences of at least 32 frames."""
    on = np.flatnonzero(np.abs(sound) > 1e-5)
    assert len(on), "nothing was heard at all"
    cuts = np.flatnonzero(np.diff(on) >= 32)
    starts = [on[0], *on[cuts + 1]]
    ends = [*(on[cuts] + 1), on[-1] + 1]
    return [sound[a:b] for a, b in zip(starts, ends, strict=True)]


def silences(sound: np.ndarray) -> list[int]:
    """Lengths in frames of the silences between the stretches."""
    steps = np.diff(np.flatnonzero(np.abs(sound) > 1e-5))
    return [int(step) for step in steps[steps >= 32]]


def jumps(stretch: np.ndarray) -> np.ndarray:
    """Places, well apart, where a stretch is no tone: a sine obeys x[n+1] + x[n-1] = 2·cos(w)·x[n]."""
    body = stretch[FADED:]
    wrong = np.abs(body[2:] + body[:-2] - 2.0 * np.cos(2.0 * np.pi * HZ / RATE) * body[1:-1]) > 1e-3
    places = np.flatnonzero(wrong)
    return FADED + 1 + places[np.diff(places, prepend=-1000) > 64]


def cents_off(stretch: np.ndarray) -> float:
    """How far a tone is from 440 Hz, by the phase that it gains between its two halves."""
    n = len(stretch) // 2
    probe = np.exp(-2j * np.pi * HZ / RATE * np.arange(n)) * np.hanning(n)
    turn = np.angle(
        (probe @ stretch[n : 2 * n]) / (probe @ stretch[:n]) * np.exp(-2j * np.pi * HZ / RATE * n)
    )
    return float(1200.0 * np.log2(1.0 + turn * RATE / (2.0 * np.pi * n) / HZ))


def smooth_stretch(sound: np.ndarray) -> np.ndarray:
    """The longest piece of tone without a gap or a jump, its fade-in left out."""
    pieces = [piece[FADED:] for part in stretches(sound) for piece in np.split(part, jumps(part) + 64)]
    longest = max(pieces, key=len)
    assert len(longest) > RATE // 20, "not a twentieth of a second was heard in one piece"
    return longest[:-FADED]


@pytest.mark.parametrize("kind", ["rtmixer", "blocking", "supervised"])
def test_a_tone_is_heard_in_tune_and_every_gap_is_counted(jack_server, tmp_path, kind):
    heard = play_and_record(jack_server, tmp_path, kind, 1.5)
    assert heard.opened["rate"] == RATE
    assert heard.opened["block"] == 128
    assert heard.opened["ring"] == 256
    assert 256 <= heard.opened["latency"] <= 256 + 4 * 128
    assert heard.report["state"] == "running"
    assert heard.report["overrun_frames"] == 0
    tone = smooth_stretch(heard.sound)
    assert abs(cents_off(tone)) < 0.5
    assert np.sqrt(2.0 * np.mean(tone**2)) == pytest.approx(LEVEL, rel=0.01)
    parts = stretches(heard.sound)
    assert len(parts) - 1 <= heard.report["shortfalls"] + heard.server_xruns
    assert sum(len(jumps(part)) for part in parts) <= heard.server_xruns


@pytest.mark.parametrize("kind", ["rtmixer", "blocking"])
def test_a_starved_ring_is_counted_and_comes_back_faded_in(jack_server, tmp_path, kind):
    heard = play_and_record(jack_server, tmp_path, kind, 1.9, starvings=5)
    assert heard.report["shortfalls"] >= 5
    assert heard.report["shortfall_frames"] >= 5 * 256
    if kind == "rtmixer":
        assert heard.report["shortfalls"] - heard.report["rearms"] in (0, 1)
    gaps, parts = silences(heard.sound), stretches(heard.sound)
    assert sum(gap > 0.015 * RATE for gap in gaps) >= 3, "a late server shortens gaps, but not most of them"
    unfaded = sum(float(np.abs(part[:8]).max()) > 0.1 for part in parts)
    lost_by_server = max(0, heard.report["taken"] - sum(map(len, parts))) // 64
    assert unfaded <= lost_by_server
    assert abs(cents_off(smooth_stretch(heard.sound))) < 2.0


def test_everything_written_is_taken_before_a_starved_ring_is_silent(jack_server, tmp_path):
    report = play_and_record(jack_server, tmp_path, "rtmixer", 1.0, starvings=1).report
    assert 0 <= report["written"] - report["taken"] <= 256 + 64


def test_the_engine_outlives_its_server(tmp_path):
    try:
        server = jackserver.start(f"gndeath{os.getpid()}")
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no JACK server: {error}")
    try:
        player = start_player(server, "supervised", 4.5, 0)
        try:
            read_line(player)
            assert player.stdin is not None
            player.stdin.write("go\n")
            player.stdin.flush()
            time.sleep(1.0)
            jackserver.stop(server.process)
            report = read_line(player)
        finally:
            end(player)
    finally:
        jackserver.stop(server.process)
    assert player.returncode == 0
    assert report["losses"] == 1
    assert report["restart_needed"]
    assert report["reports"] == ["audio.lost", "audio.stuck"]
    assert report["taken"] > 2 * RATE, "without a device, time still has to go on"
