"""Pure Data plays a running engine through the shipped patches, and the engine is heard."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import build_bundle
from playing import PATIENCE_S

pytestmark = pytest.mark.real

# Hits part 3 every 200 ms, and turns its gain once the engine answers.
PATCH = """#N canvas 0 0 600 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 metro 200;
#X msg 10 70 0.9;
#X obj 10 100 ghostnote-send /gn/part3/hit;
#X obj 200 70 sel 1;
#X msg 200 100 -3;
#X obj 200 130 ghostnote-send /gn/part3/gain;
#X obj 10 160 ghostnote-link 127.0.0.1 {port} {reply_port};
#X obj 10 190 ghostnote-part part3;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 2 0 3 0;
#X connect 7 1 4 0;
#X connect 4 0 5 0;
#X connect 5 0 6 0;
"""

# A client of its own that listens to whatever plays, and prints the peak that it heard.
LISTENER = """
import sys, time
import jack, numpy as np
client = jack.Client("listener", servername=sys.argv[1], no_start_server=True)
ears = client.inports.register("in")
peak = [0.0]
@client.set_process_callback
def process(frames):
    peak[0] = max(peak[0], float(np.abs(ears.get_array()).max()))
deadline = time.monotonic() + float(sys.argv[2])
with client:
    joined = False
    while time.monotonic() < deadline and peak[0] < 0.01:
        playing = [p for p in client.get_ports(is_audio=True, is_output=True)
                   if not p.name.startswith(("system:", "listener:"))]
        if playing and not joined:
            client.connect(playing[0], ears)
            joined = True
        time.sleep(0.05)
print(peak[0] if joined else "nothing plays")
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@contextmanager
def playing(log: Path, port: int, *arguments: str, env: dict[str, str]) -> Iterator[Callable[[], list[dict]]]:
    """A running `ghostnote play`; gives a function that reads the log so far."""
    said = log.with_suffix(".txt")
    command = [sys.executable, "-m", "ghostnote", "play", "--port", str(port), "--log", str(log), *arguments]
    with said.open("wb") as out:
        engine = subprocess.Popen(command, env=env, stdout=out, stderr=out)

    def logged() -> list[dict]:
        if engine.poll() is not None:
            pytest.fail(f"the engine ended: {said.read_text(encoding='utf-8', errors='replace')}")
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    try:
        yield logged
    finally:
        engine.send_signal(signal.SIGINT)
        try:
            engine.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            engine.kill()
            engine.wait(timeout=PATIENCE_S)


def wait_until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > deadline:
            pytest.fail(f"no {what} within {PATIENCE_S:.0f} s")
        time.sleep(0.1)


def hits(log: list[dict]) -> int:
    return sum(entry["addr"] == "/gn/part3/hit" for entry in log)


def gains(log: list[dict]) -> list[list[float]]:
    return [entry["args"] for entry in log if entry["addr"] == "/gn/part3/gain"]


def test_what_pd_plays_is_logged_and_renders_to_sound(run_pd, model, free_udp_port, make_free_port, tmp_path):
    log, out = tmp_path / "played.jsonl", tmp_path / "played.wav"
    arguments = ("--model", str(model), "--device", "null")
    with playing(log, free_udp_port, *arguments, env=dict(os.environ)) as logged:
        run_pd(PATCH.format(port=free_udp_port, reply_port=make_free_port()))
        wait_until(lambda: hits(logged()) >= 3, "hits in the log")
        wait_until(lambda: [-3.0] in gains(logged()), "gain in the log")
    render = [sys.executable, "-m", "ghostnote", "render", str(log)]
    subprocess.run([*render, "--out", str(out), "--model", str(model)], check=True, timeout=100)
    sound, _ = soundfile.read(out, dtype="float32")
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 0.01


@pytest.mark.jack
def test_what_pd_plays_comes_out_of_the_jack_server(
    run_pd, model, jack_server, free_udp_port, make_free_port, tmp_path
):
    env = jack_server.env
    listening = [sys.executable, "-c", LISTENER, jack_server.name, str(PATIENCE_S)]
    with playing(tmp_path / "played.jsonl", free_udp_port, "--model", str(model), env=env) as logged:
        wait_until(lambda: bool(logged()), "start of the log")
        run_pd(PATCH.format(port=free_udp_port, reply_port=make_free_port()))
        heard = subprocess.run(listening, env=env, capture_output=True, text=True, timeout=PATIENCE_S + 20)
    assert heard.returncode == 0, heard.stderr
    assert float(heard.stdout.split()[-1]) > 0.01, heard.stdout
