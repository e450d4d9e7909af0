"""State files: the old one or the new one, never half of one, whatever happens while they are written."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ghostnote.errors import StateError
from ghostnote.state import store

SAVING = """
import sys
from pathlib import Path
from ghostnote.state.store import save
path, n = Path(sys.argv[1]), 0
while True:
    n += 1
    save(path, {"n": n, "filler": [n] * 20000})
    if n == 1:
        print("saving", flush=True)
"""
KILLS = 30


def test_what_is_saved_is_read(tmp_path):
    state = {"a": 1, "b": [0.1, -2.5], "c": {"d": None, "e": "ü"}}
    store.save(tmp_path / "deep" / "er" / "state.json", state)
    assert store.read(tmp_path / "deep" / "er" / "state.json") == state


def test_nothing_else_is_left_in_the_folder(tmp_path):
    for n in range(3):
        store.save(tmp_path / "state.json", {"n": n})
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_home_follows_the_environment(home, monkeypatch, tmp_path):
    assert store.home() == home
    monkeypatch.delenv("GHOSTNOTE_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if sys.platform.startswith("linux"):
        assert store.home() == tmp_path / "ghostnote"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "state.json"
    moments = random.Random(7)
    for _ in range(KILLS // 6):
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(store.__file__).parents[2])},
        ) as child:
            assert child.stdout.readline() == b"saving\n"
            for _ in range(6):
                # Stopped at a random moment: what is on disk then is what a kill would leave.
                time.sleep(moments.uniform(0.001, 0.03))
                child.send_signal(signal.SIGSTOP)
                state = store.read(path)
                assert state["filler"] == [state["n"]] * 20000
                child.send_signal(signal.SIGCONT)
            child.kill()
        state = store.read(path)
        assert state["filler"] == [state["n"]] * 20000


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    store.save(path, {"n": 1})

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match=r"state\.json: cannot be written \(No space left on device\)"):
        store.save(path, {"n": 2})
    assert json.loads(path.read_text()) == {"n": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_numbers_that_are_none_are_not_written(tmp_path):
    store.save(tmp_path / "state.json", {"n": 1})
    with pytest.raises(StateError, match="cannot be written"):
        store.save(tmp_path / "state.json", {"n": float("nan")})
    assert store.read(tmp_path / "state.json") == {"n": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "damaged"),
        (b'{"n": 1', "damaged"),
        (b'{"n": NaN}', "NaN is not a number"),
        (b'{"n": -Infinity}', "-Infinity is not a number"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[1, 2]", "not a state file"),
        (b"[" * 100_000, "damaged"),
        (b'{"n": ' + b"1" * 10_000 + b"}", "damaged"),
        (b" " * (5 << 20), "larger than"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path, content, said):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(StateError, match=said) as caught:
        store.read(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(StateError, match="no such state file"):
        store.read(tmp_path / "none.json")


def test_a_folder_is_not_a_state_file(tmp_path):
    with pytest.raises(StateError, match="cannot be read"):
        store.read(tmp_path)


def test_what_killed_saves_left_is_swept_but_not_what_is_being_saved(tmp_path):
    path = tmp_path / "last.json"
    stale, fresh, other = (
        tmp_path / name for name in ("last.json.1.part", "last.json.2.part", "b.json.1.part")
    )
    for file in (stale, fresh, other):
        file.write_text("{")
    for file in (stale, other):
        os.utime(file, (0, 0))
    store.sweep(path)
    assert not stale.exists()
    assert fresh.exists()
    assert other.exists()
