"""`ghostnote listen` at a real input port: sounds of another program become answers, and a server may go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import soundfile

import jackserver
from bundles import build_bundle
from features.onsetkit import hit
from ghostnote.features.spec import FeatureSpec
from host.streams import drain, pair
from playing import Playing, wait_for

pytest.importorskip("jack")
pytestmark = [pytest.mark.jack, pytest.mark.real]

HITS = Path(__file__).parent / "jack_hits.py"


class Listening:
    """A `ghostnote listen` that runs, with the ports that it sends to."""

    def __init__(self, folder: Path, env: dict[str, str], bundle: Path, *arguments: str) -> None:
        self.numbers, self.everything = pair()
        self.out, self.err = folder / "listen.out", folder / "listen.err"
        target = f"127.0.0.1:{self.numbers.getsockname()[1]}"
        command = [sys.executable, "-m", "ghostnote", "listen", "--model", str(bundle), "--json"]
        command += ["--targets", target, *arguments]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command, env={**env, "PYTHONUNBUFFERED": "1"}, stdout=out, stderr=err
            )

    @property
    def complained(self) -> str:
        return self.err.read_text(errors="replace")

    def sounds(self) -> list[dict]:
        whole, _, _ = self.out.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_until_listening(self, times: int = 1) -> None:
        wait_for(lambda: self.complained.count("listening to ") >= times, "listening")

    def close(self) -> None:
        self.numbers.close()
        self.everything.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        self.process.kill()
        self.process.wait(10)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", spec=FeatureSpec(frames=86))


@pytest.fixture
def hits(tmp_path):
    """Start a program that plays a hit at each line."""
    running = []

    def start(server) -> subprocess.Popen:
        path = tmp_path / "hit.wav"
        soundfile.write(path, hit(server.rate), server.rate)
        process = subprocess.Popen(
            [sys.executable, str(HITS), server.name, str(path)],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout.readline() == "connected\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def strike(process: subprocess.Popen) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def listen(tmp_path, bundle):
    running = []

    def start(env, *arguments: str) -> Listening:
        running.append(Listening(tmp_path, env, bundle, *arguments))
        return running[-1]

    yield start
    for one in running:
        one.close()


def test_a_hit_at_the_input_is_heard_told_and_written(jack_server, listen, hits):
    listening = listen(jack_server.env, "--input", "system")
    listening.wait_until_listening()
    player = hits(jack_server)
    drain(listening.numbers)
    for count in (1, 2, 3):
        strike(player)
        wait_for(lambda count=count: len(listening.sounds()) >= count, f"sound {count}")
    said, shown = drain(listening.everything), drain(listening.numbers)
    answers = [args for addr, args in said if addr == "/gn/in/answer"]
    assert {args[0] for args in answers} >= {1, 2, 3}
    assert next(args[3] for args in answers if args[0] == 2) == pytest.approx(30.0, abs=0.1)
    assert [args for addr, args in said if addr == "/gn/in/onset"]
    assert any(addr == "/gn/in/classes" for addr, _ in said)
    assert all(len(args) == 1 and not isinstance(args[0], str) for _, args in shown)
    assert max(args[0] for addr, args in shown if addr == "/gn/in/onsets") >= 3
    assert max(args[0] for addr, args in shown if addr == "/gn/in/level/l") > 0.3
    listening.process.send_signal(signal.SIGINT)
    assert listening.process.wait(20) == 0
    assert listening.complained.count("\n") == 1


def test_a_server_that_dies_is_told_once_and_its_return_is_noticed(listen, hits):
    if os.environ.get("GHOSTNOTE_NO_JACK"):
        pytest.skip("no JACK servers here")
    name = f"gnears{os.getpid()}"
    server = jackserver.start(name)
    try:
        listening = listen(server.env, "--input", "system")
        listening.wait_until_listening()
        jackserver.stop(server.process)
        wait_for(lambda: "listening again as soon as it can be" in listening.complained, "the loss told")
        server = jackserver.start(name)
        listening.wait_until_listening(times=2)
        player = hits(server)
        strike(player)
        wait_for(listening.sounds, "a sound")
        assert listening.complained.count("as soon as it can be") == 1
    finally:
        jackserver.stop(server.process)


def test_what_was_heard_last_goes_into_a_slot(jack_server, bundle, hits, tmp_path, free_udp_port):
    numbers, everything = pair()
    target = f"127.0.0.1:{numbers.getsockname()[1]}"
    arguments = ("--device", "null", "--model", str(bundle), "--listen", "system", "--targets", target)
    performance = Playing(tmp_path, free_udp_port, *arguments, env=jack_server.env)
    try:
        performance.wait_until_ready()
        performance.wait_until_said("listening to system")
        performance.send("slot/c/capture")
        performance.wait_for_complaint("no sound was heard yet")
        before = performance.ask("slot/c/z")
        strike(hits(jack_server))
        folder = Path(os.environ["GHOSTNOTE_HOME"]) / "heard"
        path = wait_for(lambda: next(iter(sorted(folder.glob("*.wav"))), None), "a file")
        sound, rate = soundfile.read(path)
        assert rate == 44_100
        assert abs(sound).max() > 0.2
        performance.send("slot/c/capture")
        performance.sync()
        label = path.stem.partition("-")[2]
        wait_for(lambda: performance.ask("slot/c/origin") == f"{label} 1", "the sound in the slot")
        assert performance.ask("slot/c/z") != before
    finally:
        performance.close()
        numbers.close()
        everything.close()


@pytest.mark.parametrize(("name", "said"), [("no such microphone", "no audio input is called")])
def test_an_input_that_is_not_there_is_one_line_and_the_end(jack_server, listen, name, said):
    listening = listen(jack_server.env, "--input", name)
    assert listening.process.wait(60) == 2
    assert said in listening.complained
    assert "system" in listening.complained
    assert len(listening.complained.splitlines()) == 1


def test_without_any_device_it_says_so(listen):
    env = {**os.environ, "JACK_NO_START_SERVER": "1", "JACK_DEFAULT_SERVER": "gn-nobody"}
    listening = listen(env)
    assert listening.process.wait(60) == 2
    assert "no audio input" in listening.complained
    assert len(listening.complained.splitlines()) == 1
