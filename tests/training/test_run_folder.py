"""The folder of a run: one process at a time, nothing lost, damage is no end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ghostnote.errors import UsageError
from ghostnote_training import asking, checkpoint
from ghostnote_training.asking import Request
from ghostnote_training.run_folder import RunFolder


def test_what_was_begun_is_read_again(tmp_path):
    folder = RunFolder(tmp_path / "kit")
    assert not folder.begun
    folder.begin({"name": "kit", "seed": 3})
    folder.note(stage="model")
    checkpoint.save(folder.path / "checkpoint.npz", {}, {"step": 7})
    again = RunFolder(tmp_path / "kit")
    assert again.begun
    assert not again.finished
    assert again.settings["seed"] == 3
    assert "step 7" in again.told()


def test_a_fresh_run_keeps_the_one_before(tmp_path):
    folder = RunFolder(tmp_path / "kit")
    folder.begin({"seed": 1})
    (folder.path / "checkpoint.npz").write_bytes(b"weights")
    folder.begin({"seed": 2})
    assert not (folder.path / "checkpoint.npz").exists()
    assert (tmp_path / "kit.before" / "checkpoint.npz").read_bytes() == b"weights"
    assert RunFolder(tmp_path / "kit.before").settings["seed"] == 1
    assert folder.settings["seed"] == 2


def test_a_run_that_learnt_nothing_replaces_no_older_one(tmp_path):
    folder = RunFolder(tmp_path / "kit")
    folder.begin({"seed": 1})
    folder.note(stage="model")
    for seed in (2, 3):
        folder.begin({"seed": seed})
        assert RunFolder(tmp_path / "kit.before").settings["seed"] == 1
    assert RunFolder(folder.path).settings["seed"] == 3


def test_killed_while_the_older_run_is_moved_aside_nothing_is_lost(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "kit")
    folder.begin({"seed": 1})
    folder.note(stage="model")
    (folder.path / "checkpoint.npz").write_bytes(b"weights")
    move, moved = Path.replace, []

    def killed(self, target):
        moved.append(self)
        if len(moved) > 1:
            raise KeyboardInterrupt
        return move(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            folder.begin({"seed": 2})
    again = RunFolder(folder.path)
    assert not again.begun, "half a run is none to go on with"
    again.begin({"seed": 3})
    before = RunFolder(tmp_path / "kit.before")
    assert (before.path / "checkpoint.npz").read_bytes() == b"weights"
    assert (before.settings["seed"], before.state["stage"]) == (1, "model")
    assert sorted(p.name for p in folder.path.iterdir()) == ["settings.json", "state.json"]
    assert RunFolder(folder.path).settings["seed"] == 3


def test_two_do_not_train_in_one_folder(tmp_path):
    folder = RunFolder(tmp_path / "kit")
    again = RunFolder(folder.path)
    with folder.alone(), pytest.raises(UsageError, match="another training works there"), again.alone():
        pass
    with RunFolder(folder.path).alone():
        pass


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"), RunFolder(tmp_path / "file" / "kit").alone():
        pass


def test_a_full_disk_is_told_before_anything_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3_000_000}))
    with pytest.raises(UsageError, match="3 MB are free"), RunFolder(tmp_path / "kit").alone():
        pass


def test_a_damaged_state_counts_as_none(tmp_path):
    (tmp_path / "settings.json").write_text("[1")
    (tmp_path / "state.json").write_text("[1]")
    folder = RunFolder(tmp_path)
    assert not folder.begun
    assert folder.state == {}


def test_a_file_takes_its_place_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a.json"
    checkpoint.write_json(path, {"a": 1})

    def fail():
        with checkpoint.aside(path) as partial:
            partial.write_text("{")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert path.read_text() == '{\n "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_checkpoint_that_is_none_is_told(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ValueError, match="this is no checkpoint"):
        checkpoint.load(tmp_path / "c.npz")


@pytest.fixture
def request_for(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GHOSTNOTE_MODELS", raising=False)
    (tmp_path / "sounds").mkdir()
    return lambda **more: Request(tmp_path / "sounds", "kit", **more)


def begun(request, stage="model", **more):
    folder = RunFolder(request.run_folder)
    folder.begin(asking.settings(request, {}) | {"recipe": {}})
    folder.note(stage=stage, **more)
    checkpoint.save(folder.path / "checkpoint.npz", {}, {"step": 120})


def test_an_unfinished_run_is_told_and_what_to_do(request_for):
    begun(request_for(preset="small"))
    with pytest.raises(UsageError, match=r"unfinished run of 'kit', at step 120: add --resume .* or --fresh"):
        asking.check(request_for(preset="small"))
    asking.check(request_for(preset="small", fresh=True))
    asking.check(request_for(resume=True))
    with pytest.raises(UsageError, match="begun with another preset, seed"):
        asking.check(request_for(resume=True, preset="large", seed=9))


def test_a_run_that_was_just_begun_stands_in_nobodys_way(request_for):
    begun(request_for(), "sounds")
    (request_for().run_folder / "checkpoint.npz").unlink()
    asking.check(request_for(preset="large"))
    asking.check(request_for(resume=True))


def test_runs_from_before_an_option_was_there_go_on(request_for):
    request = request_for()
    folder = RunFolder(request.run_folder)
    settings = asking.settings(request, {})
    del settings["cut"]
    folder.begin(settings)
    asking.check(request_for(resume=True))
    with pytest.raises(UsageError, match="begun with another cut"):
        asking.check(request_for(resume=True, cut="never"))


def test_names_in_no_encoding_come_back(tmp_path):
    value = {"folder": "a\udcff", "class": "высокий"}
    checkpoint.write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value
    checkpoint.write_json(tmp_path / "a.json", {"class": "высокий"})
    assert "высокий" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_finished_run_stands_in_nobodys_way(request_for):
    begun(request_for(), "done", placed=True)
    asking.check(request_for())


def test_a_run_whose_model_was_not_placed_is_unfinished(request_for):
    begun(request_for(), "done")
    with pytest.raises(UsageError, match="whose model was not put in its place"):
        asking.check(request_for())


def test_lists_of_numbers_stand_on_a_line_and_texts_as_they_are(tmp_path):
    value = {"a": ["[ 1, 2 ]", "[\n 3,\n 4]"], "b": [[1, 2.5], [-3e-05]], "c": [1, None], "d": [], "e": [[]]}
    checkpoint.write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "[1, 2.5]" in text
