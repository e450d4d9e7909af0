"""The door to training: what is missing is told in a line, all else is handed on untouched."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from ghostnote.cli import train


@pytest.fixture
def installed(monkeypatch):
    """The training extra as it is told to be, and the program that would be started."""
    there = {"ghostnote_training", "keras", "onnx", "tensorflow"}
    started = []

    def execv(path, line):
        started.append(line)
        raise SystemExit(0)

    find = importlib.util.find_spec
    heavy = {"ghostnote_training", "keras", "onnx", "tensorflow", "jax"}
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *a: (object() if name in there else None) if name in heavy else find(name, *a),
    )
    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return there, started


def test_all_arguments_are_handed_on(command, installed):
    _, started = installed
    given = ["a folder", "--name", "x", "--minutes", "-1", "--help", "-h", "--version", "--debug"]
    assert command("train", *given).status == 0
    line = started[0]
    assert line[:4] == [sys.executable, "-P", "-m", train.PROGRAM]
    assert line[4:] == given


def test_debug_before_the_command_is_handed_on_too(command, installed):
    _, started = installed
    command("--debug", "train", "folder")
    assert started[0][4:] == ["--debug", "folder"]


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ({"keras"}, "keras is missing"),
        ({"keras", "onnx"}, "keras, onnx is missing"),
        ({"tensorflow"}, "tensorflow or jax is missing"),
    ],
)
def test_what_is_missing_is_one_line(command, installed, gone, told):
    there, started = installed
    there -= gone
    result = command("train", "folder", "--name", "x")
    assert result.status == 2
    assert told in result.err
    assert "pip install 'ghostnote[training]'" in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not started


def test_another_backend_will_do(command, installed, monkeypatch):
    there, started = installed
    there -= {"tensorflow"}
    there.add("jax")
    assert command("train", "folder").status == 0
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert "tensorflow is missing" in command("train", "folder").err
    assert len(started) == 1


def test_the_door_loads_nothing_heavy():
    script = "\n".join(
        [
            "import sys, ghostnote.cli.train as door",
            "door._missing()",
            "print(*[name for name in ('keras', 'tensorflow', 'onnx') if name in sys.modules])",
        ]
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_help_comes_from_the_training_package():
    pytest.importorskip(
        "keras", reason="the extra 'training' is not installed (pip install 'ghostnote[training]')"
    )
    done = subprocess.run(
        [sys.executable, "-m", "ghostnote", "train", "--help"], capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    assert "usage: ghostnote train" in done.stdout
    for option in ("DIR", "--name", "--classes", "--preset", "--resume", "--replace", "--out"):
        assert option in done.stdout
