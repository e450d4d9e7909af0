"""The ring to the recording: what goes in comes out in order, and what does not fit is as long in silence."""

from __future__ import annotations

from mmap import mmap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.audio import record_ring
from ghostnote.audio.record_format import ring_bytes
from ghostnote.audio.record_ring import RingReader, RingWriter


class Pair:
    """Both ends of a small ring, what was put in and where blocks were left out."""

    def __init__(self) -> None:
        self.memory = mmap(-1, ring_bytes(2))
        self.writer = RingWriter(self.memory, 2)
        self.writer.clear()
        self.reader = RingReader(self.memory, 2)
        self.wanted: list[np.ndarray] = []
        self.got: list[np.ndarray] = []
        self.count = 0

    def put(self, frames: int) -> bool:
        block = np.arange(self.count + 1, self.count + frames + 1, dtype=np.float32)[:, None].repeat(
            2, axis=1
        )
        self.count += frames
        taken = self.writer.write(block)
        self.wanted.append(block if taken else np.zeros_like(block))
        return taken

    def look(self) -> None:
        self.got += [piece.copy() for piece in self.reader.read()]

    def end(self) -> None:
        self.writer.end()
        for _ in range(3):
            self.look()

    def check(self) -> None:
        wanted, got = (np.concatenate([np.zeros((0, 2)), *x]) for x in (self.wanted, self.got))
        assert len(got) == len(wanted) == self.writer.position
        assert np.array_equal(got, wanted)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(record_ring, "FRAMES", 256)
    monkeypatch.setattr(record_ring, "RESUME_AT", 64)
    monkeypatch.setattr(record_ring, "PIECE", 50)


STEPS = st.lists(st.one_of(st.integers(1, 100), st.none()), max_size=300)


@given(STEPS)
def test_time_stays_right_whatever_the_reader_does(steps):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FRAMES", 256), ("RESUME_AT", 64), ("PIECE", 50), ("GAPS", 2)):
            patch.setattr(record_ring, name, value)
        pair = Pair()
        for frames in steps:
            if frames is None:
                pair.look()
            else:
                pair.put(frames)
        pair.end()
        pair.check()
        assert pair.reader.finished
        assert pair.reader.lost == sum(len(b) for b in pair.wanted if not b.any())


def test_a_full_ring_leaves_out_blocks_and_waits_for_room(small):
    pair = Pair()
    assert all(pair.put(64) for _ in range(4))
    assert not pair.put(64)
    assert pair.writer.lost == 64
    pair.look(), pair.look()
    assert pair.put(64)
    pair.end()
    pair.check()


def test_nothing_is_read_before_it_was_seen_for_a_look(small):
    pair = Pair()
    pair.look()
    pair.put(10)
    pair.look()
    assert pair.got == []
    pair.look()
    assert len(pair.got[0]) == 10


def test_another_process_goes_on_at_the_right_time(small):
    pair = Pair()
    pair.put(40)
    pair.writer = RingWriter(pair.memory, 2)
    pair.writer.go_to(100)
    pair.wanted.append(np.zeros((60, 2)))
    pair.put(30)
    pair.writer.go_to(50)
    pair.end()
    pair.check()
    assert pair.writer.lost == 0, "nothing was too slow"
    assert pair.writer.position == 130


def test_a_gap_at_the_end_is_silence_too(small):
    pair = Pair()
    for _ in range(6):
        pair.put(60)
    assert pair.writer.lost == 120
    pair.end()
    pair.check()
