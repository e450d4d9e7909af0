"""From a message to a real audio server's port: OSC, MIDI and Pure Data are heard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jackserver
from playing import PATIENCE_S, oscsend, wait_for

pytest.importorskip("jack")
pytestmark = [pytest.mark.jack, pytest.mark.real]

HERE = Path(__file__).parent
PATCHES = Path(__file__).resolve().parents[2] / "patches" / "pd"

HITTING = """#N canvas 0 0 600 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 del 500;
#X obj 10 60 metro 400;
#X msg 10 80 0.8;
#X obj 10 100 ghostnote-send /gn/part1/hit;
#X obj 10 130 ghostnote-link 127.0.0.1 {port} {reply_port};
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 2 0 3 0;
#X connect 3 0 4 0;
"""


def test_an_osc_hit_is_heard_and_a_panic_is_silence(jack_server, play, listen):
    if shutil.which("oscsend") is None:
        pytest.skip("oscsend is not installed (Debian: liblo-tools)")

    def send(*arguments: str) -> None:
        oscsend(performance.port, *arguments)

    performance, ear = play(jack_server), listen(jack_server)
    assert "JACK Audio Connection Kit" in performance.said
    assert f"{jack_server.rate} Hz, blocks of {jack_server.block}" in performance.said
    ear.is_silent()
    ear.hears(lambda: send("/gn/part1/hit", "f", "0.8"), "an OSC hit")
    send("/gn/panic")
    ear.is_silent()
    assert performance.end() == 0
    assert performance.survivors() == []


def test_pitch_is_right_at_the_servers_rate(jack_server, play, listen):
    """Two notes an octave apart are an octave apart; the model plays at 44.1 kHz, the server at 48 kHz."""
    performance, ear = play(jack_server), listen(jack_server)
    for name, value in (("part1/axis/d3", -4.0), ("part1/axis/d2", 2.0)):
        performance.send(name, value)
    performance.sync()
    found = {}
    for note in (60, 72):
        start = len(ear.windows)
        ear.hears(lambda note=note: performance.send("part1/note", note, 1.0), "a note")
        wait_for(lambda start=start: len(loud(ear, start)) >= 6, "a steady tone")
        found[note] = np.mean([window["centroid_hz"] for window in loud(ear, start)[1:6]])
        performance.send("panic")
        ear.is_silent()
    assert found[72] / found[60] == pytest.approx(2.0, rel=0.2)


def loud(ear, start: int) -> list[dict]:
    """The windows since `start` in which something was heard."""
    return [window for window in ear.windows[start:] if window["level"] > 0.003]


def test_midi_notes_are_heard_and_noise_is_not_minded(jack_server, play, listen):
    rtmidi = pytest.importorskip("rtmidi")
    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
        pytest.skip("this python-rtmidi is built without JACK")
    keys = subprocess.Popen(
        [sys.executable, str(HERE / "keys.py")],
        env=jack_server.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def send(message: str) -> None:
        keys.stdin.write(message + "\n")
        keys.stdin.flush()
        assert keys.stdout.readline() == "sent\n"

    try:
        assert keys.stdout.readline() == "ready\n"
        performance, ear = play(jack_server, "--midi", "jack:*"), listen(jack_server)
        for noise in (
            "f07e7f0601f7",
            "f0" + "00" * 200 + "f7",
            "f8",
            "fe",
            "ff",
            "f1 00",
            "d0 7f",
            "a0 3c 40",
        ):
            send(noise)
        ear.hears(lambda: send("90 3c 64"), "a MIDI note")
        performance.wait_for_line("/gn/part1/note")
        send("b0 78 00")
        performance.wait_for_line("/gn/panic")
        ear.is_silent()
        for _ in range(300):
            send("e0 00 40")
        ear.hears(lambda: send("90 3c 64"), "a MIDI note after noise")
        assert performance.end() == 0
        assert "Traceback" not in performance.complained
    finally:
        keys.stdin.close()
        keys.wait(PATIENCE_S)
        keys.stdout.close()


def test_pure_data_is_heard_through_the_shipped_patches(jack_server, play, listen, tmp_path, make_free_port):
    program = shutil.which("pd") or shutil.which("puredata")
    if program is None:
        pytest.skip("Pure Data is not installed (Debian: puredata-core)")
    performance, ear = play(jack_server), listen(jack_server)
    ear.is_silent()
    patch = tmp_path / "hitting.pd"
    patch.write_text(HITTING.format(port=performance.port, reply_port=make_free_port()))
    said = (tmp_path / "pd.txt").open("wb")
    options = ["-nogui", "-noaudio", "-nomidi", "-noprefs", "-stderr", "-path", str(PATCHES)]
    pd = subprocess.Popen([program, *options, str(patch)], stdout=said, stderr=said)
    try:
        ear.hears(lambda: None, "a hit from Pure Data")
        performance.wait_for_line("/gn/part1/hit", times=2)
    finally:
        pd.terminate()
        pd.wait(PATIENCE_S)
        said.close()
    assert "couldn't create" not in (tmp_path / "pd.txt").read_text(errors="replace")


def test_a_server_that_dies_is_played_without_and_found_again(play, listen):
    name = f"gndies{os.getpid()}"
    try:
        server = jackserver.start(name)
    except (RuntimeError, OSError) as error:
        pytest.skip(f"no JACK server: {error}")
    again = None
    try:
        performance, ear = play(server), listen(server)
        performance.send("part1/gain", -3)
        ear.hears(lambda: performance.send("part1/hit", 0.8), "a hit")
        server.process.kill()
        server.process.wait(PATIENCE_S)
        performance.wait_for_complaint("the audio device (went away|takes no sound)")
        # Without a device it can still be played, before and after the core was replaced.
        performance.send("part2/hit", 0.5)
        performance.wait_for_line("/gn/part2/hit")
        again = jackserver.start(name)
        performance.wait_for_complaint("the audio device is back|starting the core again")
        ear = listen(again)
        ear.hears(lambda: performance.send("part1/hit", 0.8), "a hit on the new server")
        assert performance.ask("part1/gain") == -3.0
        assert performance.end() == 0
        assert performance.survivors() == []
    finally:
        for running in (server, again):
            if running is not None:
                jackserver.stop(running.process)
