"""Figures of ears: what is measured from answers on the wire, and live beside files."""

from __future__ import annotations

import numpy as np
import pytest

from bundles import build_bundle
from features.onsetkit import hit
from ghostnote.bench.ears_accuracy import WHEN, Known, live, offline
from ghostnote.bench.ears_live import Came, waits
from ghostnote.decode.model import load
from ghostnote.ears.thinker import Thinker
from ghostnote.features.spec import FeatureSpec


def answers(number: int, heard: float, late: float) -> list[Came]:
    ages = (0.03, 0.06, 0.12, 0.9)
    return [Came(heard + age + late, heard, number, age, age > 0.5) for age in ages]


def test_waits_are_from_the_onset_and_from_the_last_sample_that_was_needed():
    given = [*answers(1, 10.001, 0.004), *answers(2, 11.001, 0.006)]
    found = waits(np.array([10.0, 11.0, 12.0]), given)
    assert found.first == pytest.approx([35.0, 37.0])
    assert found.decision == pytest.approx([5.0] * 3 + [7.0] * 3)
    assert found.time_tag == pytest.approx([1.0, 1.0])
    assert found.missed == pytest.approx(1 / 3)


def test_an_answer_to_another_sound_is_not_taken():
    found = waits(np.array([10.0]), answers(1, 10.3, 0.0))
    assert found.missed == 1.0
    assert found.first == []


def test_a_sound_is_the_same_live_and_from_a_file(tmp_path):
    model = load(build_bundle(tmp_path / "tiny", spec=FeatureSpec(frames=86)))
    stock = [Known(0, hit(44_100, 100 + 50 * k, seconds=0.3, seed=k)) for k in range(4)]
    heard = live(stock, Thinker(model), seed=1)
    assert all(found is not None and len(found) == len(WHEN) for found in heard)
    files = [offline(known, model) for known in stock]
    assert np.mean(np.array(heard) == np.array(files)) > 0.7
