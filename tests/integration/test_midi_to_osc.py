"""A controller turned by hand is heard of by OSC subscribers: JACK MIDI in, liblo's oscdump out.

On a busy machine a JACK server loses messages, so that what must arrive is sent until it does.
"""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest

from integration.conftest import Keys
from playing import wait_for

pytest.importorskip("jack")
pytestmark = [pytest.mark.jack, pytest.mark.real]


def test_what_midi_changes_is_told_to_subscribers(jack_server, keys, play, make_free_port, tmp_path):
    if shutil.which("oscdump") is None:
        pytest.skip("oscdump is not installed (Debian: liblo-tools)")
    port, heard = make_free_port(), tmp_path / "heard.txt"
    with heard.open("wb") as out, subprocess.Popen(["oscdump", "-L", str(port)], stdout=out) as dump:
        try:
            performance = play(jack_server, "--midi", "jack:*")

            def subscribed() -> bool:
                performance.send("subscribe", port, "/gn/part1/pan", 30.0, 0.0)
                return "/gn/part1/pan f 0.0" in heard.read_text()

            def turned() -> bool:
                keys.turn(10)
                return "/gn/part1/pan f 1.0" in heard.read_text()

            wait_for(subscribed, "a snapshot")
            wait_for(turned, "the controller's values at the subscriber")
            assert performance.end() == 0
        finally:
            dump.terminate()


def test_a_learnt_knob_goes_on_when_the_core_was_killed(jack_server, keys, play):
    performance = play(jack_server, "--midi", "jack:keys")
    performance.send("midi/learn", "/gn/part3/pan")
    assert "armed for /gn/part3/pan" in performance.receive("done")[2]

    def learnt() -> bool:
        keys.turn(85)
        told = performance.receive("done", 1.0)
        return told is not None and "/gn/part3/pan learnt from cc 85 channel 1" in told[2]

    def moved() -> bool:
        performance.send("part3/pan", -0.5)
        performance.sync()
        keys.turn(85)
        time.sleep(0.2)
        return performance.ask("part3/pan") > 0.9

    wait_for(learnt, "the knob to be learnt")
    wait_for(moved, "the knob's value")
    performance.wait_until_kept('"to": "/gn/part3/pan"')
    performance.child("core").kill()
    performance.wait_until_ready(times=2)
    wait_for(moved, "the knob's value after the crash")
    assert performance.end() == 0


def test_a_sequencer_leads_from_where_its_song_position_is(jack_server, keys, play):
    performance = play(jack_server, "--midi", "jack:keys")
    performance.send("clock/source", "midi")
    performance.sync()

    def led() -> bool:
        keys.send("fc", "f2 20 00", "fb")
        for _ in range(8):
            keys.send("f8")
            time.sleep(0.02)
        beat = performance.ask("clock/beat")[0]
        return performance.ask("clock/running") == 1 and 8 <= beat <= 10

    wait_for(led, "the beat of the song position, 32 sixteenths")
    keys.send("fc")
    wait_for(lambda: (keys.send("fc"), performance.ask("clock/running"))[1] == 0, "the stop")
    held = performance.ask("clock/beat")
    time.sleep(0.3)
    assert performance.ask("clock/beat") == held
    assert performance.end() == 0


def test_a_controller_that_is_unplugged_leaves_no_note_and_is_found_again(jack_server, keys, play):
    performance = play(jack_server, "--midi", "jack:keys")
    performance.send("part1/mode", "loop")

    def sounds() -> bool:
        keys.send("90 3c 7f")
        time.sleep(0.2)
        return performance.ask("status/voices") > 0

    wait_for(sounds, "a note that is held")
    keys.close()
    performance.wait_for_complaint("MIDI input .*keys.* went away: its notes are released")
    wait_for(lambda: performance.ask("status/voices") == 0, "silence")
    again = Keys(jack_server)
    try:

        def panicked() -> bool:
            again.send("90 3c 7f", "b0 78 00")
            time.sleep(0.2)
            return '"/gn/panic"' in "".join(performance.lines())

        wait_for(panicked, "panic by controller 120")
        wait_for(lambda: performance.ask("status/voices") == 0, "silence")
    finally:
        again.close()
    assert performance.end() == 0


def test_a_program_change_recalls_a_scene(jack_server, keys, play):
    performance = play(jack_server, "--midi", "jack:keys")
    performance.send("scene/fade", 0.0)
    performance.send("part1/pan", 0.75)
    performance.sync()
    performance.send("scene/store", "one")
    performance.sync()
    performance.send("part1/pan", -1.0)
    performance.sync()

    def recalled() -> bool:
        keys.send("cf 00")  # the first program on channel 16
        return performance.ask("part1/pan") == 0.75

    wait_for(recalled, "the scene that a program change recalls")
    assert performance.ask("scene/current") == "one"
    assert performance.end() == 0
