"""Augmentation on the log scale: bounded, seeded, and silent where the sound was silent."""

from __future__ import annotations

import numpy as np

from ghostnote.features.spec import FeatureSpec
from ghostnote_training import augment, cache, classifier, nets, synth

SPEC = FeatureSpec()


def batch():
    return np.stack([cache.features(synth.draw("kick", k, 4), SPEC) for k in range(6)]).astype(np.float32)


def test_result_is_bounded_seeded_and_new():
    raw = batch()
    kept = raw.copy()
    one, two = (augment.apply(raw, SPEC, augment.Augmentation(), np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(raw, kept)
    assert one.min() == 0.0
    assert one.max() <= 1.2


def test_gain_alone_shifts_every_level_and_spares_silence():
    options = augment.Augmentation(gain_low_db=-10, gain_high_db=-10, gate=0, band=0)
    raw = batch()
    out = augment.apply(raw, SPEC, options, np.random.default_rng(0))
    loud = raw > 0.2
    np.testing.assert_allclose(out[loud], raw[loud] - 0.1, atol=1e-5)
    assert not out[raw < 0.05].any()


def test_gates_leave_the_attack_alone():
    options = augment.Augmentation(gain_low_db=0, gain_high_db=0, gate=1, band=0)
    raw = batch()
    out = augment.apply(raw, SPEC, options, np.random.default_rng(2))
    np.testing.assert_allclose(out[:, :8], np.clip(raw[:, :8], 0, 1.2), atol=1e-6)
    assert out.sum() < np.clip(raw, 0, None).sum()


def test_classifier_augmentation_keeps_shape_bounds_and_is_seeded():
    windows = len(nets.classifier_windows(SPEC))
    views = np.random.default_rng(3).random((5, windows, 64), dtype=np.float32)
    options = classifier.ClassifierOptions()
    one, two = (classifier.augment(views, SPEC, options, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == views.shape
    assert one.min() >= 0.0
    assert one.max() <= 1.2
    assert np.abs(one - views).mean() > 0.01


def test_windows_widen_and_average():
    windows = nets.classifier_windows(SPEC)
    np.testing.assert_allclose(windows.sum(axis=1), 1.0, atol=1e-6)
    assert ((windows > 0).sum(axis=0) == 1).all()
    widths = (windows > 0).sum(axis=1)
    assert widths[0] == 1
    assert (np.diff(widths) >= 0).all()
