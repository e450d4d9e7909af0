"""Files at addresses: the same library as from a folder, and what a store does wrong costs nothing else."""

from __future__ import annotations

import builtins
import os
import sys

import numpy as np
import pytest

pytest.importorskip("fsspec", reason="the extra `remote` (fsspec) is not installed")

from bucketkit import Bucket, bucket, upload
from ghostnote.errors import AudioFileError, LibraryError
from ghostnote.features import audio_file
from ghostnote.library import addresses, export, filters, indexing, places, removing, search, shards
from ghostnote.library.status import status, verify
from librarykit import Inline, held
from soundfolders import fill, hit, write

__all__ = ["bucket"]  # a fixture

NAMES = [
    "a.wav",
    "kits/808/kick [1].wav",
    "kits/キック.wav",
    "kits/copy.wav",
    "no sound.txt",
    ".hidden/x.wav",
]


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)


@pytest.fixture
def filled(sounds, bucket):
    """Sounds in a folder, and the same at bucket://sounds/drums."""
    fill(sounds, NAMES[:3])
    (sounds / "kits/copy.wav").write_bytes((sounds / "a.wav").read_bytes())
    (sounds / NAMES[4]).write_text("no sound")
    fill(sounds, [NAMES[5]], seed=50)
    (sounds / "text.wav").write_text("no sound" * 50)
    (sounds / "empty.wav").write_bytes(b"")
    write(sounds / "silent.wav", np.zeros(4000))
    upload(sounds, "bucket://sounds/drums")
    return sounds


def relative(library, top):
    return {name.removeprefix(f"{top}/"): rows for name, rows in held(library).items()}


@pytest.mark.parametrize("segment", [False, True])
def test_the_same_library_as_from_a_folder(index, filled, segment):
    index(library="folder", segment=segment)
    wanted = relative("folder", str(filled))
    assert len(wanted) == 7
    for number, top in enumerate((f"file://{filled}", "bucket://sounds/drums")):
        report = index(f"{top}/", library=f"far{number}", segment=segment)
        assert relative(f"far{number}", top) == wanted
        assert (report.added, len(report.failed), report.embedded) == (7, 3, 3)


def test_only_what_is_new_or_changed_is_read_again(index, filled, bucket):
    top = "bucket://sounds/drums"
    index(top)
    bucket.calls.clear()
    again = index(top)
    assert (again.unchanged, again.added, again.embedded) == (7, 0, 0)
    assert "read" not in {what for what, _ in bucket.calls}
    write(filled / "a.wav", hit(70))
    upload(filled, top)
    bucket().rm("/sounds/drums/kits/キック.wav")
    bucket().mv("/sounds/drums/kits/copy.wav", "/sounds/drums/kits/moved.wav")
    report = indexing.index([], "lib")
    assert (report.changed, report.added, report.removed, report.embedded) == (1, 1, 2, 1)
    assert f"{top}/kits/moved.wav" in held("lib")


def test_search_verify_export_and_remove(index, filled, bucket, bundle, tmp_path):
    top = "bucket://sounds/drums"
    index(top)
    index(filled)
    library = search.open_library("lib")
    model = search.model_of(library)
    query = search.query_of(f"{top}/a.wav", model)
    conditions = filters.parse_filter(f"folder={top}/kits")
    (nearest, *_) = library.find(query, 5, conditions, itself=True)
    assert (nearest.file, nearest.distance) == (f"{top}/kits/copy.wav", 0.0)
    assert all(found.file.startswith(top) for found in library.find(query, 5, conditions))
    with pytest.raises(AudioFileError, match=r"none\.wav: cannot be read"):
        search.query_of(f"{top}/none.wav", model)
    (one,) = status(places.place("lib"))
    assert set(one.folders) == {top.encode(), os.fsencode(filled)}
    assert export.export("lib", tmp_path / "out.csv") == 3
    assert list(verify(one.path)) == []
    bucket().pipe_file("/sounds/drums/a.wav", b"another")
    bucket().rm("/sounds/drums/kits/キック.wav")
    assert [text.removeprefix(top) for text in verify(one.path)] == [
        "/a.wav: has changed since it was indexed", "/kits/キック.wav: cannot be read (it is not there)",
    ]  # fmt: skip
    assert removing.forget_folder("lib", f"{top}/") == 7
    assert set(held("lib")) == set(map(str, filled.rglob("[!.]*.wav"))) - {str(filled / ".hidden/x.wav")}


def test_what_vanishes_or_changes_while_it_is_read_waits(index, filled, bucket, monkeypatch):
    top, reads = "bucket://sounds/drums", []

    def change(what, path):
        if what == "read" and path.endswith("/a.wav"):
            reads.append(path)
            if len(reads) == 2:  # first it is hashed, then embedded
                bucket.store.pop(path, None)
                MEMORY(path, b"another")

    MEMORY = lambda path, content: super(Bucket, bucket()).pipe_file(path, content)  # noqa: E731
    monkeypatch.setattr(bucket, "trouble", staticmethod(change))
    report = index(top)
    assert {(os.path.basename(path), why) for path, why in report.unread} == {
        (b"a.wav", "changed while it was read"), (b"copy.wav", "changed while it was read"),
    }  # fmt: skip
    assert (report.files, len(report.failed)) == (2, 5)
    monkeypatch.setattr(bucket, "trouble", staticmethod(lambda what, path: None))
    write(filled / "kits/キック.wav", hit(71))
    upload(filled, "bucket://sounds/drums")
    monkeypatch.setattr(
        bucket, "trouble", staticmethod(lambda what, path: what == "read" and "キ" in path and 1 / 0)
    )
    assert [why for _, why in index(top).unread] == ["division by zero"]
    monkeypatch.setattr(bucket, "trouble", staticmethod(lambda what, path: None))
    report = index(top)
    assert (report.files, report.unread) == (4, [])


def test_a_store_that_answers_no_more_ends_it_and_the_next_goes_on(index, sounds, bucket, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_FILES", 2)
    fill(sounds, [f"{k:02}.wav" for k in range(20)])
    upload(sounds, "bucket://sounds")

    def gone(what, path):
        if what == "read":
            raise ConnectionError("connection reset")

    monkeypatch.setattr(bucket, "trouble", staticmethod(gone))
    with pytest.raises(
        LibraryError, match=r"bucket://sounds/0.\.wav: cannot be read, like all .*connection reset"
    ):
        index("bucket://sounds")
    monkeypatch.setattr(bucket, "trouble", staticmethod(lambda what, path: None))
    assert index("bucket://sounds").files == 20


def test_a_slow_store_is_not_waited_for(index, filled, bucket, monkeypatch):
    from bucketkit import slow

    monkeypatch.setattr(addresses, "LEAST_WAIT_S", 0.2)
    index("bucket://sounds/drums")
    write(filled / "a.wav", hit(70))
    upload(filled, "bucket://sounds/drums")
    before = held("lib")
    monkeypatch.setattr(
        bucket, "trouble", staticmethod(lambda what, path: what == "read" and slow(what, path))
    )
    assert [why for _, why in index("bucket://sounds/drums").unread] == ["no answer within 0 s"]
    assert held("lib") == before, "what was known of it is kept"
    monkeypatch.setattr(bucket, "trouble", staticmethod(slow))
    with pytest.raises(LibraryError, match="no answer within 0 s"):
        index("bucket://sounds/drums")
    report = indexing.index([], "lib")
    assert "no answer" in report.unread[0][1]
    assert held("lib") == before


def test_a_folder_of_a_store_that_cannot_be_listed_keeps_its_files(index, filled, bucket, monkeypatch):
    index("bucket://sounds/drums")
    before = held("lib")

    def refuse(what, path):
        if what == "ls" and path.endswith("kits"):
            raise PermissionError("access denied")

    monkeypatch.setattr(bucket, "trouble", staticmethod(refuse))
    report = index("bucket://sounds/drums")
    assert (report.unread, report.removed) == ([(b"bucket://sounds/drums/kits", "access denied")], 0)
    monkeypatch.setattr(bucket, "trouble", staticmethod(lambda what, path: None))
    for path in list(bucket.store):
        bucket().rm_file(path)
    report = indexing.index([], "lib")
    assert "it is not there" in report.unread[0][1]
    assert held("lib") == before


def test_an_empty_folder_at_an_address_keeps_its_files(index, sounds):
    fill(sounds, ["a.wav"])
    index(f"file://{sounds}")
    (sounds / "a.wav").unlink()
    report = index(f"file://{sounds}")
    assert "is its disk there" in report.unread[0][1]
    assert len(held("lib")) == 1
    (sounds / "readme.txt").write_text("here, without sounds")
    assert index(f"file://{sounds}").removed == 1


def denied(what, path):
    raise PermissionError("Access Denied")


def no_login(what, path):
    raise RuntimeError("Unable to locate credentials")


@pytest.mark.parametrize(
    ("address", "trouble", "said"),
    [
        ("bucket://nowhere", None, "cannot be read .it is not there.; check the name of the bucket"),
        ("bucket://sounds/drums/a.wav", None, "is a file; give the folder"),
        ("bucket://sounds", denied, "Access Denied.; log in"),
        ("bucket://sounds", no_login, "credentials.; log in"),
        ("nonesuch://x", None, "fsspec knows no nonesuch://"),
        ("bucket://me:secret@sounds/x", None, "holds a password"),
        ("zip://a::bucket://sounds/x.zip", None, "addresses within addresses"),
    ],
)
def test_what_cannot_be_listed_says_why(index, filled, bucket, monkeypatch, address, trouble, said):
    if trouble is not None:
        monkeypatch.setattr(bucket, "trouble", staticmethod(trouble))
    with pytest.raises(LibraryError, match=said) as caught:
        index(address)
    assert "secret" not in str(caught.value)


def test_what_is_not_installed_is_named(index, filled, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.split(".")[0] in missing:
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    missing = {"s3fs"}
    monkeypatch.delitem(sys.modules, "s3fs", raising=False)
    with pytest.raises(LibraryError, match=r"s3:// needs a package of its own \(Install s3fs"):
        index("s3://sounds")
    missing = {"fsspec"}
    with pytest.raises(LibraryError, match=r"extra remote \(pip install 'ghostnote\[remote\]'"):
        index("s3://sounds")


def test_a_full_disk_while_it_is_fetched(index, filled, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(addresses.Path, "write_bytes", full)
    report = index("bucket://sounds/drums")
    assert {why for _, why in report.unread} == {"No space left on device"}
    monkeypatch.undo()


def test_files_too_large_for_memory_come_one_by_one(index, filled, monkeypatch):
    monkeypatch.setattr(addresses, "AT_ONCE_BYTES", 0)
    assert index("bucket://sounds/drums").files == 4


def test_an_address_is_no_sound_file_to_play(tmp_path):
    from ghostnote.features.spec import FeatureSpec

    with pytest.raises(AudioFileError, match="is an address; copy the sound to this machine"):
        audio_file.load("s3://bucket/kick.wav", FeatureSpec())


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("s3://b/x", True),
        ("FILE:///x", True),
        ("/a/b", False),
        ("C:\\x", False),
        ("c://x", False),
        ("a:b", False),
    ],
)
def test_what_is_an_address(text, is_one):
    assert addresses.is_address(text) is is_one
    assert addresses.is_address(text.encode()) is is_one
