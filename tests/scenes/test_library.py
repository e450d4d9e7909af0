"""The folder of scenes: nothing is lost, and what is damaged stops nobody."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.errors import SceneError
from ghostnote.scenes import library as module
from ghostnote.scenes.library import Library
from ghostnote.scenes.names import stem
from ghostnote.scenes.scene import Point, Scene
from ghostnote.state import store as files


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(tmp_path / "scenes")


def scene(name: str, gain: float = 0.0, **more) -> Scene:
    return Scene(name, {"/gn/part1/gain": gain}, **more)


def gain(library: Library, name: str) -> float:
    return float(library.read(name).values["/gn/part1/gain"])


def test_a_folder_that_is_not_there_holds_no_scenes(library):
    assert library.names() == []
    with pytest.raises(SceneError, match="there is no scene 'verse'; there are: none yet"):
        library.read("verse")


def test_what_is_stored_is_read_in_any_script(library):
    for k, name in enumerate(("verse", "Ünder", "日本語", "../not".replace("/", "∕"), "👻", "verse 2")):
        stored = scene(name, -float(k), slots={"tiny": {"a": Point((0.25, -1.5), "kick"), "b": None}})
        library.store(stored)
        assert library.read(name) == stored
    assert len(library.names()) == 6
    assert library.names()[0:2] == ["../not".replace("/", "∕"), "verse"]


def test_a_file_is_utf8_with_sorted_keys(library):
    library.store(scene("日本語"))
    text = library._new_path("日本語").read_text(encoding="utf-8")
    assert '"日本語"' in text
    keys = list(json.loads(text))
    assert keys == sorted(keys)


def test_storing_again_keeps_the_older_version_and_unknown_keys(library):
    library.store(
        scene("verse", -1.0, others={"colour": "red"}, unknown_values={"/gn/part1/smell": 3}, fade_s=2.0)
    )
    library.store(scene("verse", -2.0))
    now = library.read("verse")
    assert now.values["/gn/part1/gain"] == -2.0
    assert (now.others, now.unknown_values, now.fade_s) == ({"colour": "red"}, {"/gn/part1/smell": 3}, 2.0)
    (older,) = library.versions("verse")
    assert json.loads(older.read_text())["values"]["/gn/part1/gain"] == -1.0


def test_delete_and_restore(library):
    library.store(scene("verse", -1.0))
    library.store(scene("verse", -2.0))
    library.delete("verse")
    assert library.names() == []
    assert len(library.versions("verse")) == 2
    library.restore("verse")
    assert gain(library, "verse") == -2.0
    library.restore("verse")
    assert gain(library, "verse") == -1.0, "each restore goes a version back"
    library.delete("verse")
    library.restore("verse")
    assert gain(library, "verse") == -1.0
    with pytest.raises(SceneError, match="no older version of a scene 'chorus'"):
        library.restore("chorus")


def test_any_older_version_can_be_restored_and_none_is_lost(library):
    for k in range(1, 6):
        library.store(scene("verse", -float(k)))
        os.utime(library._new_path("verse"), (1000.0 * k, 1000.0 * k))
    versions = [[json.loads(p.read_text())["values"]["/gn/part1/gain"]] for p in library.versions("verse")]
    assert versions == [[-1.0], [-2.0], [-3.0], [-4.0]]
    assert library.restore("verse", 3) == 2000.0, "it says when that was stored"
    assert gain(library, "verse") == -2.0
    assert library.restore("verse") == 5000.0, "what it was before is the latest older version"
    assert gain(library, "verse") == -5.0
    assert library.restore("verse", 4) == 1000.0
    library.delete("verse")
    with pytest.raises(SceneError, match="there are 5 older versions of scene 'verse', not 6"):
        library.restore("verse", 6)
    assert library.restore("verse", 1) > 0.0
    assert gain(library, "verse") == -1.0
    everything = [*library.versions("verse"), library._new_path("verse")]
    there = sorted(json.loads(p.read_text())["values"]["/gn/part1/gain"] for p in everything)
    assert there == [-5.0, -4.0, -3.0, -2.0, -1.0]


def test_a_version_is_not_thinned_out_by_its_own_restoring(library, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    for k in range(5):
        library.store(scene("verse", -float(k)))
    library.restore("verse", 3)
    assert gain(library, "verse") == -1.0
    assert len(library.versions("verse")) == 3


def test_a_damaged_version_is_told_and_changes_nothing(library):
    for k in range(3):
        library.store(scene("verse", -float(k)))
    library.versions("verse")[0].write_text("{")
    with pytest.raises(SceneError, match="verse"):
        library.restore("verse", 2)
    assert gain(library, "verse") == -2.0
    assert len(library.versions("verse")) == 2


def test_rename(library):
    library.store(scene("verse", -1.0, others={"colour": "red"}))
    library.store(scene("chorus", -2.0))
    with pytest.raises(SceneError, match="there is a scene 'chorus' already"):
        library.rename("verse", "chorus")
    library.rename("verse", "intro")
    assert library.names() == ["chorus", "intro"]
    assert library.read("intro").name == "intro"
    assert library.read("intro").others == {"colour": "red"}
    library.rename("intro", "intro")
    library.rename("intro", "Intro")
    assert library.names() == ["chorus", "Intro"]


def test_names_that_differ_in_case_are_two_scenes(library):
    library.store(scene("verse", -1.0))
    library.store(scene("Verse", -2.0))
    assert (gain(library, "verse"), gain(library, "Verse")) == (-1.0, -2.0)
    assert len({p.name.lower() for p in library.folder.glob("*.json")}) == 2


def test_a_file_of_any_name_is_a_scene_by_the_name_in_it(library):
    library.store(scene("verse", -3.0))
    library._new_path("verse").rename(library.folder / "copied from a friend.json")
    assert library.names() == ["verse"]
    library.store(scene("verse", -4.0))
    assert gain(library, "verse") == -4.0
    assert len(list(library.folder.glob("*.json"))) == 1, "it is written where it was"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b'{"schema": "ghostnote-scene", "version": 1, "values": {"/gn/part1/gain": NaN}}', "damaged"),
        (b'{"schema": "ghostnote-scene", "version": 1, "name": "x", "later": 1e999}', "damaged"),
        (b"[]", "not a scene file"),
        (b'{"schema": "ghostnote-scene", "version": 7, "name": "verse"}', "version 7"),
        (b" " * (5 << 20), "larger than a scene file"),
        (b"[" * 100_000, "damaged"),
        (b"\xff\xfe\x00", "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told_and_kept_when_it_is_written_over(library, damage, told):
    library.store(scene("verse", -1.0))
    library.store(scene("chorus", -2.0))
    path = library._new_path("verse")
    path.write_bytes(damage)
    named = next(n for n in library.names() if n != "chorus")
    with pytest.raises(SceneError, match=told):
        library.read(named)
    assert gain(library, "chorus") == -2.0
    library.store(scene("verse", -5.0))
    assert gain(library, "verse") == -5.0
    everything = [*library.folder.glob("*.json"), *(library.folder / module.VERSIONS).glob("*.json")]
    assert damage in [p.read_bytes() for p in everything], "nothing is lost"


def test_a_disk_that_is_full_leaves_the_scene_that_was_there(library, monkeypatch):
    library.store(scene("verse", -1.0))

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(SceneError, match="No space left"):
        library.store(scene("verse", -2.0))
    monkeypatch.undo()
    assert gain(library, "verse") == -1.0
    assert not list(library.folder.glob("*.part"))


def test_what_is_no_file_is_no_scene(library):
    library.store(scene("verse"))
    (library.folder / "folder.json").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(library.folder / "pipe.json")
    assert library.names() == ["verse"]


def test_old_versions_are_thinned_from_the_oldest(library, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    for k in range(6):
        library.store(scene("verse", -float(k)))
    kept = [json.loads(p.read_text())["values"]["/gn/part1/gain"] for p in library.versions("verse")]
    assert kept == [-2.0, -3.0, -4.0]


NAMES = st.sampled_from(["a", "A", "é", "b 1"])


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["store", "delete", "restore", "further", "rename"]), NAMES, NAMES),
        max_size=25,
    )
)
def test_whatever_is_done_every_scene_is_its_latest_or_restorable(tmp_path_factory, steps):
    library, expected = Library(tmp_path_factory.mktemp("scenes")), {}
    for count, (what, name, other) in enumerate(steps):
        try:
            if what == "store":
                library.store(scene(name, -float(count)))
                expected[name] = -float(count)
            elif what == "delete":
                library.delete(name)
                lost = expected.pop(name)
                newest = json.loads(library.versions(name)[-1].read_text())
                assert newest["values"]["/gn/part1/gain"] == lost
            elif what in ("restore", "further"):
                versions = len(library.versions(name)) + (name in expected)
                library.restore(name, 1 if what == "restore" else 2)
                assert len(library.versions(name)) + 1 == versions, "a version comes, and one goes"
                expected[name] = gain(library, name)
            else:
                library.rename(name, other)
                expected[other] = expected.pop(name)
        except SceneError:
            pass
        assert {n: gain(library, n) for n in library.names()} == expected
        stems = {p.stem for p in Path(library.folder).glob("*.json")}
        assert stems == {stem(n) for n in expected}
