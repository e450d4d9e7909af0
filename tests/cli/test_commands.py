"""What every command has in common, and the ones that only tell something."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ghostnote import __version__
from ghostnote.cli import main as cli
from ghostnote.state.commands import COMMANDS
from ghostnote.state.parameters import PARAMETERS
from ghostnote.state.readings import READINGS
from playing import environment

ALL = (
    "play",
    "render",
    "generate",
    "classify",
    "listen",
    "index",
    "similar",
    "library",
    "devices",
    "midi",
    "models",
    "params",
    "doctor",
    "bench",
)


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help(command, name):
    result = command(name, "--help")
    assert result.status == 0
    assert f"ghostnote {name}" in result.out
    assert result.err == ""


def test_all_commands_are_listed(command):
    result = command("--help")
    assert all(name in result.out for name in ALL)


def test_version(command):
    assert command("--version").out.strip() == f"ghostnote {__version__}"


@pytest.mark.parametrize("arguments", [[], ["sing"], ["params", "--nonsense"], ["render"], ["classify"]])
def test_wrong_arguments_are_status_two(command, arguments):
    result = command(*arguments)
    assert result.status == 2
    assert "ghostnote" in result.err
    assert result.out == ""


def test_documented_options_exist(command):
    told = command("play", "--help").out
    for option in (
        "--model",
        "--device",
        "--rate",
        "--block",
        "--midi",
        "--port",
        "--bind",
        "--seconds",
        "--log",
    ):
        assert option in told
    told = command("render", "--help").out
    assert all(option in told for option in ("--out", "--model", "--seed", "--rate", "--seconds"))


def test_an_error_is_one_line_and_a_traceback_only_with_debug(command):
    result = command("generate", "--model", "nonesuch", "--out", "x.wav")
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("ghostnote: ")
    assert len(result.err.strip().splitlines()) == 1
    with pytest.raises(Exception, match="nonesuch"):
        command("--debug", "generate", "--model", "nonesuch", "--out", "x.wav")


def test_even_an_unexpected_error_is_one_line(command, monkeypatch):
    from ghostnote.cli import params

    def fail(args: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(params, "run", fail)
    result = command("params")
    assert result.status == 2
    assert "unexpected: ZeroDivisionError('a bug')" in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_a_quick_command_imports_nothing_heavy():
    """`ghostnote params` in a shell prompt must not wait for onnxruntime."""
    code = (
        "import sys; from ghostnote.cli.main import main; main(['params', '--json']);"
        "sys.stderr.write(' '.join(m for m in sys.modules if m in"
        " ('onnxruntime', 'scipy', 'sounddevice', 'rtmidi', 'rich', 'soundfile')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    assert done.stderr == ""


def test_a_closed_pipe_is_no_error():
    """`ghostnote params | head -1`."""
    done = subprocess.run(
        f"{sys.executable} -m ghostnote params | head -1",
        shell=True,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_params_cover_the_table(command):
    table = json.loads(command("params", "--json").out)
    assert [row["address"] for row in table["parameters"]] == [f"/gn/{row.path}" for row in PARAMETERS]
    assert [row["address"] for row in table["commands"]] == [f"/gn/{row.path}" for row in COMMANDS]
    assert [row["address"] for row in table["readings"]] == [f"/gn/{row.path}" for row in READINGS]
    for row in table["parameters"]:
        assert row["text"]
        assert (row["range"] is None) == (row["type"] == "s")
        assert row["type"] == "s" or not row["choices"]
    note = next(row for row in table["commands"] if row["address"].endswith("/note"))
    assert [a["name"] for a in note["arguments"]] == ["pitch", "velocity", "id"]


def test_params_read_well(command):
    told = command("params").out
    assert all(row.path in told and row.text in told for row in (*PARAMETERS, *COMMANDS, *READINGS))


def test_models_lists_good_and_bad_ones(command, bundle, tmp_path, monkeypatch):
    (tmp_path / "good").symlink_to(bundle, target_is_directory=True)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "model.json").write_text("{")
    monkeypatch.setenv("GHOSTNOTE_MODELS", str(tmp_path))
    result = command("models", "--json")
    rows = {row["folder"].rsplit("/", 1)[-1]: row for row in json.loads(result.out)}
    assert result.status == 0
    assert rows["good"]["latent_size"] == 64
    assert len(rows["good"]["classes"]) == 9
    assert "model.json" in rows["bad"]["error"]
    told = command("models").out
    assert "64 dimensions" in told
    assert "bad: " in told


def test_devices_tells_what_there_is_or_why_there_is_nothing(command):
    result = command("devices")
    assert result.status == 0
    assert "Sound outputs" in result.out
    assert "MIDI inputs" in result.out


def test_commands_of_the_issue_are_all_there():
    assert tuple(cli._COMMANDS) == (*ALL[:11], "train", *ALL[11:])
