"""`ghostnote train` as a whole: what it makes, what it says, what it refuses, and that nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from folderkit import tiny, write_sounds
from ghostnote.decode import bundle as bundles
from ghostnote.decode import model as engine_model
from ghostnote.features.segmentation import SegmentOptions
from ghostnote_training import checkpoint, command, presets
from ghostnote_training.dataset.options import SENSITIVITIES

# Several programs are started, each of which loads Keras.
pytestmark = pytest.mark.timeout(900)

RUNNER = """
import sys
from folderkit import tiny
from ghostnote_training import presets
presets.PRESETS["small"] = tiny(steps=int(sys.argv.pop(1)))
from ghostnote_training.command import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("sounds") / "Klänge")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A user's data folder, and presets that take seconds."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GHOSTNOTE_MODELS", raising=False)
    monkeypatch.setitem(presets.PRESETS, "small", tiny())
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory, sounds):
    """A model with classes: (data folder, lines on standard output, lines on standard error)."""
    place = tmp_path_factory.mktemp("made")
    done = start(place, sounds, "--classes", "folders").communicate(timeout=6000)
    return place, *done


def arguments(sounds, *more):
    return [str(sounds), "--name", "kit", "--preset", "small", "--plain", *more]


def start(place, sounds, *more, steps=24):
    """The command in a process of its own."""
    here = Path(__file__).parents[1]
    env = dict(
        os.environ, XDG_DATA_HOME=str(place / "data"), TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1"
    )
    env.pop("GHOSTNOTE_MODELS", None)
    env["PYTHONPATH"] = os.pathsep.join([str(here), *(p for p in sys.path if p)])
    line = [sys.executable, "-c", RUNNER, str(steps), *arguments(sounds, *more)]
    return subprocess.Popen(line, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def folders(place):
    data = place / "data" / "ghostnote"
    return data / "models" / "kit", data / "training" / "kit"


def test_a_folder_becomes_a_model_that_the_engine_plays(made):
    place, out, err = made
    model, run = folders(place)
    loaded = engine_model.load(model)
    assert loaded.manifest.name == "kit"
    assert loaded.manifest.classes == ("low", "высокий")
    assert set(loaded.manifest.prototypes) == {"low", "высокий"}
    spec = loaded.spec
    z = loaded.encode(np.full((spec.frames, spec.bins), 1e-3, np.float32))
    assert np.isfinite(loaded.decode(z, np.zeros((spec.frames, spec.bins), np.float32))).all()
    assert "play it: ghostnote play --model kit" in out
    assert "all steps are done" in err
    assert json.loads((run / "state.json").read_text())["placed"] is True


def test_settings_are_stored_beside_the_result(made):
    manifest = json.loads((folders(made[0])[0] / "model.json").read_text(encoding="utf-8"))
    training = manifest["training"]
    assert training["seed"] == 1
    assert training["preset"] == "small"
    assert training["recipe"]["train"]["steps"] == 24
    assert [point[0] for point in training["history"]] == [8, 16, 24]
    assert training["parity"].keys() == {"encoder", "decoder", "classifier"}
    assert max(training["parity"].values()) < 2e-3
    row = manifest["provenance"][0]
    assert row["source"] == "Klänge"
    assert row["licence"] == "not stated"


def test_card_and_page_hold_what_was_measured(made):
    model, _ = folders(made[0])
    quality = json.loads((model / "model.json").read_text(encoding="utf-8"))["quality"]
    card = (model / "README.md").read_text(encoding="utf-8")
    page = (model / "page.html").read_text(encoding="utf-8")
    distance = str(quality["held_out"]["log_spectral_distance_db"])
    assert distance in card
    assert distance in page
    assert "высокий" in card
    assert len(page) < 3_000_000
    outside = re.findall(r'(?:src|href)="(?!data:)([^"]*)"', page)
    assert not outside
    assert page.count('src="data:audio/') >= 10
    assert page.count('src="data:image/png') == page.count("<figure>")
    assert 'class="confusion' in page
    assert 'class="map"' in page


def test_without_classes(place, sounds, capsys):
    assert command.main(arguments(sounds)) == 0
    model, _ = folders(place)
    manifest = engine_model.load(model).manifest
    assert manifest.classes == ()
    assert not (model / "classifier.onnx").exists()
    assert "classes: none" in (model / "README.md").read_text(encoding="utf-8")
    assert bundles.find("kit") == model


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_learns_the_same(made, tmp_path, sounds):
    whole = checkpoint.load(folders(made[0])[1] / "checkpoint.npz")
    _, run = folders(tmp_path)
    for k, more in enumerate([[], ["--resume"]]):
        killed = start(tmp_path, sounds, "--classes", "folders", *more)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and killed.poll() is None:
            state = run / "checkpoint.npz"
            if state.exists() and _step(state) >= 5 + 6 * k:
                break
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    refused = start(tmp_path, sounds, "--classes", "folders").communicate(timeout=600)[1]
    assert "unfinished run of 'kit'" in refused
    assert "--resume" in refused
    out, _ = start(tmp_path, sounds, "--resume").communicate(timeout=6000)
    assert "play it" in out
    again = checkpoint.load(run / "checkpoint.npz")
    assert again[1]["step"] == whole[1]["step"] == 24
    for name in ("model", "average", "best", "optimizer"):
        for mine, theirs in zip(again[0][name], whole[0][name], strict=True):
            np.testing.assert_array_equal(mine, theirs)


def _step(path):
    try:
        return checkpoint.load(path)[1]["step"]
    except (OSError, ValueError):
        return 0


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, sounds):
    running = start(tmp_path, sounds, steps=100_000)
    _, run = folders(tmp_path)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (run / "checkpoint.npz").exists():
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=600)
    assert running.returncode == 130
    assert re.search(r"stopped at step \d+, the checkpoint is saved", err)
    assert "--resume" in err
    assert "--export" in err
    out, err = start(tmp_path, sounds, "--export", steps=100_000).communicate(timeout=6000)
    assert "play it" in out, err
    assert (
        json.loads((folders(tmp_path)[0] / "model.json").read_text())["training"]["ended"] == "stopped early"
    )
    assert "unfinished" in start(tmp_path, sounds, steps=100_000).communicate(timeout=600)[1]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--name", "a/b"], "--name 'a/b'"),
        (["--minutes", "-1"], "--minutes -1"),
        (["--seed", "-4"], "--seed -4"),
        (["--synthesis", "2"], "--synthesis 2"),
        (["--resume"], "there is no run to go on with"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_two(place, sounds, capsys, more, told):
    assert command.main([*arguments(sounds), *more]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", ["missing", "empty", "file", "one"])
def test_a_folder_that_holds_nothing_to_learn_is_told(place, tmp_path, sounds, capsys, kind):
    folder = tmp_path / "x"
    if kind == "file":
        folder.write_text("no folder")
    elif kind != "missing":
        folder.mkdir()
    if kind == "one":
        first = next((sounds / "low").iterdir())
        (folder / first.name).write_bytes(first.read_bytes())
    assert command.main(arguments(folder)) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert str(folder) in told[-1]
    assert told[-1].startswith("ghostnote train: ")


@pytest.mark.parametrize("how", [None, "clear", "fine", "never"])
def test_cuts_are_as_was_asked(place, sounds, capsys, monkeypatch, how):
    asked = []

    def opened(folder, options, *_):
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr("ghostnote_training.make_model.open_dataset", opened)
    assert command.main(arguments(sounds, *(["--cut", how] if how else []))) == 130
    assert asked[0].segment == (how != "never")
    assert asked[0].cuts.sensitivity == SENSITIVITIES.get(how or "usual", 0.0)
    assert "--resume" in capsys.readouterr().err


def test_one_class_alone_is_told_and_the_run_asks_for_nothing(place, tmp_path, sounds, capsys):
    folder = tmp_path / "x"
    shutil.copytree(sounds / "low", folder / "low")
    for _ in range(2):
        assert command.main(arguments(folder, "--classes", "folders")) == 2
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert "one class only, low; add a folder for another class, or use --classes none" in told


def test_what_is_said_of_cuts_is_what_there_is():
    assert set(command.CUTS) == {*SENSITIVITIES, "never"}
    assert SegmentOptions(sensitivity=SENSITIVITIES["usual"]) == SegmentOptions()


@pytest.mark.parametrize(
    ("chosen", "present", "told"),
    [
        (None, {"jax"}, "jax"),
        (None, {"jax", "tensorflow"}, "tensorflow"),
        ("jax", {"jax", "tensorflow"}, "jax"),
    ],
)
def test_the_backend_is_the_one_that_is_there(monkeypatch, chosen, present, told):
    monkeypatch.delenv("KERAS_BACKEND") if chosen is None else monkeypatch.setenv("KERAS_BACKEND", chosen)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if name in present else None)
    command.prepare()
    assert os.environ["KERAS_BACKEND"] == told


def test_a_backend_that_there_is_not_for_learning_is_told(place, sounds, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert command.main(arguments(sounds)) == 2
    assert "KERAS_BACKEND=torch: learning runs on tensorflow or jax" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: No space .*free some space"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: Read-only .*change its permissions"),
        (OSError(errno.EIO, "Input/output error"), "^Input/output error; nothing"),
        (MemoryError(), "not enough memory; close other programs"),
        (RuntimeError("x"), "unexpected: .*--debug"),
    ],
)
def test_what_goes_wrong_is_said_with_what_to_try(error, told):
    assert re.search(told, command._line(error))


def test_debug_shows_where(place, tmp_path):
    with pytest.raises(Exception, match="nowhere"):
        command.main([*arguments(tmp_path / "nowhere"), "--debug"])
