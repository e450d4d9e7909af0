"""The wheel alone, in an empty environment and an empty folder: it has its models and makes sound."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ghostnote.state.commands import COMMANDS
from ghostnote.state.parameters import PARAMETERS

MODELS = sorted((Path(__file__).parents[2] / "models").iterdir())

LOG = [
    {"t": 0.0, "addr": "/gn/part1/hit", "args": [1.0]},
    {"t": 0.25, "addr": "/gn/part2/hit", "args": [0.8]},
    {"t": 0.5, "addr": "/gn/part1/gain", "args": [-6.0]},
    {"t": 0.5, "addr": "/gn/part1/note", "args": [67, 0.9]},
]


def test_wheel_holds_packages_models_and_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    info = next(t for t in tops if t.endswith(".dist-info"))
    assert tops == {"ghostnote", "ghostnote_training", info}
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE", "ghostnote/py.typed"} <= set(names)
    pages = Path(__file__).parents[2] / "engine" / "ghostnote" / "web" / "parts"
    assert {f"ghostnote/web/parts/{part.name}" for part in pages.iterdir()} <= set(names)
    models = [name for name in names if name.startswith("ghostnote/_models/")]
    assert {Path(name).suffix for name in models} <= {".json", ".onnx", ".md"}
    for folder in MODELS:
        graphs = json.loads((folder / "model.json").read_text(encoding="utf-8"))["files"]
        wanted = {f"ghostnote/_models/{folder.name}/{part}" for part in ("model.json", "README.md", *graphs)}
        assert wanted == {name for name in models if name.split("/")[2] == folder.name}


def test_installed_code_is_the_wheels(installed):
    listed = json.loads(installed.run("models", "--json"))
    assert {row["name"] for row in listed} == {folder.name for folder in MODELS} >= {"drums"}
    for row in listed:
        assert "error" not in row, row
        assert Path(row["folder"]).is_relative_to(installed.folder), "a model from outside of the wheel"


def test_params_are_the_table(installed):
    table = json.loads(installed.run("params", "--json"))
    assert len(table["parameters"]) == len(PARAMETERS)
    assert len(table["commands"]) == len(COMMANDS)
    assert {"/gn/part{part}/hit", "/gn/panic"} <= {row["address"] for row in table["commands"]}


def test_log_renders_to_sound_from_an_empty_folder(installed, tmp_path):
    (tmp_path / "beat.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LOG), encoding="utf-8")
    installed.run(
        "render", "beat.jsonl", "--out", "beat.wav", "--seconds", "2", "--rate", "48000", cwd=tmp_path
    )
    sound, rate = soundfile.read(tmp_path / "beat.wav", dtype="float32", always_2d=True)
    assert rate == 48000
    assert len(sound) == pytest.approx(2 * rate, abs=rate // 100)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= 10 ** (-0.3 / 20) + 1e-6, "louder than the ceiling of -0.3 dBFS"
    level = np.sqrt(np.mean(sound**2))
    assert 20 * np.log10(level) > -60.0, "as good as silent"
