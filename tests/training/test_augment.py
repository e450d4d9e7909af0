"""Augmentation on the log scale: bounded, seeded, and silent where the sound was silent."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

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


def only(seed=5, raw=None, **chances):
    """What one kind of augmentation alone does: (before, after), both as the model sees them."""
    options = augment.Augmentation(**{"gain_low_db": 0, "gain_high_db": 0, "gate": 0, "band": 0} | chances)
    raw = batch() if raw is None else raw
    return np.clip(raw, 0, 1.2), augment.apply(raw, SPEC, options, np.random.default_rng(seed))


def test_with_everything_off_nothing_changes():
    before, after = only()
    np.testing.assert_array_equal(before, after)


def test_gain_never_lifts_a_sound_far_above_full_scale():
    before, after = only(raw=batch() - batch().max() + 0.99, gain_low_db=-3, gain_high_db=12)
    assert (after.max(axis=(1, 2)) <= 1.0 + 0.0101).all()
    loud = before > 0.3
    lifts = [np.ptp((b - a)[m]) for a, b, m in zip(before, after, loud, strict=True) if m.any()]
    assert max(lifts) < 1e-5, "one gain for the whole sound"
    assert len({round(float(a.max()), 4) for a in after}) > 1, "another for each"


def test_truncation_takes_ever_more_away_from_a_moment_on_and_from_all_bins_alike():
    raw = np.full((6, SPEC.frames, SPEC.bins), 0.9, np.float32)
    before, after = only(raw=raw, gate=1)
    fallen = before - after
    assert np.ptp(fallen, axis=2).max() < 1e-6
    assert (np.diff(fallen[:, :, 0], axis=1) >= -1e-6).all()
    first = [int(np.argmax(one[:, 0] > 1e-6)) for one in fallen]
    assert min(first) > 8
    assert max(first) <= SPEC.frames // 2
    assert (after[:, -1] < 0.1).all()


def test_filtering_changes_bins_and_no_time():
    raw = np.full((12, SPEC.frames, SPEC.bins), 0.7, np.float32)
    before, after = only(raw=raw, band=1)
    curve = after - before
    assert np.ptp(curve, axis=1).max() < 1e-6, "the same in all frames, so envelopes stay"
    assert curve.max() <= 0.06 + 1e-6, "nothing is lifted by more than 6 dB"
    assert (np.ptp(curve[:, 0], axis=1) > 0.01).all()


def test_hiss_is_laid_under_what_is_louder():
    before, after = only(noise=1)
    assert (after >= before - 1e-6).all()
    np.testing.assert_array_equal(after[before > 0.75], before[before > 0.75])
    assert (after - before).max() > 0.02


def test_pitch_and_time_are_moved_apart_and_level_stays(tmp_path):
    time = np.arange(SPEC.sample_rate) / SPEC.sample_rate
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time) * np.exp(-time / 0.2)
    soundfile.write(tmp_path / "t.wav", tone.astype(np.float32), SPEC.sample_rate, subtype="FLOAT")

    def heard(**how):
        """(pitch in Hz, seconds until it is 40 dB down, peak)."""
        row = cache.row(cache.Sound("file", str(tmp_path / "t.wav"), **{"number": 1.0} | how), SPEC)
        row = row.astype(np.float32)
        envelope = row.max(axis=1)
        hz = row[4].argmax() * SPEC.sample_rate / SPEC.n_fft
        return hz, int(np.argmax(envelope < envelope.max() - 0.4)) * SPEC.hop / SPEC.sample_rate, row.max()

    plain, fast, longer = heard(), heard(number=1.25), heard(pace=0.8)
    assert plain[0] == pytest.approx(1000, abs=25)
    assert fast[0] == pytest.approx(1250, abs=25)
    assert fast[1] == pytest.approx(plain[1] / 1.25, rel=0.05)
    assert longer[0] == plain[0]
    assert longer[1] == pytest.approx(plain[1] / 0.8, rel=0.05)
    assert max(abs(one[2] - plain[2]) for one in (fast, longer)) < 0.01, "within a decibel"


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


def test_only_the_beginning_is_heard():
    windows = nets.classifier_windows(SPEC)
    views = np.full((64, len(windows), 64), 0.5, dtype=np.float32)
    options = classifier.ClassifierOptions(truncate=0, cut=1, band_limit=0, low_cut=0, noise=0)
    out = classifier.augment(views, SPEC, options, np.random.default_rng(4))
    silent = ~out.any(axis=2)
    assert not silent[:, :6].any()
    assert silent[:, -1].all()
    assert (np.diff(silent.astype(int), axis=1) >= 0).all()


def test_heard_for_keeps_the_frames_that_lie_within():
    views = np.ones((1, len(nets.classifier_windows(SPEC)), 2), dtype=np.float32)
    frames = [int(classifier.heard_for(views, s, SPEC)[0, :, 0].sum()) for s in (0.0117, 0.05, 0.1)]
    assert frames == [1, 7, 14]
    last = 7 * SPEC.hop - SPEC.hop + SPEC.n_fft // 2
    assert last <= 0.05 * SPEC.sample_rate < last + SPEC.hop


def test_windows_widen_and_average():
    windows = nets.classifier_windows(SPEC)
    np.testing.assert_allclose(windows.sum(axis=1), 1.0, atol=1e-6)
    assert ((windows > 0).sum(axis=0) == 1).all()
    widths = (windows > 0).sum(axis=1)
    assert widths[0] == 1
    assert (np.diff(widths) >= 0).all()
