"""Sounds that were heard, as files: the last ones, whole, and what a disk that refuses costs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from ghostnote.ears.sounds import Answer
from ghostnote.errors import MessageError
from ghostnote.host.capture import capture, newest
from ghostnote.host.heard_files import KEPT, HeardFiles
from ghostnote.host.hearing import Heard
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
    tasks = SimpleNamespace(place_file=lambda task, path, origin: placed.append((path.name, origin)))
    with pytest.raises(MessageError, match="no sound was heard yet"):
        capture(tasks, None, tmp_path)
    for name in ("00000002-snare.wav", "00000010-kick.wav"):
        (tmp_path / name).write_bytes(b"")
    assert capture(tasks, None, tmp_path) == "kick 10"
    assert placed == [("00000010-kick.wav", "kick 10")]
