"""Results of shards that are kept: found again whatever became of the library, and never half ones."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fsspec", reason="the extra `remote` (fsspec) is not installed")

from bucketkit import bucket, upload
from ghostnote.decode.bundle import Manifest
from ghostnote.errors import LibraryError
from ghostnote.library import embedding, indexing, kept, removing, shards
from ghostnote.library.embedding import FAILED, LOST, OK, Embedded, Item, Shard, embed_shard
from ghostnote.library.walk import Mark
from librarykit import Inline, held
from soundfolders import fill, hit, recording, write

__all__ = ["bucket"]  # a fixture


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    monkeypatch.setattr(indexing, "Crew", Inline)
    monkeypatch.setattr(shards, "SHARD_FILES", 4)


@pytest.fixture
def counted(monkeypatch):
    """Shards that were computed."""
    done: list[Shard] = []

    def embed(shard: Shard) -> list[Embedded]:
        done.append(shard)
        return embed_shard(shard)

    monkeypatch.setattr(indexing, "embed_shard", embed)
    return done


@pytest.fixture(params=["folder", "file://", "bucket://"])
def place(request, tmp_path, bucket):
    return {"folder": str(tmp_path / "kept"), "file://": f"file://{tmp_path}/kept"}.get(
        request.param, "bucket://kept/here"
    )


def damage(place: str, bucket: type, change: object) -> int:
    """Change the bytes of all that is kept; how many that is."""
    if place.startswith("bucket"):
        names = [name for name in bucket.store if name.endswith(".npz")]
        for name in names:
            bucket().pipe_file(name, change(bucket.store[name].getvalue()))
        return len(names)
    paths = list(Path(place.removeprefix("file://")).rglob("*.npz"))
    for path in paths:
        path.write_bytes(change(path.read_bytes()))
    return len(paths)


@pytest.mark.parametrize("segment", [False, True])
def test_a_library_that_is_gone_comes_back_without_computing(index, sounds, place, counted, segment):
    fill(sounds, [f"{k:02}.wav" for k in range(20)])
    write(sounds / "long.wav", recording(4))
    (sounds / "text.wav").write_text("no sound" * 20)
    index(segment=segment)
    wanted, first = held("lib"), len(counted)
    index(library="again", shards=place, segment=segment)
    assert len(counted) == 2 * first
    removing.remove("again")
    report = index(library="again", shards=place, segment=segment)
    assert held("again") == wanted
    assert (len(counted), report.files, len(report.failed)) == (2 * first, 21, 1)


def test_with_a_file_more_most_is_still_there(index, sounds, place, counted):
    fill(sounds, [f"{k:02}.wav" for k in range(60)])
    index(shards=place)
    computed = sum(len(shard.items) for shard in counted)
    counted.clear()
    fill(sounds, ["000.wav"], seed=99)
    (sounds / "30.wav").unlink()
    index(library="other", shards=place)
    assert computed == 60
    assert sum(len(shard.items) for shard in counted) <= 20
    index(library="third")
    assert held("other") == held("third")


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b"",
        lambda b: b[:600] + b"\xff" * 8 + b[608:],
        lambda b: b"x" * 99,
    ],
    ids=["half", "empty", "changed", "another"],
)
def test_what_is_damaged_is_computed_again_and_written_over(index, sounds, place, counted, bucket, change):
    fill(sounds, [f"{k:02}.wav" for k in range(10)])
    index(shards=place)
    wanted = held("lib")
    number = damage(place, bucket, change)
    assert number == len(counted)
    counted.clear()
    index(library="other", shards=place)
    assert (len(counted), held("other")) == (number, wanted)
    index(library="third", shards=place)
    assert (len(counted), held("third")) == (number, wanted)


def test_results_of_other_files_are_not_taken(bundle, tmp_path, rng):
    one, other = (Item(b"x", rng.bytes(20), Mark(0, 0)) for _ in range(2))
    digest = Manifest.from_file(bundle / "model.json").digest
    content = kept.packed([Embedded(one.content, FAILED, "none")])
    assert kept.unpacked(content, Shard((one,), str(bundle), digest))[0].reason == "none"
    with pytest.raises(ValueError, match="of other files"):
        kept.unpacked(content, Shard((other,), str(bundle), digest))


@pytest.mark.parametrize("cut", [False, True])
def test_packed_and_unpacked_is_the_same(bundle, tmp_path, cut):
    from ghostnote.features.segmentation import SegmentOptions
    from ghostnote.library.embedding import content_of, mark_of

    paths = [os.fsencode(write(tmp_path / f"{k}.wav", hit(k))) for k in range(2)]
    paths.append(os.fsencode(write(tmp_path / "long.wav", recording(3))))
    items = tuple(Item(path, content_of(path), mark_of(path)) for path in paths)
    digest = Manifest.from_file(bundle / "model.json").digest
    shard = Shard(items, str(bundle), digest, SegmentOptions() if cut else None)
    before = embed_shard(shard)
    after = kept.unpacked(kept.packed(before), shard)
    for one, other in zip(before, after, strict=True):
        assert (one.content, one.status, one.reason) == (other.content, other.status, other.reason)
        for a, b in zip(one.sounds, other.sounds, strict=True):
            assert (a.onset_s, a.descriptors) == (b.onset_s, b.descriptors)
            assert np.array_equal(a.latent, b.latent)
            assert np.array_equal(a.probabilities, b.probabilities)


def test_what_failed_is_tried_again_only_when_asked(index, sounds, place, counted):
    (sounds / "text.wav").write_text("no sound" * 20)
    index(shards=place)
    index(library="other", shards=place)
    assert len(counted) == 1
    index(library="third", shards=place, retry=True)
    assert len(counted) == 2


def test_a_quarantine_is_kept_and_a_change_is_not(tmp_path, bundle):
    place = str(tmp_path / "kept")
    items = tuple(Item(b"x", bytes([k]) * 20, Mark(0, 0)) for k in range(2))
    shard = Shard(items, str(bundle), "0" * 64)
    results = [Embedded(items[0].content, LOST, "its decoder ended with SIGSEGV")]
    kept.keep(place, shard, [*results, Embedded(items[1].content, embedding.CHANGED, "changed")])
    assert list(kept.Kept(place).read([shard])) == []
    kept.keep(place, shard, [*results, Embedded(items[1].content, FAILED, "silent")])
    ((_, found),) = kept.Kept(place).read([shard])
    assert [one.status for one in found] == [LOST, FAILED]
    assert OK not in [one.status for one in found]


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_a_place_that_cannot_be_written_is_said_at_once(index, sounds, bucket, tmp_path, monkeypatch, where):
    fill(sounds, ["a.wav"])
    place = {"folder": str(tmp_path / "kept"), "bucket": "bucket://kept"}[where]
    (tmp_path / "kept").write_text("a file where the folder should be")

    def denied(what, path):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(bucket, "trouble", staticmethod(denied))
    with pytest.raises(LibraryError, match="results cannot be kept there"):
        index(shards=place)
    with pytest.raises(LibraryError, match="fsspec knows no nonesuch"):
        index(shards="nonesuch://x")


def test_a_full_disk_ends_it_and_leaves_no_half_result(index, sounds, tmp_path, monkeypatch, counted):
    fill(sounds, [f"{k:02}.wav" for k in range(12)])
    real, place = os.fsync, tmp_path / "kept"

    def full(descriptor):
        if len(list(place.rglob("*.npz"))) >= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(kept.os, "fsync", full)
    with pytest.raises(LibraryError, match="No space left on device"):
        index(shards=str(place))
    assert (len(list(place.rglob("*.npz"))), list(place.rglob("*.part"))) == (2, [])
    monkeypatch.setattr(kept.os, "fsync", real)
    done = len(held("lib"))
    assert 0 < done < 12
    assert index(shards=str(place)).files == 12


def test_sounds_and_results_both_in_a_store(index, sounds, bucket):
    fill(sounds, ["a.wav", "b.wav"])
    upload(sounds, "bucket://sounds")
    index("bucket://sounds", shards="bucket://kept")
    assert index("bucket://sounds", library="other", shards="bucket://kept").files == 2
    assert held("other") == held("lib")
