"""Whatever stops a training, and at whichever stage: one clear line, nothing lost, and it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import stagekit
from bundles import build_bundle
from folderkit import tiny, write_sounds
from ghostnote.decode import model as engine_model
from ghostnote_training import checkpoint, command, make_model, placing, presets, stopping

# A training is gone through in parts, each of which loads or compiles what it needs.
pytestmark = pytest.mark.timeout(7200)

STOPPED_EARLY = [("looking", "SIGINT"), ("looking", "SIGHUP"), ("features", "SIGTERM")]
STOPPED_LATE = [
    ("classifier", "SIGHUP"),
    ("training", "SIGTERM"),
    ("training", "ENOSPC"),
    ("export", "SIGINT"),
    ("export", "ENOSPC"),
    ("placing", "SIGTERM"),
    ("placing", "ENOSPC"),
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A user's data folder that has a model of the name already, a bad one."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GHOSTNOTE_MODELS", raising=False)
    monkeypatch.setitem(presets.PRESETS, "small", tiny())
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one process that reads sounds
    models = tmp_path / "data" / "ghostnote" / "models"
    quality = {"held_out": {"log_spectral_distance_db": 99.0}, "classifier": {"balanced_accuracy": 0.0}}
    build_bundle(models / "kit", name="kit", manifest={"quality": quality})
    return tmp_path


def check_what_was_there(place):
    """The model that was there can still be played, and no half files are left."""
    data = place / "data" / "ghostnote"
    assert engine_model.load(data / "models" / "kit").manifest.name == "kit"
    assert not [p.name for p in data.rglob("*partial*") if p.parent.name != "cache"]


def check_the_end(place):
    data = place / "data" / "ghostnote"
    assert checkpoint.state(data / "training" / "kit" / "checkpoint.npz")["step"] == 24
    assert engine_model.load(data / "models" / "kit").manifest.classes == ("low", "высокий")
    assert len(list((data / "models" / placing.ASIDE).iterdir())) == 1


def arguments(place):
    return [str(place / "Klänge"), "--name", "kit", "--preset", "small", "--plain"]


def stop_at(troubles, place, capfd, monkeypatch):
    """Begin a training, have it stopped again and again, and look at what was said and what is left."""
    write_sounds(place / "Klänge")
    line = arguments(place)
    handlers = [signal.getsignal(kind) for kind in stopping.KINDS]
    for number, (stage, kind) in enumerate(troubles):
        with monkeypatch.context() as patched:
            stagekit.arrange(stage, kind, patched.setattr)
            status = command.main([*line, "--resume"] if number else [*line, "--classes", "folders"])
        told = capfd.readouterr().err.strip().splitlines()
        assert status == (130 if kind.startswith("SIG") else 2), (stage, kind, told)
        assert "--resume" in told[-1], (stage, kind, told)
        assert not any("Traceback" in one for one in told), (stage, kind, told)
        if kind == "ENOSPC":
            assert str(place / "data") in told[-1]
            assert "No space left on device; free some space" in told[-1]
        check_what_was_there(place)
    assert [signal.getsignal(kind) for kind in stopping.KINDS] == handlers


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_stopped_before_it_learns_it_goes_on(place, capfd, monkeypatch):
    stop_at(STOPPED_EARLY, place, capfd, monkeypatch)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_stopped_at_every_stage_it_goes_on(place, capfd, monkeypatch):
    stop_at(STOPPED_LATE, place, capfd, monkeypatch)
    assert command.main([*arguments(place), "--resume"]) == 0
    assert "play it" in capfd.readouterr().out
    check_the_end(place)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_killed_at_every_stage_it_goes_on(place):
    sounds = write_sounds(place / "Klänge")
    here = Path(stagekit.__file__).parent
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), *(p for p in sys.path if p)])}

    def start(stage, *more):
        line = [sys.executable, stagekit.__file__, stage, "SIGKILL", str(sounds)]
        line += ["--name", "kit", "--preset", "small", "--plain", *more]
        done = subprocess.run(line, env=env, text=True, capture_output=True, timeout=1500)
        return done.returncode, done.stdout, done.stderr

    for number, stage in enumerate([*stagekit.STAGES, "placing"]):
        status, _, err = start(stage, "--resume") if number else start(stage, "--classes", "folders")
        assert status == -signal.SIGKILL, (stage, err)
        assert engine_model.load(place / "data" / "ghostnote" / "models" / "kit").manifest.name == "kit"
    status, out, err = start("nowhere", "--resume")
    assert status == 0, err
    assert "play it" in out
    check_the_end(place)
    check_what_was_there(place)


def test_stopped_before_anything_was_learnt(place, capfd, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(make_model, "make", interrupt)
    sounds = write_sounds(place / "sounds")
    assert command.main([str(sounds), "--name", "kit", "--preset", "small"]) == 130
    assert "stopped before anything was learnt; nothing is changed" in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP there")
def test_what_nohup_wants_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping.interrupting():
            os.kill(os.getpid(), signal.SIGHUP)
        with stopping.asked() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_asked_once_it_looks_asked_twice_it_stops():
    with stopping.asked() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
