"""`ghostnote play` from start to end: what it says, writes and leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from core.enginekit import level
from ghostnote.core.control_log import read_log
from ghostnote.core.render import render
from ghostnote.decode.model import load
from ghostnote.host.supervisor import QUIT_LIMIT_S
from playing import PATIENCE_S, environment, oscsend, wait_for


def test_it_plays_for_the_time_asked_for_and_writes_what_was_sent(play, bundle, home):
    performance = play("--seconds", "3")
    performance.send("part1/gain", -3)
    performance.send("part1/hit", 0.5)
    performance.send("slot/a/random")
    performance.sync()
    assert performance.process.wait(PATIENCE_S) == 0
    first = json.loads(performance.lines()[0])
    assert first["addr"] == "/gn/log/start"
    start = dict(zip(first["args"][::2], first["args"][1::2], strict=True))
    assert (start["format"], start["model"]) == (1, str(bundle)), "a folder, since no name leads there"
    assert len(start["sha256"]) == 64
    assert performance.logged() == [
        ("/gn/part1/gain", [-3.0]),
        ("/gn/part1/hit", [0.5]),
        ("/gn/slot/a/random", [0]),
    ]
    assert "model tiny" in performance.said
    assert "null device, 48000 Hz" in performance.said
    assert "Played" in performance.said
    assert performance.survivors() == []
    state = json.loads((home / "last.json").read_text())
    assert state["values"] == {"/gn/part1/gain": -3.0}
    sound = np.concatenate(list(render(load(bundle), read_log(performance.log))))
    assert level(sound) > 1e-3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_signal_ends_it_soon_and_nothing_stays_behind(play, name):
    performance = play()
    performance.send("part1/hit", 0.5)
    performance.sync()
    began = time.monotonic()
    assert performance.end(getattr(signal, name)) == 0
    assert time.monotonic() - began < QUIT_LIMIT_S, "nobody had to be killed"
    assert performance.survivors() == []
    assert "Traceback" not in performance.complained


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_goes_to_all_processes_and_still_loses_nothing(play, home):
    """A terminal sends it to the core and the front too; what was last must be written."""
    performance = play()
    performance.send("part1/pan", 0.25)
    performance.sync()
    for process in (performance.child("front"), performance.child("core"), performance.process):
        process.send_signal(signal.SIGINT)
    assert performance.process.wait(PATIENCE_S) == 0
    assert performance.logged() == [("/gn/part1/pan", [0.25])]
    assert json.loads((home / "last.json").read_text())["values"] == {"/gn/part1/pan": 0.25}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_supervisor_leaves_no_process_behind(play):
    performance = play()
    performance.child("front"), performance.child("core")
    performance.process.kill()
    wait_for(lambda: not performance.survivors(), "the end of core and front")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nonesuch"], "model 'nonesuch': no bundle of that name"),
        (["--device", "no such device"], "no such device|no audio device"),
        (["--rate", "5"], "--rate 5: must be from"),
        (["--block", "1000000"], "--block 1000000: must be from"),
        (["--seconds", "-1"], "--seconds -1.0: a time above 0"),
        (["--seconds", "nan"], "--seconds nan: a time above 0"),
        (["--port", "70000"], "--port 70000: must be from"),
        (["--seed", "-1"], "--seed -1: must be from"),
        (["--bind", "203.0.113.7"], "203.0.113.7 is not an IPv4 address of this computer"),
        (["--log", "/nonexistent/folder/log.jsonl"], "cannot be written .*No such file or directory"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_one_line_and_status_two(play, arguments, said):
    performance = play(*arguments, ready=False)
    assert performance.process.wait(PATIENCE_S) == 2
    errors = performance.complained.strip().splitlines()
    assert len(errors) == 1, errors
    performance.wait_for_complaint(said)
    assert errors[0].startswith("ghostnote: ")


def test_a_damaged_model_is_named(play, bundle, tmp_path):
    broken = shutil.copytree(bundle, tmp_path / "broken")
    data = bytearray((broken / "decoder.onnx").read_bytes())
    data[100] ^= 1
    (broken / "decoder.onnx").write_bytes(data)
    performance = play("--model", str(broken), ready=False)
    assert performance.process.wait(PATIENCE_S) == 2
    assert "decoder.onnx" in performance.complained
    assert len(performance.complained.strip().splitlines()) == 1


def test_a_port_in_use_is_named(play, free_udp_port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", free_udp_port))
        performance = play(ready=False)
        assert performance.process.wait(PATIENCE_S) == 2
    assert performance.complained.strip().splitlines() == [
        f"ghostnote: UDP port {free_udp_port} on 127.0.0.1 is taken by another program;"
        f" try --port {free_udp_port + 1}"
    ]


def test_a_start_that_fails_leaves_an_old_log_alone(play, tmp_path):
    (tmp_path / "played.jsonl").write_text("precious\n")
    performance = play("--model", "nonesuch", ready=False)
    assert performance.process.wait(PATIENCE_S) == 2
    assert (tmp_path / "played.jsonl").read_text() == "precious\n"


def test_without_a_device_it_says_so_and_can_be_played(tmp_path, bundle, free_udp_port):
    """No `--device`, and nothing there that plays: PortAudio sees no card and no server."""
    from ghostnote.audio.devices import list_outputs
    from playing import Playing

    if list_outputs().devices:
        pytest.skip("this machine has an audio device")
    performance = Playing(
        tmp_path, free_udp_port, "--model", str(bundle), "--log", str(tmp_path / "played.jsonl")
    )
    try:
        performance.wait_until_ready()
        performance.wait_for_complaint("no audio device.*Playing into the null device")
        performance.send("part1/hit", 0.5)
        performance.sync()
        performance.wait_for_line("/gn/part1/hit")
        assert performance.end() == 0
    finally:
        performance.close()


@pytest.mark.real
def test_liblo_can_play_it(play):
    if shutil.which("oscsend") is None:
        pytest.skip("oscsend is not installed (Debian: liblo-tools)")
    performance = play()
    for arguments in (["/gn/part1/hit", "f", "0.75"], ["/gn/part2/note", "if", "64", "0.5"], ["/gn/panic"]):
        oscsend(performance.port, *arguments)
        performance.wait_for_line(arguments[0])  # a panic forgets hits that have not begun
    assert performance.logged() == [
        ("/gn/part1/hit", [0.75]),
        ("/gn/part2/note", [64, 0.5, -1]),
        ("/gn/panic", [1.0]),
    ]


@pytest.mark.real
def test_replies_reach_a_port_that_was_named(play, tmp_path, make_free_port):
    if shutil.which("oscdump") is None:
        pytest.skip("oscdump is not installed (Debian: liblo-tools)")
    performance, port = play(), make_free_port()
    heard = tmp_path / "heard.txt"
    with heard.open("wb") as out:
        dump = subprocess.Popen(["oscdump", "-L", str(port)], stdout=out, env=environment())
    try:

        def answered() -> bool:
            for arguments in (["/gn/hello", "si", "test", str(port)],):
                subprocess.run(
                    ["oscsend", "localhost", str(performance.port), *arguments], check=True, timeout=10
                )
            return "/gn/hello/reply" in heard.read_text()

        wait_for(answered, "a reply to hello")
        assert f" {performance.port} " in heard.read_text()
    finally:
        dump.terminate()
        dump.wait(PATIENCE_S)


def test_a_log_that_is_there_is_kept_under_another_name(play, tmp_path):
    (tmp_path / "played.jsonl").write_text("precious\n")
    (tmp_path / "played.1.jsonl").write_text("more precious\n")
    performance = play()
    performance.wait_for_complaint("the old log is now played.2.jsonl")
    performance.end()
    assert (tmp_path / "played.1.jsonl").read_text() == "more precious\n"
    assert (tmp_path / "played.2.jsonl").read_text() == "precious\n"
    assert "/gn/log/start" in (tmp_path / "played.jsonl").read_text()


def test_whatever_goes_wrong_at_the_start_is_one_line(tmp_path, bundle, free_udp_port):
    """A fault that nobody foresaw, put into the core by way of Python's start-up hook."""
    from playing import Playing, environment

    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(
        "import sys\n"
        "if any('ghostnote.host.core' in word for word in sys.orig_argv):\n"
        "    import ghostnote.core.instrument as instrument\n"
        "    def odd(*_):\n"
        "        raise RuntimeError('very odd')\n"
        "    instrument.Instrument.__init__ = odd\n"
    )
    env = environment()
    path = [str(tmp_path / "hook"), *filter(None, [env.get("PYTHONPATH")])]
    env["PYTHONPATH"] = os.pathsep.join(path)
    performance = Playing(tmp_path, free_udp_port, "--model", str(bundle), "--device", "null", env=env)
    try:
        assert performance.process.wait(PATIENCE_S) == 2
        assert performance.complained.strip() == (
            "ghostnote: unexpected, at the start: RuntimeError('very odd')"
        )
    finally:
        performance.close()
