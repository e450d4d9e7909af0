"""Where a model goes, and that a better one is not lost."""

from __future__ import annotations

import json

import pytest

from bundles import build_bundle
from ghostnote.decode import bundle as bundles
from ghostnote.errors import UsageError
from ghostnote_training import placing
from ghostnote_training.placing import Score, score


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("GHOSTNOTE_MODELS", raising=False)
    return tmp_path / "data" / "ghostnote" / "models"


def model(folder, distance=5.0, accuracy=0.8, seed=0):
    quality = {
        "held_out": {"log_spectral_distance_db": distance},
        "classifier": {"balanced_accuracy": accuracy},
    }
    return build_bundle(folder, name="kit", seed=seed, manifest={"quality": quality})


def distance(folder):
    return json.loads((folder / "model.json").read_text())["quality"]["held_out"]["log_spectral_distance_db"]


def test_it_goes_where_the_engine_looks(data, tmp_path):
    target = placing.destination("kit", None)
    assert placing.place(model(tmp_path / "made"), target, False) is None
    assert bundles.find("kit") == target == data / "kit"
    assert not list(data.glob(".*"))


def test_a_named_folder_of_models_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("GHOSTNOTE_MODELS", str(tmp_path / "mine"))
    assert placing.destination("kit", None) == tmp_path / "mine" / "kit"


def test_a_better_model_is_not_replaced_unless_asked(data, tmp_path):
    target = placing.destination("kit", None)
    placing.place(model(tmp_path / "good", 4.0), target, False)
    worse = model(tmp_path / "worse", 6.0)
    with pytest.raises(
        UsageError, match=r"is better \(log-spectral distance 4\.00 dB.*new one: .*6\.00.*--replace"
    ):
        placing.place(worse, target, False)
    assert distance(target) == 4.0
    kept = placing.place(worse, target, True)
    assert distance(target) == 6.0
    assert distance(kept) == 4.0
    assert [folder.name for folder in bundles.available() if folder.parent == data] == ["kit"]


def test_a_better_one_takes_the_place_and_the_old_one_is_kept(data, tmp_path):
    target = placing.destination("kit", None)
    placing.place(model(tmp_path / "old", 6.0), target, False)
    kept = [placing.place(model(tmp_path / f"new{k}", 5.0 - k), target, False) for k in range(2)]
    assert distance(target) == 4.0
    assert [distance(folder) for folder in kept] == [6.0, 5.0]


def test_an_empty_folder_that_was_made_for_it_is_taken(data, tmp_path):
    (tmp_path / "mine").mkdir()
    target = placing.destination("kit", tmp_path / "mine")
    assert placing.place(model(tmp_path / "made"), target, False) is None
    assert distance(tmp_path / "mine") == 5.0
    assert not (tmp_path / placing.ASIDE).exists()


def test_what_is_there_already_stays(data, tmp_path):
    target = placing.destination("kit", None)
    made = model(tmp_path / "made")
    placing.place(made, target, False)
    assert placing.place(made, target, False) is None
    assert not (data / placing.ASIDE).exists()


def test_a_damaged_model_stands_in_nobodys_way(data, tmp_path):
    target = placing.destination("kit", None)
    placing.place(model(tmp_path / "old"), target, False)
    (target / "model.json").write_text("{")
    kept = placing.place(model(tmp_path / "new", 9.0), target, False)
    assert distance(target) == 9.0
    assert (kept / "model.json").read_text() == "{"


@pytest.mark.parametrize(
    ("mine", "other", "worse"),
    [
        (Score(5.0, 0.8), Score(5.0, 0.8), False),
        (Score(5.02, 0.795), Score(5.0, 0.8), False),
        (Score(5.2, 0.9), Score(5.0, 0.8), True),
        (Score(4.0, 0.7), Score(5.0, 0.8), True),
        (Score(4.0, None), Score(5.0, 0.8), True),
        (Score(4.0, 0.7), Score(5.0, None), False),
        (Score(None, None), Score(5.0, None), True),
        (Score(None, None), Score(None, None), False),
    ],
)
def test_worse(mine, other, worse):
    assert mine.worse_than(other) is worse


def test_figures_of_shipped_models_are_read_too(bundle_dir):
    found = score(json.loads((bundle_dir / "model.json").read_text(encoding="utf-8"))["quality"])
    assert 1.0 < found.distance_db < 20.0
    assert 0.0 < found.accuracy < 1.0


def test_names_and_places_that_cannot_be(data, tmp_path):
    with pytest.raises(UsageError, match="--name 'no/name'"):
        placing.destination("no/name", None)
    with pytest.raises(UsageError, match=r"would still find the model in .*choose another name"):
        placing.destination("drums", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        placing.destination("kit", tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is a folder of something else"):
        placing.destination("kit", tmp_path / "full")
    with pytest.raises(UsageError, match="cannot be made"):
        placing.destination("kit", tmp_path / "file" / "kit")
