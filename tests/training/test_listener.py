"""What the loss hears: levels like the figure's, draws spread like the latents, a class kept or lost."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ghostnote.features import scale
from ghostnote.features.spec import FeatureSpec
from ghostnote_training import classifier, figures
from ghostnote_training.listener import LatentStatistics, Levels, Listener
from ghostnote_training.nets import NetOptions

SPEC = FeatureSpec(frames=24)


def tones(levels_db, seed=0):
    """Magnitudes (frames, bins) of a spectrum that falls by 1 dB a frame, shifted by the given decibels."""
    rng = np.random.default_rng(seed)
    spectrum = (
        0.3 * np.exp(rng.normal(0.0, 1.0, SPEC.bins)) * 10.0 ** (-np.arange(SPEC.frames)[:, None] / 20.0)
    )
    return np.float32(np.minimum(spectrum, 2.0) * 10.0 ** (np.asarray(levels_db)[:, None] / 20.0))


def heard(original, made, noisiness=0.0):
    levels = Levels(SPEC, NetOptions(), 60.0)
    logs = [np.float32(1.0 + np.log(sound)[None] / -np.log(SPEC.floor)) for sound in (original, made)]
    noise = np.full((1, SPEC.frames, NetOptions().noise_bands), noisiness, np.float32)
    decay = np.exp(-np.arange(SPEC.frames) / 6.0).astype(np.float32)
    found = levels(*logs, noise, logs[0].max(keepdims=True), decay)
    return [float(x) for x in found]


def test_levels_follow_the_figure():
    original = tones(np.zeros(SPEC.frames))
    made = original * np.exp(np.random.default_rng(3).normal(0.0, 0.5, SPEC.bins)).astype(np.float32)
    distance, _ = heard(original, made)
    assert distance == pytest.approx(figures.log_spectral_distance(original, made, SPEC), rel=0.1)
    assert heard(original, original)[0] == pytest.approx(0.5, abs=1e-3)


def test_an_attack_that_comes_late_costs_envelope():
    original = tones(np.zeros(SPEC.frames))
    late = tones(np.where(np.arange(SPEC.frames) < 3, -20.0, 0.0))
    assert heard(original, late)[1] > 5.0
    assert heard(original, original)[1] == pytest.approx(0.0, abs=1e-4)


def test_noisy_bins_count_with_the_power_of_noise():
    original = tones(np.zeros(SPEC.frames))
    quieter = original * np.float32(np.exp(-0.37 / 2))
    assert heard(original, quieter, noisiness=1.0)[0] < heard(original, quieter)[0]


def test_draws_follow_the_latents():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    spread = np.float32([3.0, 1.0, 0.3, 0.1])
    space = LatentStatistics(4)
    for _ in range(1500):
        space.update((rng.standard_normal((16, 4)) * spread + 2.0).astype(np.float32))
    space.refresh()
    drawn = np.asarray(space.draw(4000, keras.random.SeedGenerator(1)))
    np.testing.assert_allclose(drawn.mean(axis=0), 2.0, atol=0.5)
    np.testing.assert_allclose(drawn[:2000].std(axis=0), spread, rtol=0.25)
    np.testing.assert_allclose(drawn[2000:].std(axis=0) * 2**0.5, spread, rtol=0.25)


def test_latents_are_pulled_towards_white():
    import tensorflow as tf

    rng = np.random.default_rng(1)
    once = rng.standard_normal((4000, 1))
    told_twice = np.concatenate([once, once, 0.1 * rng.standard_normal((4000, 1))], axis=1).astype(np.float32)
    space = LatentStatistics(3)
    for k in range(0, 4000, 8):
        space.update(told_twice[k : k + 8])
    batch = tf.Variable(told_twice[:512])
    with tf.GradientTape() as tape:
        off = space.unlike_white(batch)
    step = batch - 0.5 * 512 * tape.gradient(off, batch)

    def covariance(x):
        return np.cov(np.asarray(x).T)

    before, after = covariance(batch), covariance(step)
    assert abs(after[0, 1]) < 0.7 * abs(before[0, 1])
    assert before[2, 2] < after[2, 2] < 1.0


def test_what_is_the_same_is_kept_and_what_is_not_is_missed():
    keras.utils.set_random_seed(0)
    options = NetOptions(classifier_members=1)
    _, model = classifier.build(9, SPEC, options)
    listener = Listener(model, SPEC, options)
    assert not model.trainable_variables
    low, high = tones(np.zeros(SPEC.frames)), tones(np.zeros(SPEC.frames))
    low[:, 100:], high[:, :100] = 1e-5, 1e-5
    a, b = (scale.compress(sound, SPEC)[None] for sound in (low, high))
    seed = keras.random.SeedGenerator(2)
    kept, clear = (float(x) for x in listener(a, a, a, seed))
    assert kept == pytest.approx(0.0, abs=1e-5)
    assert 0.0 < clear <= np.log(9.0)
    assert float(listener(a, b, a, seed)[0]) > 0.05
