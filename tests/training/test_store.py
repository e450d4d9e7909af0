"""The row store: whole files only, damage is noticed row by row."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnote.errors import DatasetError
from ghostnote_training.store import Store, write_whole

SHAPE = (3, 5)


def rows(count, seed=0):
    return list(np.random.default_rng(seed).normal(size=(count, *SHAPE)).astype(np.float16))


def names(count):
    return [f"{k:032x}" for k in range(count)]


def test_rows_come_back_in_another_process_too(tmp_path):
    made = rows(7)
    store = Store(tmp_path / "deep" / "cache", SHAPE)
    store.add(names(7)[:3], made[:3])
    store.add(names(7)[3:], made[3:])
    for other in (store, Store(store.folder, SHAPE)):
        assert len(other) == 7
        for name, row in zip(names(7), made, strict=True):
            np.testing.assert_array_equal(other.read(name), row)
    assert not list(store.folder.glob("*.partial"))


def test_other_shapes_do_not_mix(tmp_path):
    Store(tmp_path, SHAPE).add(names(1), rows(1))
    assert len(Store(tmp_path, (5, 3))) == 0
    with pytest.raises(ValueError, match="shape"):
        Store(tmp_path, (5, 3)).add(names(1), rows(1))


@settings(max_examples=60, deadline=None)
@given(keep=st.floats(0, 1))
def test_a_file_that_is_cut_off_keeps_its_whole_rows(tmp_path_factory, keep):
    folder = tmp_path_factory.mktemp("rows")
    made = rows(4)
    Store(folder, SHAPE).add(names(4), made)
    (file,) = folder.glob("*.rows")
    size = int(keep * file.stat().st_size)
    os.truncate(file, size)
    store = Store(folder, SHAPE)
    data = size - 4096
    assert len(store) == max(0, data // store.row_bytes)
    for k in range(len(store)):
        np.testing.assert_array_equal(store.read(names(4)[k]), made[k])


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_changed_byte_is_never_read_as_a_row(tmp_path_factory, at, flip):
    folder = tmp_path_factory.mktemp("rows")
    made = rows(4)
    Store(folder, SHAPE).add(names(4), made)
    (file,) = folder.glob("*.rows")
    data = bytearray(file.read_bytes())
    data[at % len(data)] ^= flip
    file.write_bytes(data)
    store = Store(folder, SHAPE)
    for name, row in zip(names(4), made, strict=True):
        found = store.read(name)
        assert found is None or np.array_equal(found, row)


def test_a_damaged_row_is_replaced_by_a_new_one(tmp_path):
    made = rows(2)
    Store(tmp_path, SHAPE).add(names(2), made)
    (file,) = tmp_path.glob("*.rows")
    data = bytearray(file.read_bytes())
    data[4096] ^= 1
    file.write_bytes(data)
    store = Store(tmp_path, SHAPE)
    assert names(2)[0] in store
    assert store.read(names(2)[0]) is None
    assert names(2)[0] not in store
    store.add(names(2)[:1], made[:1])
    for other in (store, Store(tmp_path, SHAPE)):
        np.testing.assert_array_equal(other.read(names(2)[0]), made[0])


def test_a_file_that_goes_away_is_a_missing_row(tmp_path):
    store = Store(tmp_path, SHAPE)
    store.add(names(1), rows(1))
    for file in tmp_path.glob("*.rows"):
        file.unlink()
    assert store.read(names(1)[0]) is None


def test_old_leftovers_are_removed_and_young_ones_left(tmp_path):
    for name, age in (("old", 1e5), ("young", 0)):
        file = tmp_path / f"{name}.partial"
        file.write_bytes(b"x")
        stamp = file.stat().st_mtime - age
        os.utime(file, (stamp, stamp))
    Store(tmp_path, SHAPE)
    assert [file.name for file in tmp_path.iterdir()] == ["young.partial"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"file.*cannot write there.*another folder"):
        write_whole(tmp_path / "file" / "x", [b"1"])


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store = Store(tmp_path, SHAPE)
    with pytest.raises(DatasetError, match="No space left on device"):
        store.add(names(2), rows(2))
    assert list(tmp_path.iterdir()) == []
    assert len(store) == 0
