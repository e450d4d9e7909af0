"""Sounds that were heard, as files: the last ones, whole, and what a disk that refuses costs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from ghostnote.ears.sounds import Answer
from ghostnote.errors import MessageError
from ghostnote.host.capture import capture, capture_part, newest
from ghostnote.host.heard_files import KEPT, HeardFiles
from ghostnote.host.hearing import Heard
from ghostnote.state.registry import DEFAULTS, resolve
from playing import wait_for


def heard(number: int, label: str = "kick") -> Heard:
    answer = Answer(number, 0, 0.5, 0, label, 0.9, np.ones(1, dtype=np.float32), True)
    return Heard(number, 0.0, 0.0, [answer], np.full(1000, 0.01 * number, dtype=np.float32))


def test_the_last_ones_are_kept_and_the_newest_is_the_last(tmp_path):
    (tmp_path / "00000099-old.wav").write_bytes(b"")
    files = HeardFiles(tmp_path, 44_100)
    for number in range(1, KEPT + 4):
        files.put(heard(number, "hi/hat"))
        wait_for(lambda number=number: list(tmp_path.glob(f"{number:08d}-*.wav")), "the file")
    files.close()
    assert files.lost == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{n:08d}-hi_hat.wav" for n in range(4, KEPT + 4)]
    samples, rate = soundfile.read(newest(tmp_path))
    assert (rate, len(samples)) == (44_100, 1000)
    assert samples[0] == pytest.approx(0.01 * (KEPT + 3), abs=1e-4)


def test_a_folder_that_cannot_be_costs_sounds_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("no folder")
    files = HeardFiles(tmp_path / "file", 44_100)
    files.put(heard(1))
    wait_for(lambda: files.lost == 1, "the loss")
    files.close()


def test_capture_is_the_newest_with_class_and_number(tmp_path):
    placed = []
    tasks = SimpleNamespace(place_file=lambda task, path, origin, slot: placed.append((path.name, slot)))
    task = SimpleNamespace(target=resolve("/gn/slot/c/capture"))
    with pytest.raises(MessageError, match="no sound was heard yet"):
        capture(tasks, task, tmp_path)
    for name in ("00000002-snare.wav", "00000010-kick.wav"):
        (tmp_path / name).write_bytes(b"")
    assert capture(tasks, task, tmp_path) == "kick 10"
    assert placed == [("00000010-kick.wav", "c")]


VALUES = {**DEFAULTS, "/gn/beatbox/spread": 0.4, "/gn/part3/weight/c": 0.0, "/gn/part4/variance": 0.1}


@pytest.mark.parametrize(
    ("addr", "number", "values", "wanted"),
    [
        ("part3", 0, VALUES, ("00000010", "c", ["/gn/part3/program", "/gn/part3/variance"], False)),
        ("part4", 2, VALUES, ("00000002", "d", [], False)),
        ("part5", 0, {**VALUES, "/gn/beatbox/spread": 0.0}, ("00000010", "e", [], False)),
        ("part5", 0, {**VALUES, "/gn/beatbox/detail": 1}, ("00000010", "e", ["/gn/part5/variance"], True)),
    ],
)
def test_a_part_learns_into_its_own_slot_and_is_put_on_it(tmp_path, addr, number, values, wanted):
    placed = []

    def place_file(task, path, origin, slot, more, *, detail):
        placed.append((path.stem.partition("-")[0], slot, [name for name, _ in more], detail))

    for name in ("00000002-snare.wav", "00000010-kick.wav"):
        (tmp_path / name).write_bytes(b"")
    task = SimpleNamespace(target=resolve(f"/gn/{addr}/capture"), args=(1.0, number))
    origin = capture_part(SimpleNamespace(place_file=place_file), task, tmp_path, values)
    assert placed == [wanted]
    assert origin == ("snare 2" if number == 2 else "kick 10")


def test_a_sound_that_is_not_kept_any_more_is_said_to_be_gone(tmp_path):
    task = SimpleNamespace(target=resolve("/gn/part1/capture"), args=(1.0, 5))
    (tmp_path / "00000010-kick.wav").write_bytes(b"")
    with pytest.raises(MessageError, match="sound 5 is not among the last"):
        capture_part(SimpleNamespace(), task, tmp_path, VALUES)


def test_who_wants_to_know_is_told_when_a_file_is_there(tmp_path):
    told = []
    files = HeardFiles(tmp_path, 44_100, lambda one: told.append((one.number, len(list(tmp_path.iterdir())))))
    files.put(heard(1))
    files.put(heard(2))
    files.close()
    assert told == [(1, 1), (2, 2)]
