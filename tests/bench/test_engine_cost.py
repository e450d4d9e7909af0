"""What the cost measurements do to the engine, rather than how long it takes."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.bench.engine_cost import ReadyDecoder, decode_beside_control, decode_ms, detail_ms, voices_cost
from ghostnote.bench.sounds import far_apart, onset_ms, sharpest
from ghostnote.core.engine import Engine
from ghostnote.decode.model import load


@pytest.fixture(scope="module")
def model(tiny):
    return load(tiny, lazy=("encoder", "classifier"))


def test_a_detail_is_timed_by_itself(model):
    spent = detail_ms(model, 5)
    assert spent.shape == (5,)
    assert (spent > 0.0).all()


def test_decodes_are_timed_one_by_one(model):
    spent, control = decode_beside_control(model, 7)
    assert spent.shape == control.shape == (7,)
    assert (spent > 0.0).all()
    assert decode_ms(model, 3).shape == (3,)


def test_all_voices_sound_and_all_knobs_move(model, monkeypatch):
    seen: list[int] = []
    moved: set[str] = set()
    render, change = Engine.render_quantum, Engine.set_value

    def watching(self):
        seen.append(len([v for v in self.pool.voices if not v.ended]))
        return render(self)

    def noting(self, addr, value):
        moved.add(addr)
        change(self, addr, value)

    monkeypatch.setattr(Engine, "render_quantum", watching)
    monkeypatch.setattr(Engine, "set_value", noting)
    cost = voices_cost(model, 6, 0.3)
    assert max(seen) == 6
    assert np.mean([count == 6 for count in seen[-100:]]) > 0.9
    assert {f"/gn/part{part}/axis/d1" for part in range(1, 9)} <= moved
    assert cost["blocks"] == round(0.3 * 48000 / 128)
    assert cost["late_decodes"] == 0.0


def test_ready_sounds_are_never_late():
    sounds = [np.zeros((2, 3), dtype=np.float32), np.ones((2, 3), dtype=np.float32)]
    decoder = ReadyDecoder(sounds)
    assert decoder.submit(5, np.zeros(1, dtype=np.float32), np.zeros((2, 3), dtype=np.float32))
    assert decoder.collect(5) is sounds[1]
    assert not decoder.stalled
    assert not decoder.failed(5)


def test_the_sharpest_sound_is_loud_first(model):
    strike = sharpest(model, 48000)
    assert strike.prototype in model.manifest.prototypes
    others = [onset_ms(model, name, 48000) for name in model.manifest.prototypes]
    assert strike.onset_ms == min(others)
    assert 0.0 < strike.onset_ms < 50.0


def test_two_sounds_far_apart_are_two_sounds(model):
    first, second = far_apart(model)
    assert first != second
    assert {first, second} <= set(model.manifest.prototypes)
