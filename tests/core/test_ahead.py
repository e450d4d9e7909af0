"""Work done ahead changes when it is done, and not one sample."""

from __future__ import annotations

import numpy as np
import pytest

from core.enginekit import Bench
from ghostnote.core.ahead import SETTLED_S, Ahead
from ghostnote.core.engine import QUANTUM
from ghostnote.synth.phase import MODES, PhaseBank


def finish(ahead: Ahead) -> int:
    steps = 0
    while ahead.step():
        steps += 1
        assert steps < 1000
    return steps


def settle(bench: Bench) -> None:
    for _ in range(round(SETTLED_S * 44100 / QUANTUM) + 2):
        bench.engine.render_quantum()


@pytest.fixture
def prepared(model):
    """Make a bench whose parts have everything prepared, and one without, at the same time."""

    def make(mode: str = "quality") -> tuple[Bench, Bench]:
        benches = Bench(model), Bench(model)
        for bench in benches:
            bench.engine.set_value("/gn/synth/mode", mode)
        ahead = Ahead(benches[0].engine)
        assert not ahead.step()
        for bench in benches:
            settle(bench)
        assert finish(ahead) >= 8
        return benches

    return make


@pytest.mark.parametrize("mode", MODES)
def test_prepared_hits_have_the_same_samples(prepared, mode):
    one, other = prepared(mode)
    assert all(mode in part.armed.sound.openings for part in one.engine.parts.values())
    assert not any(part.armed.sound.openings for part in other.engine.parts.values())
    for bench in (one, other):
        for part, quantum in ((1, 3), (2, 3), (3, 9), (1, 30), (1, 31)):
            bench.at((bench.engine.now // QUANTUM + quantum) * QUANTUM + 17, f"part{part}/hit", 0.8)
        bench.at((bench.engine.now // QUANTUM + 40) * QUANTUM, "part4/note", 67, 0.7)
    sounds = [bench.seconds(0.3) for bench in (one, other)]
    assert np.abs(sounds[0]).max() > 0.01
    assert np.array_equal(*sounds)


def test_a_prepared_hit_does_not_compute_its_beginning(prepared, monkeypatch):
    one, other = prepared()
    opened = []
    real = PhaseBank.open

    def counting(self, targets):
        opened.append(len(targets))
        return real(self, targets)

    monkeypatch.setattr(PhaseBank, "open", counting)
    for bench in (one, other):
        bench.now("part1/hit")
        bench.seconds(0.01)
        opened.append(0)
    assert opened == [0, 1, 0]


def test_a_knob_in_motion_is_not_prepared_for(model):
    bench = Bench(model)
    ahead = Ahead(bench.engine)
    ahead.step()
    settle(bench)
    finish(ahead)
    before = bench.engine.parts[1].armed.sound
    bench.now("part1/axis/d1", 1.0)
    bench.seconds(0.015)
    assert bench.engine.parts[1].armed.sound is not before
    assert finish(ahead) == 0
    settle(bench)
    assert finish(ahead) > 0
    assert bench.engine.parts[1].armed.sound.openings


def test_pitched_notes_begin_by_themselves(prepared):
    one, other = prepared()
    for bench in (one, other):
        bench.now("part1/note", 72, 0.9)
    sounds = [bench.seconds(0.1) for bench in (one, other)]
    assert np.abs(sounds[0]).max() > 0.01
    assert np.array_equal(*sounds)
