"""Beatbox at a real input port: sounds of another program play parts and are learnt; the log has it all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import build_bundle
from ghostnote.features.spec import FeatureSpec
from host.jackmouth import Mouth
from host.streams import pair
from playing import Playing, wait_for

pytest.importorskip("jack")
pytestmark = [pytest.mark.jack, pytest.mark.real]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", spec=FeatureSpec(frames=86))


@pytest.fixture
def box(jack_server, bundle, tmp_path, free_udp_port):
    """A performance that listens, and a mouth."""
    numbers, everything = pair()
    log = tmp_path / "played.jsonl"
    arguments = ("--device", "null", "--model", str(bundle), "--listen", "system", "--log", str(log))
    arguments += ("--targets", f"127.0.0.1:{numbers.getsockname()[1]}", "--record", str(tmp_path / "set.wav"))
    performance = Playing(tmp_path, free_udp_port, *arguments, env=jack_server.env)
    mouth = None
    try:
        performance.wait_until_ready()
        performance.wait_until_said("listening to system")
        mouth = Mouth(jack_server, tmp_path)
        performance.send("beatbox/confidence", 0.0)
        yield performance, mouth
    finally:
        if mouth is not None:
            mouth.close()
        performance.close()
        numbers.close()
        everything.close()


def hits_of(performance: Playing) -> list[tuple[int, float]]:
    """Part and velocity of the hits in the log."""
    found = [(addr, args) for addr, args in performance.logged() if addr.endswith("/hit")]
    return [(int(addr.split("/")[2].removeprefix("part")), args[0]) for addr, args in found]


def heard_last() -> str:
    folder = Path(os.environ["GHOSTNOTE_HOME"]) / "heard"
    return sorted(folder.glob("*.wav"))[-1].stem.partition("-")[2]


def test_a_sound_plays_the_part_of_its_class_and_nothing_while_it_is_off(box):
    performance, mouth = box
    mouth.say()
    wait_for(lambda: list((Path(os.environ["GHOSTNOTE_HOME"]) / "heard").glob("*.wav")), "a sound, heard")
    assert hits_of(performance) == []
    performance.send("beatbox/mode", "play")
    performance.sync()
    for count in (1, 2):
        mouth.say_until(lambda count=count: performance.ask("beatbox/hits") >= count, f"hit {count}")
        performance.sync()
    performance.wait_for_line("/hit", times=2)
    parts = dict(entry.rsplit(":", 1) for entry in performance.ask("beatbox/map"))
    assert parts["kick"] == "1"
    assert len(parts) == 9
    (one, hard), (other, _), *_ = hits_of(performance)
    assert one == other
    assert 0.3 < hard <= 1.0
    assert performance.ask("slot/a/origin") == "kick"  # nothing was learnt


def test_a_class_is_given_another_part_or_none(box):
    performance, mouth = box
    for n in range(1, 10):
        performance.send(f"beatbox/class{n}", 7)
    performance.send("beatbox/mode", "play")
    performance.sync()
    mouth.say_until(lambda: any("/gn/part7/hit" in line for line in performance.lines()), "a hit")
    for n in range(1, 10):
        performance.send(f"beatbox/class{n}", 0)
    performance.sync()
    assert performance.ask("beatbox/map")[0] == "kick:0"
    before, passed = hits_of(performance), performance.ask("beatbox/ignored")
    mouth.say_until(lambda: performance.ask("beatbox/ignored") > passed, "the sound passed over")
    assert hits_of(performance) == before


def test_a_sound_is_learnt_by_its_part_in_one_step_and_replays_without_an_input(box, tmp_path):
    performance, mouth = box
    for n in range(1, 10):
        performance.send(f"beatbox/class{n}", 3)
    performance.send("part3/weight/c", 0.0)
    performance.send("part3/weight/d", 1.0)
    performance.send("beatbox/mode", "learn")
    performance.sync()
    began = performance.ask("status/uptime")  # later than a second after the weights it is another gesture
    wait_for(lambda: performance.ask("status/uptime") >= began + 2, "the gesture over")
    before = performance.ask("slot/c/z")
    mouth.say()
    wait_for(lambda: performance.ask("slot/c/origin").endswith(" 1"), "the sound in the slot")
    performance.sync()
    assert performance.ask("slot/c/origin") == f"{heard_last()} 1"
    learnt = performance.ask("slot/c/z")
    assert learnt != before
    assert [performance.ask(f"part3/weight/{slot}") for slot in "cd"] == [1.0, 0.0]
    assert performance.ask("part3/variance") == pytest.approx(0.2)
    assert performance.ask("beatbox/learnt") == 1
    assert hits_of(performance) == []
    performance.send("undo")
    performance.sync()
    assert performance.ask("slot/c/z") == before
    assert [performance.ask(f"part3/weight/{slot}") for slot in "cd"] == [0.0, 1.0]
    assert performance.ask("part3/variance") == 0.0
    performance.send("redo")
    performance.sync()
    assert performance.ask("slot/c/z") == learnt
    performance.send("beatbox/mode", "both")
    performance.sync()
    for count in (1, 2):
        mouth.say_until(lambda count=count: performance.ask("beatbox/hits") >= count, f"hit {count}")
        mouth.say_until(lambda count=count: performance.ask("beatbox/learnt") > count, f"learnt {count}")
    performance.wait_for_line("slot/c/point", times=3)
    performance.wait_for_line("part3/hit", times=2)
    lines = [json.loads(line)["addr"] for line in performance.lines()]
    assert not any("capture" in addr for addr in lines)
    assert performance.end() == 0
    command = [sys.executable, "-m", "ghostnote", "render", str(tmp_path / "set.jsonl"), "--recording"]
    subprocess.run([*command, "--out", str(tmp_path / "again.wav")], check=True, timeout=120)
    heard, again = (soundfile.read(tmp_path / name, dtype="int32")[0] for name in ("set.wav", "again.wav"))
    assert np.abs(heard).max() > 0.01 * 2**31
    assert np.array_equal(heard, again)


def test_a_part_takes_the_last_sound_or_the_one_that_is_named(box):
    performance, mouth = box
    performance.send("part2/capture")
    performance.wait_for_complaint("no sound was heard yet")
    folder = Path(os.environ["GHOSTNOTE_HOME"]) / "heard"
    for count in (1, 2):
        mouth.say()
        wait_for(lambda count=count: len(list(folder.glob("*.wav"))) == count, f"sound {count}")
    performance.send("beatbox/detail", 1)
    performance.send("part2/capture")
    wait_for(lambda: performance.ask("slot/b/origin").endswith(" 2"), "the last one")
    performance.wait_for_line("slot/b/detail")
    performance.send("part2/capture", 1.0, 1)
    wait_for(lambda: performance.ask("slot/b/origin").endswith(" 1"), "the first one")
    performance.send("part6/capture", 1.0, 77)
    performance.wait_for_complaint("sound 77 is not among the last")


def test_ears_that_die_leave_what_plays_alone_and_new_ones_beatbox_again(box, jack_server, tmp_path):
    performance, mouth = box
    performance.send("beatbox/mode", "play")
    performance.sync()
    mouth.say_until(lambda: performance.ask("beatbox/hits") >= 1, "a hit")
    before = performance.ask("beatbox/hits")
    core = performance.child("core").pid
    performance.child("ears").kill()
    performance.wait_for_complaint("the ears ended")
    performance.send("part5/hit", 0.5)
    performance.wait_for_line("/gn/part5/hit")
    wait_for(lambda: performance.said.count("listening to system") >= 2, "new ears")
    again = Mouth(jack_server, tmp_path)
    try:
        again.say_until(lambda: performance.ask("beatbox/hits") > before, "a hit by new ears")
    finally:
        again.close()
    assert performance.child("core").pid == core
