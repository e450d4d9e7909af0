"""The linear code that training begins with: it is the best one, and the fresh model is that code."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")

from ghostnote_training import bands, linear_start, nets
from ghostnote_training.linear_start import LinearCode, Views, begin, fit, noise_of
from ghostnote_training.vae import LossOptions, SpectrogramVAE

pytestmark = pytest.mark.training


def sounds(spec, count: int, seed: int = 0) -> np.ndarray:
    """Log magnitudes that a few smooth patterns make up, (count, frames, bins)."""
    rng = np.random.default_rng(seed)
    frame, index = np.arange(spec.frames)[:, None], np.arange(spec.bins)[None]
    patterns = [np.cos(frame / (3.0 + k)) * np.cos(index / (9.0 + 2.0 * k)) for k in range(4)]
    amounts = rng.standard_normal((count, 4)) * [0.1, 0.08, 0.05, 0.03]
    return np.float32(0.5 + np.tensordot(amounts, np.stack(patterns), axes=1))


def test_views_are_those_of_the_networks(spec, net):
    from ghostnote_training.graph import KerasBuilder

    x = sounds(spec, 3)
    take = Views(spec, net, LossOptions())
    np.testing.assert_allclose(
        take(x), np.asarray(nets.linear_view(KerasBuilder(), x, spec, net)), rtol=1e-4, atol=1e-5
    )
    assert take.weight.shape == take(x).shape[1:]
    per_band = take.weight.reshape(-1, net.linear_bands)
    assert np.ptp(per_band, axis=1).max() == 0.0, "each band counts alike"


def test_components_are_orthogonal_and_hold_what_there_is():
    rng = np.random.default_rng(2)
    views = (rng.standard_normal((200, 3)) @ rng.standard_normal((3, 40))).astype(np.float32)
    weight = rng.uniform(0.5, 2.0, 40)
    code = fit(views, weight, 8)
    assert len(code.variances) == 3, "of rank three"
    assert (np.diff(code.variances) <= 0.0).all()
    np.testing.assert_allclose(code.directions @ code.directions.T, np.eye(3), atol=1e-6)
    centred = (views - code.mean) * weight
    np.testing.assert_allclose(centred @ code.directions.T @ code.directions, centred, atol=1e-4)
    np.testing.assert_allclose(np.square(centred).sum() / 200, code.variances.sum(), rtol=1e-5)


@pytest.mark.parametrize("nats", [0.5, 10.0, 90.0])
def test_noise_costs_what_is_asked_and_falls_on_the_weak(nats):
    variances = np.geomspace(100.0, 0.01, 30)
    noise = noise_of(variances, nats)
    assert -0.5 * np.log(noise).sum() == pytest.approx(nats, rel=1e-4)
    assert (np.diff(noise) >= 0.0).all()
    assert noise.max() <= 1.0
    lost = (noise * variances)[noise < 1.0]
    np.testing.assert_allclose(lost, lost[0], rtol=1e-6)


def _model(spec, net) -> SpectrogramVAE:
    model = SpectrogramVAE(spec, net, LossOptions(kl_target_nats=20.0), 1)
    model(np.zeros((1, spec.frames, spec.bins), np.float32))
    return model


def test_a_fresh_model_is_the_code(spec, net):
    """Latents are white for the sounds it was found from, and sounds come back as the code has them."""
    model, take = _model(spec, net), Views(spec, net, LossOptions())
    x = sounds(spec, 400)
    code = fit(take(x), take.weight, net.latent)
    begin(model, code, spec, net)
    mean, log_variance = (np.asarray(one) for one in model.encoder(x))
    noise = np.exp(log_variance)
    assert np.ptp(noise, axis=0).max() == 0.0, "the same for every sound"
    count = len(code.variances)
    assert -0.5 * log_variance[0].sum() == pytest.approx(20.0, rel=1e-3)
    np.testing.assert_allclose(mean.mean(axis=0), 0.0, atol=2e-3)
    np.testing.assert_allclose(mean.var(axis=0)[:count] + noise[0, :count], 1.0, atol=2e-3)
    made = np.asarray(model.decoder(mean)[0])
    kept = (1.0 - noise[0, :count])[None, :]
    centred = (take(x) - code.mean) * code.weight
    views = ((centred @ code.directions.T) * kept @ code.directions / code.weight) + code.mean
    frames = nets.linear_frames(spec) @ views.reshape(len(x), -1, net.linear_bands)
    np.testing.assert_allclose(made, frames @ bands.triangles(net.linear_bands, spec), atol=2e-4)
    assert np.abs(made - x).mean() < 0.25 * np.abs(x - x.mean(axis=0)).mean()


def test_fewer_sounds_than_dimensions_leave_the_others_silent(spec, net):
    model, take = _model(spec, net), Views(spec, net, LossOptions())
    x = sounds(spec, 3)
    code = fit(take(x), take.weight, net.latent)
    assert len(code.variances) == 2
    begin(model, code, spec, net)
    mean, log_variance = (np.asarray(one) for one in model.encoder(x))
    assert np.abs(mean[:, 2:]).max() == 0.0
    assert np.abs(log_variance[:, 2:]).max() == 0.0
    assert np.isfinite(np.asarray(model.decoder(mean)[0])).all()


def test_one_sound_alone_is_the_mean(spec, net):
    model, take = _model(spec, net), Views(spec, net, LossOptions())
    x = sounds(spec, 1)
    code = fit(take(x), take.weight, net.latent)
    assert isinstance(code, LinearCode)
    assert len(code.variances) == 0
    begin(model, code, spec, net)
    made = np.asarray(model.decoder(np.zeros((1, net.latent), np.float32))[0])
    assert np.abs(made - x).mean() < 0.05


def test_a_run_begins_with_it_once(spec, net, tmp_path, monkeypatch):
    from ghostnote_training.augment import Augmentation
    from ghostnote_training.train import Run, TrainOptions

    x = sounds(spec, 30)
    begun = []
    monkeypatch.setattr(
        linear_start, "begin", lambda *args: (begun.append(len(args[1].variances)), begin(*args))
    )

    class Features:
        def __getitem__(self, index: np.ndarray) -> np.ndarray:
            return x[index]

    def train(steps: int) -> None:
        run = Run(tmp_path, spec, net, LossOptions(), TrainOptions(steps=steps, batch=4, start_sounds=100))
        run.resume()
        run.train(Features(), np.full(30, 1 / 30), Augmentation(), report=lambda line: None)

    train(2)
    assert begun == [min(net.latent, 99)]
    train(4)
    assert len(begun) == 1, "a run that goes on keeps what it has learnt"
