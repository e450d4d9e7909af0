"""The measures themselves: zero for equals, known values for known differences."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import classifier, evaluate, figures, synth
from ghostnote_training.corpus import CLASSES, Item

SPEC = FeatureSpec()


@pytest.fixture(scope="module")
def snare():
    x = synth.draw("snare", 1, 0)
    return x, stft.magnitudes(x, SPEC)


def test_distances_are_zero_for_equals_and_the_gain_for_a_gain(snare):
    _, m = snare
    assert figures.log_spectral_distance(m, m, SPEC) == 0.0
    assert figures.active_difference(m, m, SPEC) == 0.0
    assert figures.active_difference(m, m * 10 ** (6 / 20), SPEC) == pytest.approx(6.0, abs=1e-3)


def test_hum_is_the_level_where_silence_was(snare):
    _, m = snare
    m = m.copy()
    m[300:] = 0.0
    loud = m.copy()
    loud[310, 50] = m.max() * 1e-2
    assert figures.hum(m, m, SPEC) < -80
    assert figures.hum(m, loud, SPEC) == pytest.approx(-40, abs=8)


def test_bands_share_every_bin_once_above_the_lowest():
    counts = figures.sixth_octaves(SPEC).sum(axis=1)
    assert set(counts[40:450]) == {1.0}


def test_listening_finds_phases_that_fit(snare):
    x, m = snare
    y = figures.listen(m, SPEC)
    difference = np.linalg.norm(stft.magnitudes(y, SPEC) - m) / np.linalg.norm(m)
    assert 20 * np.log10(difference) < -15
    rate = SPEC.sample_rate
    assert figures.attack_time_s(y, rate) == pytest.approx(figures.attack_time_s(x, rate), abs=0.01)


def test_attack_error_of_a_sound_that_comes_late():
    spec = FeatureSpec()
    rng = np.random.default_rng(2)
    x = np.zeros(spec.samples, dtype=np.float32)
    x[400:2000] = (rng.standard_normal(1600) * 0.1 * np.exp(-np.arange(1600) / 200.0)).astype(np.float32)
    x[400] = 1.0
    late = np.roll(x, 2 * spec.hop)
    own = figures.attack_error_s(x, stft.magnitudes(x, spec), spec)
    assert own < 0.002
    found = figures.attack_error_s(x, stft.magnitudes(late, spec), spec)
    assert found == pytest.approx(2 * spec.hop / spec.sample_rate, abs=0.002)


def test_attack_time_of_a_ramp():
    x = np.concatenate([np.linspace(0, 1, 441), np.zeros(1000)]).astype(np.float32)
    assert figures.attack_time_s(x, 44100) == pytest.approx(0.009, abs=5e-4)


def test_balanced_accuracy_counts_classes_alike():
    table = classifier.confusion(np.array([0] * 90 + [1] * 10), np.array([0] * 100))
    assert classifier.balanced_accuracy(table) == 0.5


def test_merged_toms():
    labels = np.arange(len(CLASSES))
    merged = classifier.merge_toms(labels)
    assert len(set(merged)) == len(CLASSES) - 2


def test_calibration_error_of_a_perfect_and_of_a_boastful_classifier():
    truth = np.array([0, 1] * 50)
    sure = np.eye(2, dtype=np.float32)[truth]
    assert classifier.calibration_error(sure, truth) == 0.0
    assert classifier.calibration_error(sure, 1 - truth) == 1.0


def test_pick_spreads_over_groups(tmp_path):
    items = [Item(tmp_path / f"{g}{k}", "drums", "kick", "s", "CC0", g, "") for g in "abc" for k in range(9)]
    chosen = evaluate.pick(items, 6, 0)
    assert sorted(item.group for item in chosen) == ["a", "a", "b", "b", "c", "c"]
    assert chosen == evaluate.pick(items, 6, 0)
