"""The section that morphs between two scenes: both turns are counted, and a refusal is a failure."""

from __future__ import annotations

import math
import os

import pytest

from ghostnote.bench import morph as module
from ghostnote.bench.jack_server import UnavailableError
from ghostnote.bench.options import BenchOptions


@pytest.fixture
def options(tiny, monkeypatch) -> BenchOptions:
    def no_server(**more: object) -> None:
        raise UnavailableError("not in this test")

    monkeypatch.setattr(module, "JackServer", no_server)
    monkeypatch.setattr(module, "TURN_S", 0.5)
    monkeypatch.setattr(module, "FADE_S", 0.3)
    monkeypatch.setattr(module, "SETTLE_S", 0.5)
    return BenchOptions(str(tiny), seconds=1.0)


def test_rest_and_morph_are_counted_and_nothing_is_left(options, home):
    before = dict(os.environ)
    section = module.morph(options)
    assert dict(os.environ) == before
    assert not (home / "scenes").exists(), "a person's scenes are not touched"
    numbers = section.numbers
    assert numbers["recalls_refused"] == 0
    assert 0.0 < numbers["rest_load"] < 5.0
    assert 0.0 < numbers["morph_load"] < 5.0
    assert numbers["morph_dropouts"] >= 0
    assert section.goals[0].value == numbers["morph_dropouts"]
    assert "null device" in section.notes[0]


def test_a_recall_that_is_refused_is_no_measure(options, monkeypatch):
    monkeypatch.setattr(module, "_store_scenes", lambda send, seed: None)
    section = module.morph(options)
    assert section.numbers["recalls_refused"] == 1
    assert math.isnan(section.goals[0].value)
    assert not section.goals[0].met
