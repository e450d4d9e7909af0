"""An index is what a fresh one would be, whatever happened to the folder, and computes only what is new."""

from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ghostnote.errors import LibraryError
from ghostnote.library import database, indexing, places
from librarykit import Inline, held
from soundfolders import RATE, fill, hit, recording, write

LONG_AGO = 1_500_000_000


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)


def age(folder: Path) -> None:
    """Make files look as if they had not been changed for years: their times can be trusted."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO, LONG_AGO))


def test_new_sounds_are_embedded_and_again_nothing_is(index, sounds):
    fill(sounds, ["a.wav", "deep/er/b.WAV", "c.flac"])
    (sounds / "notes.txt").write_text("no sound")
    age(sounds)
    first, again = index(), index()
    assert (first.files, first.segments, first.added, first.embedded, first.failed) == (3, 3, 3, 3, [])
    assert (again.files, again.unchanged, again.added, again.embedded) == (3, 3, 0, 0)
    assert set(held("lib")) == {str(sounds / n) for n in ("a.wav", "deep/er/b.WAV", "c.flac")}


def test_moved_and_copied_files_are_not_computed_again(index, sounds):
    fill(sounds, ["a.wav", "b.wav"])
    index()
    before = held("lib")
    (sounds / "a.wav").rename(sounds / "moved.wav")
    shutil.copy(sounds / "b.wav", sounds / "copy.wav")
    report = index()
    assert (report.embedded, report.removed, report.files, report.segments) == (0, 1, 3, 2)
    after = held("lib")
    assert after[str(sounds / "moved.wav")] == before[str(sounds / "a.wav")]
    assert after[str(sounds / "copy.wav")] == after[str(sounds / "b.wav")] == before[str(sounds / "b.wav")]


def test_a_file_that_changed_within_the_clock_s_grain_is_noticed(index, sounds):
    path = write(sounds / "a.wav", hit(1))
    stamp = path.stat().st_mtime_ns
    index()
    before = held("lib")
    write(path, hit(2))
    os.utime(path, ns=(stamp, stamp))
    assert index().embedded == 1
    assert held("lib") != before


def test_times_alone_do_not_make_a_change(index, sounds):
    fill(sounds, ["a.wav"])
    age(sounds)
    index()
    os.utime(sounds / "a.wav", (LONG_AGO + 100, LONG_AGO + 100))
    assert index().embedded == 0


def test_gone_files_go_and_their_rows_too(index, sounds):
    fill(sounds, ["a.wav", "b.wav"])
    index()
    (sounds / "a.wav").unlink()
    assert index().removed == 1
    assert set(held("lib")) == {str(sounds / "b.wav")}
    (path,) = places.databases(places.existing("lib"))
    connection = database.connect(path)
    assert connection.execute("SELECT count(*) FROM segment").fetchone() == (1,)
    connection.close()


BROKEN = {
    "empty.wav": (b"", "is empty"),
    "text.wav": (b"this is not a sound, whatever it is called" * 20, "not a sound file"),
    "resource.aiff": (b"\0\5\26\7" + bytes(200), "not a sound file"),
}


@pytest.mark.parametrize("segment", [False, True])
def test_what_is_no_sound_is_named_and_not_tried_again(index, sounds, segment):
    for name, (content, _) in BROKEN.items():
        (sounds / name).write_bytes(content)
    write(sounds / "silent.wav", np.zeros(4000))
    write(sounds / "nan.wav", np.full(4000, np.nan), subtype="FLOAT")
    cut = write(sounds / "header.wav", hit(3))
    cut.write_bytes(cut.read_bytes()[:44])
    absurd = bytearray(write(sounds / "absurd.wav", hit(4)).read_bytes())
    absurd[24:28] = (0x7FFFFFFF).to_bytes(4, "little")
    (sounds / "absurd.wav").write_bytes(absurd)
    fill(sounds, ["good.wav"], seed=9)
    age(sounds)
    report = index(segment=segment)
    reasons = {os.path.basename(os.fsdecode(path)): why for path, why in report.failed}
    expected = {
        **{name: text for name, (_, text) in BROKEN.items()},
        "silent.wav": "silent", "nan.wav": "NaN", "header.wav": "no samples", "absurd.wav": "Hz",
    }  # fmt: skip
    assert set(reasons) == set(expected)
    assert all(expected[name] in why and str(sounds) not in why for name, why in reasons.items())
    assert (report.files, report.segments) == (1, 1)
    again = index()
    assert (again.unchanged, again.embedded, len(again.failed)) == (8, 0, 7)
    assert index(retry=True).unchanged == 1


def test_recordings_are_cut_and_stay_so(index, sounds):
    write(sounds / "long.wav", recording(5))
    report = index(segment=True)
    assert (report.files, report.segments) == (1, 5)
    onsets = [onset for onset, _ in held("lib")[str(sounds / "long.wav")]]
    assert np.allclose(onsets, 0.05 + 0.6 * np.arange(5), atol=0.005)
    assert index().segments == 5, "as it was begun"
    with pytest.raises(LibraryError, match="indexed with --segment"):
        index(segment=False)


def test_a_long_recording_is_cut_the_same_chunk_by_chunk(index, sounds, monkeypatch):
    from ghostnote.features import recording as recordings

    write(sounds / "long.wav", recording(12))
    index(segment=True)
    whole = held("lib")
    monkeypatch.setattr(recordings, "CHUNK_S", 2.5)
    monkeypatch.setattr(recordings, "OVERLAP_S", 1.0)
    monkeypatch.setattr(recordings, "_BLOCK", 10_000)
    index(segment=True, library="chunks")
    ((_, one),), ((_, other),) = whole.items(), held("chunks").items()
    assert len(one) == len(other) == 12
    assert np.allclose([onset for onset, _ in one], [onset for onset, _ in other], atol=1e-3)


def test_names_in_any_script_and_in_none(index, sounds):
    names = ["キック.wav", unicodedata.normalize("NFC", "é.wav"), "🥁 'x\".wav", "a\nb.wav"]
    fill(sounds, names)
    raw = os.path.join(os.fsencode(sounds), b"\xff\xfe.wav")
    try:
        shutil.copy(sounds / names[0], raw)
        shutil.copy(sounds / names[1], sounds / unicodedata.normalize("NFD", names[1]))
    except OSError:
        pytest.skip("this file system takes no names that are no text")
    report = index()
    assert (report.files, report.segments, report.failed) == (6, 4, [])
    assert os.fsdecode(raw) in held("lib")


def test_links_in_a_circle_end(index, sounds):
    fill(sounds, ["a/x.wav"])
    (sounds / "a" / "up").symlink_to(sounds, target_is_directory=True)
    (sounds / "a" / "self").symlink_to(sounds / "a" / "self")
    (sounds / "0-link").symlink_to(sounds / "a", target_is_directory=True)
    (sounds / "dangling.wav").symlink_to(sounds / "nowhere.wav")
    report = index()
    assert set(held("lib")) == {str(sounds / "a/x.wav")}, "under its own name, once"
    assert [os.fsdecode(path) for path, _ in report.unread] == [str(sounds / "dangling.wav")]


def test_a_folder_that_is_not_there_loses_nothing(index, sounds, tmp_path):
    fill(sounds, ["a.wav"])
    index()
    before = held("lib")
    sounds.rename(tmp_path / "away")
    with pytest.raises(LibraryError, match="no such folder"):
        index()
    report = indexing.index([], "lib")
    assert "no such folder" in report.unread[0][1]
    sounds.mkdir()
    report = index()
    assert "is its disk there" in report.unread[0][1]
    assert held("lib") == before
    (sounds / "readme.txt").write_text("here again, without sounds")
    assert index().removed == 1


def test_a_folder_that_vanishes_on_the_way_loses_nothing(index, sounds, tmp_path, monkeypatch):
    fill(sounds, ["a.wav", "b.wav"])
    index()
    before = held("lib")
    fill(sounds, ["c.wav"], seed=7)
    (sounds / "a.wav").unlink()
    monkeypatch.setattr(indexing, "content_of", lambda path: sounds.rename(tmp_path / "away") and b"")
    report = index()
    assert "vanished while it was indexed" in report.unread[-1][1]
    assert held("lib").items() >= before.items()


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_time(index, sounds, monkeypatch):
    fill(sounds, ["a.wav"])
    real = indexing.embed_shard

    def change(shard):
        write(sounds / "a.wav", hit(50, 0.3))
        return real(shard)

    monkeypatch.setattr(indexing, "embed_shard", change)
    report = index()
    assert (report.files, report.unread[0][1]) == (0, "changed while it was read")
    monkeypatch.setattr(indexing, "embed_shard", real)
    assert index().files == 1


def test_several_folders_one_in_another(index, sounds, tmp_path):
    fill(sounds, ["a.wav", ".hidden/b.wav", "in/c.wav"])
    fill(tmp_path / "other", ["d.wav"], seed=20)
    index(sounds, sounds / ".hidden", tmp_path / "other", sounds / "in")
    assert len(held("lib")) == 4
    index(sounds)
    assert len(held("lib")) == 4, "folders that were not named are left alone"
    (tmp_path / "other" / "d.wav").unlink()
    (tmp_path / "other" / "readme").write_text("")
    report = indexing.index([], "lib")
    assert (report.files, report.removed) == (3, 1)


def test_a_model_has_its_own_rows_and_the_changed_one_takes_over(index, sounds, bundle, tmp_path):
    from bundles import build_bundle
    from ghostnote.features.spec import FeatureSpec

    spec = FeatureSpec(frames=86)
    fill(sounds, ["a.wav"])
    index()
    other = build_bundle(tmp_path / "models" / "other", spec=spec, name="other", seed=4, latent_size=8)
    index(model=str(other))
    assert len(places.databases(places.place("lib"))) == 2
    build_bundle(other, spec=spec, name="other", seed=5, latent_size=8)
    report = indexing.index([], "lib", indexing.IndexOptions(str(other)))
    assert (report.embedded, report.files) == (1, 1), "the folders of before, all anew"
    assert len(places.databases(places.place("lib"))) == 2


def test_what_was_computed_by_an_earlier_version_is_computed_again(index, sounds, monkeypatch):
    from ghostnote.library import catalogue

    fill(sounds, ["a.wav"])
    age(sounds)
    with monkeypatch.context() as earlier:
        earlier.setattr(catalogue, "VERSION", 0)
        index()
    again = index()
    assert (again.embedded, again.files, index().unchanged) == (1, 1, 1)


NAMES = st.sampled_from([f"{folder}{name}.wav" for folder in ("", "x/", "x/y/") for name in "abc"])
EDIT = st.one_of(
    st.tuples(st.just("write"), NAMES, st.integers(0, 5)),
    st.tuples(st.just("break"), NAMES, st.integers(0, 2)),
    st.tuples(st.just("delete"), NAMES, st.just(0)),
    st.tuples(st.just("move"), NAMES, NAMES),
    st.tuples(st.just("copy"), NAMES, NAMES),
    st.tuples(st.just("index"), st.just(""), st.just(0)),
)


def edit(folder: Path, kind: str, name: str, value: int | str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "write":
        write(path, hit(int(value)))
    elif kind == "break":
        path.write_bytes([b"", b"text" * 30, write(path, np.zeros(RATE // 10)).read_bytes()][int(value)])
    elif kind == "delete":
        path.unlink(missing_ok=True)
    elif path.exists():
        target = folder / str(value)
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == "move":
            path.replace(target)
        elif target != path:
            shutil.copy2(path, target)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDIT, min_size=3, max_size=14))
def test_after_any_edits_it_is_as_a_fresh_one(index, sounds, data_home, edits):
    shutil.rmtree(sounds)
    shutil.rmtree(data_home, ignore_errors=True)
    sounds.mkdir()
    (sounds / "readme").write_text("")
    for kind, name, value in edits:
        if kind == "index":
            index()
        else:
            edit(sounds, kind, name, value)
    index()
    index(library="fresh")
    assert held("lib") == held("fresh")


def test_a_file_that_cannot_be_read_is_told_and_what_was_known_of_it_stays(index, sounds, monkeypatch):
    fill(sounds, ["known.wav", "fine.wav"])
    index()
    before = held("lib")
    fill(sounds, ["new.wav"], seed=30)
    real = indexing.content_of

    def refuse(path: bytes) -> bytes:
        if not path.endswith(b"fine.wav"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(indexing, "content_of", refuse)
    report = index()
    assert [why for _, why in report.unread] == ["Permission denied"] * 2
    assert [os.path.basename(path) for path, _ in report.failed] == [b"new.wav"]
    assert held("lib") == before
    monkeypatch.setattr(indexing, "content_of", real)
    assert (index().files, index().failed) == (3, [])
