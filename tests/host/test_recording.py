"""Recordings: what is heard, written beside the sound; whatever happens to the disk, the sound goes on."""

from __future__ import annotations

import resource
import signal
import sys
import time

import numpy as np
import psutil
import pytest
import soundfile

from bundles import build_bundle
from core.enginekit import level
from ghostnote.cli.main import main
from ghostnote.core.control_log import read_log
from playing import PATIENCE_S, wait_for

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of other processes")

RATE = "48000"


def ints(path) -> np.ndarray:
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


def written(path) -> int:
    """Frames that a file which is being written says it has; 0 before its header is there."""
    try:
        return int(soundfile.info(path).frames)
    except soundfile.LibsndfileError:
        return 0


def rendered(log, suffix: str = "wav", *arguments: str):
    """What `ghostnote render` makes of the recording that a log tells of, with the model that it names."""
    out = log.with_name(f"{log.stem}-again.{suffix}")
    assert main(["render", str(log), "--out", str(out), "--recording", *arguments]) == 0
    return out


def same(heard: np.ndarray, again: np.ndarray) -> None:
    """Sample for sample, also when this machine was too busy to decode in time."""
    assert len(again) == len(heard)
    if not np.array_equal(again, heard):
        different = np.flatnonzero((again != heard).any(axis=1))
        most = np.abs(again.astype(np.float64) - heard).max() / 2.0**31
        pytest.fail(f"{len(different)} of {len(heard)} frames differ, from {different[0]} on, by {most:.2e}")


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_render_of_the_log_beside_a_recording_is_the_recording(play, tmp_path, suffix):
    take = tmp_path / f"take.{suffix}"
    performance = play("--record", str(take), "--seed", "5", "--rate", RATE, "--block", "1024", log=False)
    performance.send("part1/variance", 0.7)
    for part in (1, 2, 1, 3):
        performance.send(f"part{part}/hit", 0.6)
        performance.sync()
    performance.send("slot/a/random")
    performance.sync()
    performance.send("part1/hit", 0.6)
    performance.sync()
    assert performance.end() == 0
    heard = ints(take)
    assert level(heard / 2.0**31) > 1e-3
    (made,) = read_log(tmp_path / "take.jsonl").takes
    assert (made.file, made.rate, made.begins_at, made.frames) == (take.name, 48000, 0, len(heard))
    again = rendered(tmp_path / "take.jsonl", suffix, "--seed", "5")
    same(heard, ints(again))
    session = (tmp_path / "take.txt").read_text()
    assert f"recording into {take}" in session
    assert "Played" in session


def test_a_recording_in_the_middle_begins_where_its_log_says(play, tmp_path):
    performance = play("--rate", RATE, "--block", "1024", log=False)
    performance.send("part1/variance", 0.7)
    performance.send("part1/hit", 0.6)
    performance.sync()
    performance.send("rec/start", str(tmp_path / "middle.wav"))
    performance.sync()
    performance.send("part1/hit", 0.7)
    performance.sync()
    performance.send("rec/stop")
    performance.sync()
    performance.send("part2/hit", 0.7)
    performance.send("rec/start", str(tmp_path / "middle.wav"))
    performance.sync()
    performance.send("rec/stop")
    performance.sync()
    assert performance.end() == 0
    for name in ("middle", "middle-2"):
        heard = ints(tmp_path / f"{name}.wav")
        log = tmp_path / f"{name}.jsonl"
        take = read_log(log).takes[-1]
        assert take.begins_at > 0
        assert take.frames == len(heard)
        again = rendered(log)
        same(heard, ints(again))
    assert not list(tmp_path.glob("**/session-*.jsonl")), "a log that nobody asked for is not left behind"


def test_whatever_moves_by_itself_is_in_the_recording_as_in_the_render(play, tmp_path):
    """Glides, a morph between scenes, the beat's grid, loops, undo, and another hand on a knob meanwhile."""
    take = tmp_path / "moving.wav"
    performance = play("--record", str(take), "--seed", "9", "--rate", RATE, "--block", "1024", log=False)
    for addr, *args in (
        ("part1/variance", 0.5),
        ("scene/store", "one"),
        ("part1/axis/d1", 1.5),
        ("part2/gain", -9.0),
        ("part2/mode", "loop"),
        ("slot/b/random",),
        ("scene/store", "two"),
        ("clock/tempo", 240.0),
        ("clock/quantise", "1/16"),
        ("part3/glide", 0.3),
        ("part2/note", 62, 0.6),
        ("scene/recall", "one", 0.4),
        ("part3/axis/d2", -2.0),
        ("part3/hit", 0.6),
        ("part3/pan", 0.7),
        ("part1/hit", 0.7),
        ("undo",),
        ("part1/hit", 0.7),
        ("clock/tap",),
        ("part3/rate", 0.5),
        ("part2/off", 62),
        ("scene/recall", "two"),
        ("part1/solo", 1),
        ("part1/hit", 0.7),
        ("master/dim", 1),
    ):
        performance.send(addr, *args)
        performance.sync()
        time.sleep(0.06)
    assert performance.end() == 0
    heard = ints(take)
    assert level(heard / 2.0**31) > 1e-3
    same(heard, ints(rendered(tmp_path / "moving.jsonl")))
    session = (tmp_path / "moving.txt").read_text()
    assert "scene one, in 0.4 s" in session
    assert "scene two" in session


def test_models_and_scenes_that_change_under_many_notes_are_in_the_recording(play, bundle, tmp_path):
    """Eight parts, two models, morphs from one to the other while notes sound, another main model, undo."""
    other = build_bundle(tmp_path / "other", seed=3, name="other", latent_size=32)
    take = tmp_path / "dense.wav"
    performance = play("--record", str(take), "--seed", "11", "--rate", RATE, "--block", "1024", log=False)
    for addr, *args in (
        ("part1/variance", 0.6),
        ("scene/store", "here"),
        ("model/add", str(other)),
        ("part2/model", "other"),
        ("part5/model", "other"),
        ("slot/c/random",),
        ("part1/axis/d1", 1.2),
        ("part3/mode", "loop"),
        ("scene/store", "there"),
    ):
        performance.send(addr, *args)
        performance.sync()
    for k in range(48):
        part = k % 8 + 1
        performance.send(f"part{part}/axis/d2", (k * 7 % 30 - 15) / 10)
        performance.send(f"part{part}/note", 60 + k % 5, 0.5)
        performance.send(f"part{(k + 3) % 8 + 1}/off", 60 + (k - 5) % 5)
        if k % 12 == 3:
            performance.send("scene/recall", ("here", "there")[k // 12 % 2], 0.3)
        if k % 24 == 15:
            performance.send("model/load", str((other, bundle)[k // 24]))
        if k == 40:
            performance.send("undo")
        if k % 3 == 0:
            performance.sync()
        time.sleep(0.04)
    performance.sync()
    assert performance.end() == 0
    heard = ints(take)
    assert level(heard / 2.0**31) > 1e-3
    log = read_log(tmp_path / "dense.jsonl")
    done = {entry.target.name for entry in log.entries}
    assert {"model/use", "scene/set", "scene/slot", "note", "off"} <= done
    same(heard, ints(rendered(tmp_path / "dense.jsonl")))


def test_details_of_files_are_in_the_recording_as_in_the_render(play, tmp_path):
    """Two files in slots, mixed, moved and morphed while notes sound; the render has only the log."""
    time_s = np.arange(44100) / 44100.0
    for name, hertz in (("low", 131.0), ("high", 523.0)):
        tone = 0.4 * np.exp(-3.0 * time_s) * np.sign(np.sin(2.0 * np.pi * hertz * time_s))
        soundfile.write(tmp_path / f"{name}.wav", tone, 44100)
    take = tmp_path / "files.wav"
    performance = play("--record", str(take), "--seed", "3", "--rate", RATE, "--block", "1024", log=False)
    for addr, *args in (
        ("slot/a/file", str(tmp_path / "low.wav")),
        ("slot/b/file", str(tmp_path / "high.wav")),
        ("part1/hit", 0.8),
        ("scene/store", "one"),
        ("part1/weight/b", 0.5),
        ("part1/hit", 0.8),
        ("part1/detail", 0.3),
        ("slot/a/swap", "b"),
        ("slot/c/part", 1),
        ("scene/recall", "one", 0.3),
        ("part1/hit", 0.8),
        ("part1/axis/d1", 1.0),
        ("part1/hit", 0.8),
    ):
        performance.send(addr, *args)
        performance.sync()
        time.sleep(0.08)
    assert performance.end() == 0
    heard = ints(take)
    assert level(heard / 2.0**31) > 1e-3
    (tmp_path / "low.wav").unlink()
    (tmp_path / "high.wav").unlink()
    log = read_log(tmp_path / "files.jsonl")
    assert "slot/detail" in {entry.target.name for entry in log.entries}
    same(heard, ints(rendered(tmp_path / "files.jsonl")))


def test_the_log_that_was_asked_for_has_every_recording(play, tmp_path):
    performance = play()
    for name in ("one", "two"):
        performance.send("rec/start", str(tmp_path / name))
        performance.sync()
        performance.send("rec/stop")
        performance.sync()
    assert performance.end() == 0
    takes = read_log(performance.log).takes
    assert [take.file for take in takes] == ["one.wav", "two.wav"]
    assert takes[0].begins_at + takes[0].frames < takes[1].begins_at
    assert [take.file for take in read_log(tmp_path / "one.jsonl").takes] == ["one.wav"]


def test_it_can_be_asked_whether_it_records(play, tmp_path):
    performance = play()
    assert performance.ask("rec/state") == 0
    performance.send("rec/start", str(tmp_path / "asked"))
    performance.sync()
    assert performance.ask("rec/state") == 1
    performance.send("rec/start", str(tmp_path / "another"))
    assert performance.receive("error")[1] == "busy"
    performance.send("rec/stop")
    performance.sync()
    assert performance.ask("rec/state") == 0
    performance.send("rec/stop")
    assert performance.receive("error")[1] == "not_found"
    assert not (tmp_path / "another.wav").exists()
    assert performance.end() == 0


def recorder(performance) -> psutil.Process:
    return performance.child("recorder")


def not_recording(performance) -> None:
    """The core has heard that its recording is over; the performer may have been told a moment before."""
    wait_for(lambda: performance.ask("rec/state") == 0, "the end of the recording in the core")


def goes_on(performance) -> None:
    """The same core plays, and tells so."""
    core = performance.child("core")
    performance.send("part1/hit", 0.5)
    performance.sync()
    assert performance.child("core").pid == core.pid
    assert performance.end() == 0
    assert performance.survivors() == []


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_full_disk_ends_the_recording_and_nothing_else(play, tmp_path, suffix):
    take = tmp_path / f"full.{suffix}"
    performance = play("--record", str(take))
    performance.send("part1/hit", 1.0)
    limit = 300_000 if suffix == "wav" else 30_000
    recorder(performance).rlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for k in range(3):
        performance.send(f"slot/{'abc'[k]}/random")
    wait_for(
        lambda: (performance.send("part1/hit", 1.0), "recording ends there" in performance.complained)[1],
        "full",
    )
    assert len([line for line in performance.complained.splitlines() if "full" in line]) == 1
    assert "File too large" in performance.complained
    heard = ints(take)
    assert len(heard) / 48000 > (0.9 if suffix == "wav" else 0.05)
    not_recording(performance)
    goes_on(performance)
    (made,) = read_log(tmp_path / "full.jsonl").takes
    assert made.frames == len(heard)


def test_a_killed_writer_leaves_what_it_wrote(play, tmp_path):
    take = tmp_path / "cut.wav"
    performance = play("--record", str(take))
    wait_for(lambda: written(take) > 48000, "a second of sound")
    recorder(performance).send_signal(signal.SIGKILL)
    performance.wait_for_complaint("the recorder ended .*cut.wav holds what was written until then")
    assert len(ints(take)) > 48000
    not_recording(performance)
    performance.send("rec/start", str(take))
    performance.sync()
    assert (tmp_path / "cut-2.wav").exists()
    goes_on(performance)


def test_a_writer_that_hangs_costs_silence_of_the_same_length(play, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    take = tmp_path / "hung.wav"
    performance = play("--record", str(take), "--rate", "192000")  # the ring holds 2.7 s
    wait_for(take.exists, "the recording")
    writer = recorder(performance)
    writer.suspend()
    performance.wait_for_complaint("the disk is too slow for the recording")
    writer.resume()
    performance.send("part1/hit", 0.5)
    performance.sync()
    performance.send("rec/stop")
    performance.sync()
    performance.wait_until_said("of it missing .silence.")
    heard = len(ints(take))
    (made,) = read_log(tmp_path / "hung.jsonl").takes
    assert made.frames == heard
    assert "ended" not in performance.complained
    goes_on(performance)


def test_a_killed_core_is_a_pause_in_the_recording(play, tmp_path):
    take = tmp_path / "core.wav"
    performance = play("--record", str(take))
    wait_for(lambda: written(take) > 24000, "half a second of sound")
    writer = recorder(performance)
    performance.child("core").kill()
    performance.wait_until_ready(times=2)
    assert recorder(performance).pid == writer.pid
    assert performance.ask("rec/state") == 1
    performance.send("part1/hit", 1.0)
    performance.sync()
    performance.wait_for_line("/gn/part1/hit")
    assert performance.end() == 0
    heard = ints(take) / 2.0**31
    hit = next(e.t for e in read_log(tmp_path / "core.jsonl").entries if e.target.name == "hit")
    onset = np.flatnonzero(np.abs(heard).max(axis=1) > 1e-4)[0] / 48000
    assert onset == pytest.approx(hit, abs=0.1), "after the pause, time is still right"


def test_a_killed_supervisor_leaves_a_whole_recording(play, tmp_path):
    take = tmp_path / "left.wav"
    performance = play("--record", str(take))
    wait_for(lambda: written(take) > 24000, "half a second of sound")
    recorder(performance), performance.child("core"), performance.child("front")
    performance.process.kill()
    wait_for(lambda: not performance.survivors(), "the end of all")
    assert len(ints(take)) > 24000


def test_a_folder_that_goes_away_is_told_once(play, tmp_path):
    folder = tmp_path / "stick"
    folder.mkdir()
    performance = play("--record", str(folder / "gone.wav"))
    wait_for((folder / "gone.wav").exists, "the recording")
    folder.rename(tmp_path / "other")
    performance.wait_for_complaint("gone.wav is not there any more")
    goes_on(performance)
    assert performance.complained.count("is not there any more") == 1
    assert len(ints(tmp_path / "other" / "gone.wav")) > 24000


@pytest.mark.parametrize(
    ("name", "said"),
    [("nowhere/a.wav", "there is no folder"), ("a.mp3", "a name that ends in .wav or .flac is needed")],
)
def test_a_place_that_cannot_be_is_one_line(play, tmp_path, name, said):
    performance = play("--record", str(tmp_path / name), ready=False)
    assert performance.process.wait(PATIENCE_S) == 2
    assert len(performance.complained.strip().splitlines()) == 1
    assert said in performance.complained


def test_a_place_that_cannot_be_while_playing_is_told_to_who_asked(play, tmp_path):
    performance = play()
    performance.send("rec/start", str(tmp_path / "nowhere" / "a.wav"))
    addr, code, text, _ = performance.receive("error")
    assert (addr, code) == ("/gn/rec/start", "io")
    assert "nowhere" in text
    assert performance.ask("rec/state") == 0
    goes_on(performance)
