"""Walking a folder: every sound once, whatever it is called, and no way to get lost."""

from __future__ import annotations

import os
import sys

import pytest

from ghostnote.errors import DatasetError
from ghostnote_training.dataset.walk import natural, walk
from soundfolders import fill, hit, write


def names(folder):
    return [found.name for found in walk(folder).files]


def test_sounds_are_found_in_natural_order_with_their_folders(tmp_path):
    fill(tmp_path, ["b/kick10.wav", "b/kick2.wav", "a.wav", "b/deep/er/x.WAV"])
    assert names(tmp_path) == ["a.wav", "b/kick2.wav", "b/kick10.wav", "b/deep/er/x.WAV"]
    assert walk(tmp_path).files[3].folders == ("b", "deep", "er")


def test_names_in_any_script(tmp_path):
    given = ["Große Trommel.wav", "バスドラム/キック ٣.wav", "🥁.wav", "a'b\"c\nd.wav", "x;y|z.wav"]
    fill(tmp_path, given)
    assert set(names(tmp_path)) == set(given)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text on this system")
def test_names_that_are_no_text(tmp_path):
    source = write(tmp_path / "a.wav", hit(1))
    os.rename(os.fsencode(source), os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    assert names(tmp_path) == ["\udcff\udcfe.wav"]


def test_hidden_files_and_other_files_are_counted_only(tmp_path):
    fill(tmp_path, ["a.wav", ".b.wav", ".git/c.wav", "__MACOSX/._a.wav", "d/._e.wav"])
    (tmp_path / "readme.txt").write_text("hello")
    found = walk(tmp_path)
    assert [one.name for one in found.files] == ["a.wav"]
    assert (found.others, found.hidden) == (1, 4)


def test_a_sound_that_is_not_called_like_one_is_found(tmp_path):
    write(tmp_path / "take.bak", hit(1), format="WAV")
    write(tmp_path / "flac", hit(2), format="FLAC")
    assert names(tmp_path) == ["flac", "take.bak"]


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights there")
def test_links_in_a_circle_end_and_folders_count_once(tmp_path):
    fill(tmp_path, ["z/a.wav"])
    os.symlink(tmp_path, tmp_path / "z" / "up")
    os.symlink(tmp_path / "z", tmp_path / "linked")
    os.symlink("self", tmp_path / "self")
    os.symlink("gone", tmp_path / "gone.wav")
    assert sorted(names(tmp_path)) == ["gone.wav", "z/a.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders there")
def test_pipes_are_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert names(tmp_path) == []


def test_a_missing_folder_and_a_file_are_told(tmp_path):
    with pytest.raises(DatasetError, match="gone: there is no such folder"):
        walk(tmp_path / "gone")
    with pytest.raises(DatasetError, match=r"a\.wav: is a file; give the folder"):
        walk(write(tmp_path / "a.wav", hit(0)))


def test_numbers_sort_by_value_in_any_length():
    given = ["k10", "k9", "K2", "k", "k" + "9" * 40, "٣"]
    assert sorted(given, key=natural)[:3] == ["٣", "k", "K2"]
