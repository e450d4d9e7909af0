"""Learning on a tiny scale: the loss falls, runs resume where they stopped, noise is told from tone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ghostnote_training import augment, bands, cache, checkpoint, texture
from ghostnote_training.train import Run, TrainingTime, TrainOptions, learning_rate
from ghostnote_training.vae import LossOptions, SpectrogramVAE

LOSS = LossOptions(bands=8, kl_target_nats=5.0)


def sounds(spec, count=48, seed=0):
    """Log magnitudes of decaying bands of noise, shape (count, frames, bins), float16."""
    rng = np.random.default_rng(seed)
    frame, bin_ = np.arange(spec.frames)[:, None], np.arange(spec.bins)
    rows = []
    for _ in range(count):
        decay, centre, width = rng.uniform(0.01, 0.08), rng.uniform(0, spec.bins), rng.uniform(3, 12)
        rows.append(0.9 - decay * frame - np.square((bin_ - centre) / width) * 0.05)
    return np.clip(rows, -0.2, 1.0).astype(np.float16)


@pytest.fixture(scope="module")
def short(spec, net, tmp_path_factory):
    """A run of a few seconds on tiny sounds: (folder, run, reported lines)."""
    folder = tmp_path_factory.mktemp("run")
    options = TrainOptions(steps=80, batch=8, rate=3e-3, warmup_steps=5, report_every=10, seed=2)
    run = Run(folder, spec, net, LOSS, options)
    features = cache.Joined([sounds(spec)])
    lines: list[str] = []
    run.train(features, np.full(48, 1 / 48), augment.Augmentation(gate=0, band=0), lines.append)
    return folder, run, lines


def reported_loss(line):
    return float(line.split("loss ")[1].split()[0])


def test_loss_falls(short):
    _, run, lines = short
    assert run.step == 80
    assert lines[0] == "begins with the 4 principal components of 3000 sounds"
    assert reported_loss(lines[-1]) < 0.9 * reported_loss(lines[1]), "the networks improve on the linear code"


def test_run_resumes_with_the_same_weights(short, spec, net):
    folder, run, _ = short
    again = Run(folder, spec, net, LOSS, replace(run.options, seed=9))
    assert again.resume()
    assert (again.step, again.elapsed_s) == (run.step, run.elapsed_s)
    x = sounds(spec, 3).astype(np.float32).clip(0)
    np.testing.assert_allclose(again.model.encoder(x)[0], run.model.encoder(x)[0], atol=1e-5)
    for mine, theirs in zip(again.average, run.average, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_new_folder_has_nothing_to_resume(tmp_path, spec, net):
    assert not Run(tmp_path, spec, net, LOSS, TrainOptions()).resume()


def test_learning_rate_warms_up_then_falls():
    options = TrainOptions(rate=1e-3, warmup_steps=10)
    rates = [learning_rate(options, 0, 0.0), *(learning_rate(options, 50, d) for d in (0.0, 0.5, 1.0))]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[1] == pytest.approx(1e-3)
    assert rates[1] > rates[2] > rates[3] > 0


def test_a_stopped_process_loses_no_training():
    time = TrainingTime(10.0)
    for _ in range(50):
        time.add(0.5)
    time.add(600.0)
    assert time.spent_s == pytest.approx(10.0 + 25.0 + 4 * 0.5)


def test_a_listener_shapes_the_loss_and_is_not_trained(spec, net):
    from ghostnote_training import classifier

    _, ear = classifier.build(9, spec, net)
    model = SpectrogramVAE(spec, net, LOSS, seed=0, listener=ear)
    x = sounds(spec, 4).astype(np.float32).clip(0)
    y = model(x, training=True)
    count = len(model.trainable_variables)
    with_ear = float(model.compute_loss(x, x, y))
    model._listen = None
    without = float(model.compute_loss(x, x, y))
    assert with_ear > without
    assert count == len(model.encoder.trainable_variables) + len(model.decoder.trainable_variables)


def test_checkpoint_round_trip(tmp_path):
    groups = {"a": [np.arange(3.0), np.ones((2, 2))], "b": [np.float32(4.0)]}
    checkpoint.save(tmp_path / "c.npz", groups, {"step": 3})
    got, state = checkpoint.load(tmp_path / "c.npz")
    assert state == {"step": 3}
    assert [len(got[k]) for k in ("a", "b")] == [2, 1]
    np.testing.assert_array_equal(got["a"][1], groups["a"][1])
    assert not list(tmp_path.glob("*partial*"))


def test_band_matrices_interpolate_and_average(spec):
    up, down = bands.triangles(8, spec), bands.averages(8, spec)
    np.testing.assert_allclose(up.sum(axis=0), 1.0, atol=1e-6)
    np.testing.assert_allclose(down.sum(axis=0), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.full(8, 0.7) @ up, 0.7, atol=1e-6)
    centres = bands.centres(8, spec)
    assert centres[0] == 0
    assert centres[-1] == pytest.approx(spec.bins - 1)
    assert (np.diff(centres, n=2) > -1e-9).all()


def test_noise_reads_as_noise_and_decaying_tones_do_not(spec, net):
    model = SpectrogramVAE(spec, net, LOSS, seed=0)
    span = -np.log(spec.floor)
    smooth = np.linspace(1.0, 0.6, spec.frames)[:, None] * np.ones(spec.bins)
    field = texture.field(spec, 5) / span

    def noisiness(log):
        return np.asarray(model._noisiness_target(log[None].astype(np.float32)))[0]

    assert noisiness(smooth).max() < 0.01
    assert noisiness(smooth + field).mean() == pytest.approx(1.0, abs=0.15)
    middle = noisiness(smooth + 0.6 * field).mean()
    assert 0.3 < middle < 0.7


def test_an_onset_is_no_noise(spec, net):
    model = SpectrogramVAE(spec, net, LOSS, seed=0)
    log = np.linspace(1.0, 0.5, spec.frames)[:, None] * np.ones(spec.bins)
    log[0] -= 0.3
    assert np.asarray(model._noisiness_target(log[None].astype(np.float32))).max() < 0.01
