"""Decoders that crash or hang, indexes that are killed, two at once, full disks, strange databases."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

import librarykit
from ghostnote.errors import LibraryError
from ghostnote.library import catalogue, database, embedding, indexing, places, removing, search, shards
from ghostnote.library.status import status
from librarykit import Inline, held
from soundfolders import fill, hit, write

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="ends processes by signals"),
    pytest.mark.timeout(600),  # processes that start, on a machine that does other things too
]


def hangs(shard: embedding.Shard) -> bool:
    return len(shard.items) == 1 and shard.items[0].path.endswith(b"hang.wav")


def test_a_decoder_that_crashes_or_hangs_costs_its_file_only(index, sounds, monkeypatch):
    """In real workers: the file is known by its content then, wherever it goes, and is not tried again."""
    monkeypatch.setattr(indexing, "embed_shard", librarykit.fragile)
    monkeypatch.setattr(indexing, "limit_s", lambda shard: 5.0 if hangs(shard) else 1000.0)
    fill(sounds, ["a.wav", "b.wav", "crash.wav", "hang.wav", "z.wav"])
    report = index()
    reasons = {os.path.basename(os.fsdecode(path)): why for path, why in report.failed}
    assert reasons == {"crash.wav": "its decoder ended with SIGSEGV", "hang.wav": "took longer than 5 s"}
    assert (report.files, report.segments) == (3, 3)
    (sounds / "crash.wav").rename(sounds / "harmless.wav")
    monkeypatch.setattr(indexing, "Crew", Inline)
    monkeypatch.setattr(indexing, "embed_shard", embedding.embed_shard)
    again = index()
    assert (again.embedded, len(again.failed)) == (0, 2), "quarantined by content"
    assert status(places.place("lib"))[0].quarantined == 2
    assert index(retry=True).files == 5


def test_a_crash_leaves_nothing_of_what_was_fetched(index, sounds, tmp_path, monkeypatch):
    pytest.importorskip("fsspec", reason="the extra `remote` (fsspec) is not installed")
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.setattr(indexing, "embed_shard", librarykit.crash_inside)
    fill(sounds, ["a.wav"])
    report = index(f"file://{sounds}")
    assert report.failed == [(f"file://{sounds}/a.wav".encode(), "its decoder ended with SIGSEGV")]
    assert list((tmp_path / "temp").glob("ghostnote-*")) == []


def test_a_model_that_breaks_on_the_way_quarantines_nothing(index, sounds, bundle, tmp_path, monkeypatch):
    own = tmp_path / "own"
    shutil.copytree(bundle, own)
    fill(sounds, ["a.wav"])
    real = catalogue.Catalogue.statuses

    def damage(self):
        (own / "encoder.onnx").write_bytes(b"damaged")
        return real(self)

    monkeypatch.setattr(catalogue.Catalogue, "statuses", damage)
    with pytest.raises(LibraryError, match=r"nothing can be embedded: .*encoder\.onnx"):
        index(model=str(own))


def test_kill_9_loses_a_batch_at_most_and_the_next_index_goes_on(index, sounds, bundle):
    fill(sounds, [f"{k:02}.wav" for k in range(12)])
    code = [sys.executable, librarykit.__file__, str(sounds), "lib", str(bundle)]
    with subprocess.Popen(code, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        done = 0
        for line in process.stdout:
            done = int(line)
            if done >= 4:
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL
    kept = len(held("lib"))
    assert kept >= done
    assert len(search.open_library("lib")) == kept, "usable as it is"
    report = index()
    assert (report.files, report.added, report.embedded) == (12, 12 - kept, 12 - kept)
    index(library="fresh")
    assert held("lib") == held("fresh")


def test_it_can_be_searched_while_it_is_indexed(index, sounds, bundle, monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)
    monkeypatch.setattr(shards, "SHARD_FILES", 1)
    fill(sounds, ["a.wav", "b.wav", "c.wav"])
    seen = []
    options = indexing.IndexOptions(str(bundle), workers=1)
    indexing.index([sounds], "lib", options, lambda p: seen.append(len(search.open_library("lib"))))
    assert seen == [0, 1, 2, 3]


def test_two_indexers_at_once_are_refused_and_nothing_is_lost(index, sounds, bundle, monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)
    fill(sounds, ["a.wav"])
    inside, go = threading.Event(), threading.Event()

    def wait(progress):
        inside.set()
        go.wait(60)

    options = indexing.IndexOptions(str(bundle))
    first = threading.Thread(target=indexing.index, args=([sounds], "lib", options, wait))
    first.start()
    try:
        assert inside.wait(60)
        for change in (index, lambda: removing.remove("lib"), lambda: removing.forget_folder("lib", sounds)):
            with pytest.raises(LibraryError, match="being changed by another process"):
                change()
    finally:
        go.set()
        first.join()
    assert len(held("lib")) == 1
    assert index().files == 1


def test_a_full_disk_is_told_and_what_was_there_stays(index, sounds, monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)
    monkeypatch.setattr(shards, "SHARD_FILES", 4)
    fill(sounds, [f"{k:03}.wav" for k in range(80)])
    real = database.connect

    def small(path: Path, *, write: bool = False) -> sqlite3.Connection:
        connection = real(path, write=write)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(database, "connect", small)
    with pytest.raises(LibraryError, match="the disk is full"):
        index()
    monkeypatch.setattr(database, "connect", real)
    kept = len(held("lib"))
    assert 0 < kept < 80
    assert index().embedded == 80 - kept


def test_a_place_that_cannot_be_written_is_told(index, sounds, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="cannot be written"):
        index(library=tmp_path / "file" / "lib")


@pytest.fixture
def one(index, sounds, monkeypatch) -> Path:
    """A library of one sound; the file of its database."""
    monkeypatch.setattr(indexing, "Crew", Inline)
    write(sounds / "a.wav", hit(1))
    index()
    (path,) = places.databases(places.place("lib"))
    return path


def test_a_database_of_a_later_version_is_left_alone(index, one):
    with closing(sqlite3.connect(one)) as connection:
        connection.execute(f"PRAGMA user_version = {database.SCHEMA + 1}")
    before = one.read_bytes()
    for use in (index, lambda: search.open_library("lib"), lambda: status(one.parent)):
        with pytest.raises(LibraryError, match="made by a later ghostnote"):
            use()
    assert one.read_bytes() == before


def test_a_file_that_is_no_database_is_told(index, one):
    one.write_bytes(b"something else" * 1000)
    for use in (index, lambda: search.open_library("lib")):
        with pytest.raises(LibraryError, match="damaged"):
            use()


def test_a_database_of_another_program_is_not_written_to(index, one):
    for part in one.parent.glob("*"):
        part.unlink()
    with closing(sqlite3.connect(one)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(LibraryError, match="no library of ghostnote"):
        index()


def test_a_damaged_page_is_told_and_removing_helps(index, one):
    data = bytearray(one.read_bytes())
    data[4096:8192] = bytes(4096)
    one.write_bytes(data)
    with pytest.raises(LibraryError, match="damaged"):
        search.open_library("lib")
    removing.remove("lib")
    assert index().files == 1
