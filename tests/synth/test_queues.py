"""Queues of samples: whatever the speed and however often they are moved, the right samples come next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.synth.pitch import AFTER, BEFORE, SampleReader, ramp
from ghostnote.synth.queues import SampleQueues

QUANTUM, HOP, ROWS = 64, 256, 4
RATIOS = st.sampled_from([1.0, 1.0, 0.125, 0.5, 0.9, 1.1, 2.0, 4.0])


def material(row: int) -> np.ndarray:
    return np.random.default_rng(row).standard_normal(40000).astype(np.float32)


class Feed:
    """Queues that are filled with each row's material whenever they are short."""

    def __init__(self) -> None:
        self.queues = SampleQueues(ROWS, QUANTUM, HOP)
        self.material = [material(row) for row in range(ROWS)]
        self.given = [0] * ROWS
        self.rows: list[int] = []

    def lay(self, row: int, delay: int = 0, ratio: float = 1.0) -> None:
        self.queues.lay(row, delay, ratio)
        self.given[row] = 0
        self.rows.append(row)

    def quantum(self) -> np.ndarray:
        self.queues.follow()
        while not self.queues.suffice():
            short = [row for row in self.rows if self.queues.is_short(row)]
            assert short, "what does not suffice is short"
            for row in short:
                self.queues.push(row, self.material[row][self.given[row] : self.given[row] + HOP])
                self.given[row] += HOP
        assert not any(self.queues.is_short(row) for row in self.rows)
        block = self.queues.read().copy()
        self.queues.advance()
        return block


def expected(row: int, delay: int, ratios: list[float]) -> np.ndarray:
    """The same from one long piece of material, without queues."""
    silence = BEFORE + int(np.ceil(delay * ratios[0]))
    samples = np.concatenate([np.zeros(silence, dtype=np.float32), material(row)])[None]
    at, before, out = silence - delay * ratios[0], ratios[0], []
    for ratio in ratios:
        positions = ramp(np.array([at]), np.array([before]), np.array([ratio]), QUANTUM)
        out.append(SampleReader(samples).read(np.zeros(1, dtype=np.intp), positions[:, :-1])[0])
        at, before = float(positions[0, -1]), ratio
    return np.concatenate(out)


def test_own_pitch_comes_out_as_it_went_in():
    feed = Feed()
    feed.lay(1)
    heard = np.concatenate([feed.quantum()[1] for _ in range(200)])
    assert np.array_equal(heard, feed.material[1][: len(heard)])


@given(
    voices=st.lists(
        st.tuples(st.integers(0, 63), st.lists(RATIOS, min_size=70, max_size=70)), min_size=1, max_size=ROWS
    )
)
def test_any_speeds_read_what_one_long_piece_would_give(voices):
    """70 quanta: every queue moves back to the first column, fast ones several times."""
    feed = Feed()
    for row, (delay, ratios) in enumerate(voices):
        feed.lay(row, delay, ratios[0])
    blocks = []
    for k in range(70):
        for row, (_, ratios) in enumerate(voices):
            feed.queues.turn(row, ratios[k])
        blocks.append(feed.quantum())
    heard = np.concatenate(blocks, axis=1)
    for row, (delay, ratios) in enumerate(voices):
        assert np.allclose(heard[row], expected(row, delay, ratios), atol=1e-5)


def test_a_row_that_comes_back_to_its_own_pitch_is_a_slice_again():
    feed = Feed()
    feed.lay(0)
    feed.lay(2)
    for ratio in (1.0, 2.0, 2.0, 2.0, 1.0, 1.0):
        feed.queues.turn(0, ratio)
        feed.quantum()
    assert not feed.queues._bent
    heard = np.concatenate([feed.quantum() for _ in range(100)], axis=1)
    consumed = QUANTUM + 96 + 2 * 128 + 96 + QUANTUM
    assert np.array_equal(heard[0], feed.material[0][consumed : consumed + heard.shape[1]])
    start = 6 * QUANTUM
    assert np.array_equal(heard[2], feed.material[2][start : start + heard.shape[1]])


@pytest.mark.parametrize("ratio", [1.0, 1.3, 4.0])
def test_a_row_that_is_used_again_forgets_its_past(ratio):
    feed = Feed()
    feed.lay(0, 5, 0.7)
    feed.lay(1)
    for _ in range(50):
        feed.quantum()
    feed.queues.drop(0)
    feed.rows.remove(0)
    assert not feed.queues.laid(0)
    feed.quantum()
    feed.lay(0, 9, ratio)
    assert feed.queues.laid(0)
    heard = np.concatenate([feed.quantum()[0] for _ in range(60)])
    assert np.allclose(heard, expected(0, 9, [ratio] * 60), atol=1e-6)


def test_what_a_quantum_reads_is_all_that_it_needs():
    """One sample less would not do, one more is not asked for."""
    feed = Feed()
    feed.lay(0)
    feed.queues.follow()
    feed.queues.push(0, np.ones(QUANTUM - 1, dtype=np.float32))
    assert feed.queues.is_short(0)
    feed.queues.push(0, np.ones(1, dtype=np.float32))
    assert feed.queues.suffice()
    assert feed.queues.is_short(0, BEFORE + QUANTUM + 1)
    feed.queues.turn(0, 2.0)
    feed.queues.follow()
    last = int(ramp(np.array([7.0]), np.ones(1), np.full(1, 2.0), QUANTUM)[0, -2])
    missing = last + AFTER - BEFORE - QUANTUM
    feed.queues.push(0, np.ones(missing - 1, dtype=np.float32))
    assert not feed.queues.suffice()
    feed.queues.push(0, np.ones(1, dtype=np.float32))
    assert feed.queues.suffice()
