"""Finding bundles: by name in the known places, by path, and clear words when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundles import build_bundle
from ghostnote.decode import bundle
from ghostnote.errors import BundleError


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of models that GHOSTNOTE_MODELS names, and an empty home."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("GHOSTNOTE_MODELS", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "data"))
    return folder


def make(folder):
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    return folder


def test_finds_by_name(models):
    folder = make(models / "bells")
    assert bundle.find("bells") == folder


def test_a_folder_that_may_not_be_looked_into_is_passed_over(models, monkeypatch):
    folder, secret = make(models / "bells"), make(models / "secret")
    is_file = Path.is_file

    def refuse(path):
        if path.is_relative_to(secret):
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
    assert folder in bundle.available()
    assert secret not in bundle.available()
    with pytest.raises(BundleError, match="known models: bells"):
        bundle.find("secret")


def test_finds_by_folder_and_by_manifest(models, tmp_path):
    folder = build_bundle(tmp_path / "elsewhere" / "own")
    assert bundle.find(folder) == folder
    assert bundle.find(str(folder)) == folder
    assert bundle.find(folder / "model.json") == folder


def test_finds_relative_folder(models, tmp_path, monkeypatch):
    make(tmp_path / "here" / "own")
    monkeypatch.chdir(tmp_path / "here")
    assert bundle.find("own").resolve() == tmp_path / "here" / "own"


def test_unknown_name_lists_what_there_is(models):
    make(models / "zither")
    make(models / "bells")
    (models / "not-a-bundle").mkdir()
    with pytest.raises(BundleError, match=r"'gongs': no bundle of that name.*bells.*zither") as caught:
        bundle.find("gongs")
    assert "not-a-bundle" not in str(caught.value)
    assert "GHOSTNOTE_MODELS" in str(caught.value)


@pytest.mark.parametrize("name", ["", ".", "a\nb", "x" * 5000, "nul\0byte"])
def test_odd_names_are_refused(models, name, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(BundleError, match="model"):
        bundle.find(name)


def test_folder_without_manifest(models, tmp_path):
    with pytest.raises(BundleError, match=r"there is no model\.json in it"):
        bundle.find(tmp_path)


def test_first_root_hides_later_ones(models, tmp_path):
    folder = bundle.user_data() / "models"
    make(folder / "same")
    make(folder / "other")
    make(models / "same")
    found = bundle.available()
    assert models / "same" in found
    assert folder / "same" not in found
    assert folder / "other" in found
    assert [path.name for path in found] == sorted(path.name for path in found)


def test_roots_that_do_not_exist_are_left_out(models, monkeypatch):
    monkeypatch.setenv("GHOSTNOTE_MODELS", str(models / "nowhere"))
    assert all(root.is_dir() for root in bundle.roots())


def test_source_checkout_is_a_root(models, pytestconfig):
    assert pytestconfig.rootpath / "models" in bundle.roots()


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux", "data"), ("darwin", "home/Library/Application Support"), ("win32", "data")],
)
def test_user_data_by_platform(models, tmp_path, monkeypatch, platform, expected):
    monkeypatch.setattr(bundle.sys, "platform", platform)
    assert bundle.user_data() == tmp_path / expected / "ghostnote"
