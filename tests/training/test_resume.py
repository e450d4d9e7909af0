"""A run that was stopped is the run that was not: the same batches, the same chance, the same weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ghostnote_training import augment, cache, data
from ghostnote_training.convergence import Convergence, HeldOut, StopOptions
from ghostnote_training.train import Run, TrainingTime, TrainOptions, Watching
from ghostnote_training.vae import LossOptions

LOSS = LossOptions(bands=8, kl_target_nats=5.0)
OPTIONS = TrainOptions(steps=20, batch=4, warmup_steps=4, average_every=3, refresh_every=7, seed=2)
STOP = StopOptions(every_steps=6, patience=50)
AUGMENTED = augment.Augmentation(gate=0.5, band=0.5, earliest_gate_frame=2)


def sounds(spec, count=24, seed=0):
    rng = np.random.default_rng(seed)
    level = rng.uniform(0.4, 0.9, (count, 1, spec.bins)) - 0.02 * np.arange(spec.frames)[None, :, None]
    return np.clip(level, -0.2, 1.0).astype(np.float16)


@pytest.fixture(scope="module")
def ear(spec, net):
    from ghostnote_training import classifier

    return classifier.build(3, spec, net)[1]


@pytest.fixture(scope="module")
def begun(tmp_path_factory, spec, net, ear):
    """A run of which nothing is trained yet, and the checkpoint of that; building one anew takes long."""
    run = Run(tmp_path_factory.mktemp("run"), spec, net, LOSS, OPTIONS, ear)
    run.save()
    return run, run.path.read_bytes()


def forget(run):
    """A run as if it had just been built, by a process that knows nothing and had other chances."""
    rng = np.random.default_rng(99)
    for variable in (*run.model.variables, *run.optimizer.variables):
        variable.assign(rng.integers(1, 9, variable.shape).astype(variable.dtype))
    run.average = run._arrays(run.model.trainable_variables)
    run.best, run.step, run.time, run.kl, run.l1_db = None, 77, TrainingTime(), 3.0, 2.0
    run.convergence, run.ended = Convergence(StopOptions()), ""


def go_on(run, until=None, watched=STOP):
    """Train until a step or the run's end; what was shown."""
    shown = []
    held_out = HeldOut(sounds(run.spec, 8, 5).astype(np.float32), run.spec)
    watching = Watching(held_out, watched, shown.append, lambda: until is not None and run.step >= until)
    features = cache.Joined([sounds(run.spec)])
    run.train(features, np.full(24, 1 / 24), AUGMENTED, lambda line: None, watching)
    return shown


def everything(run):
    return [
        *run.average,
        *run.best,
        *run._arrays(run.model.variables),
        *run._arrays(run.optimizer.variables),
    ]


def test_a_run_that_was_stopped_twice_is_the_same_to_the_last_bit(begun):
    run, beginning = begun
    shown = go_on(run)
    assert (run.step, run.ended) == (20, "steps")
    assert len(shown[-1].history) == 3
    assert any(moment.original is not None for moment in shown)
    whole, state, numbers = everything(run), run.convergence.state(), (run.kl, run.l1_db)
    run.path.write_bytes(beginning)
    for until in (5, 13, None):
        forget(run)
        assert run.resume()
        go_on(run, until)
        assert (run.step, run.ended) == ((until, "") if until else (20, "steps"))
    assert run.convergence.state() == state
    assert (run.kl, run.l1_db) == numbers
    for mine, theirs in zip(everything(run), whole, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_it_ends_when_nothing_gets_better_and_gives_the_best(begun):
    run, beginning = begun
    run.path.write_bytes(beginning)
    forget(run)
    run.resume()
    run.options = replace(OPTIONS, steps=400, rate=1e-9, average_every=1)
    watched = StopOptions(every_steps=2, patience=3, least=0.05, cooldown=0.02)
    shown = go_on(run, watched=watched)
    run.options = OPTIONS
    assert run.ended == "converged"
    assert run.step < 40
    assert shown[-1].cooling
    assert [m.step for m in shown] == sorted(m.step for m in shown)
    best = min(run.convergence.history, key=lambda point: point[2])
    assert run.convergence.best == pytest.approx(best[2], abs=1e-4)
    run.use_average()
    kept = HeldOut(sounds(run.spec, 8, 5).astype(np.float32), run.spec)
    assert kept.error_db(kept.regenerate(run.model)) == pytest.approx(best[2], abs=1e-3)


def test_what_is_exported_needs_no_listener(tmp_path, spec, net, ear):
    run = Run(tmp_path, spec, net, LOSS, OPTIONS, ear)
    run.best = [2.0 * mean for mean in run.average]
    run.save()
    deaf = Run(tmp_path, spec, net, LOSS, OPTIONS)
    assert deaf.resume(weights_only=True)
    deaf.use_average()
    run.use_average()
    x = sounds(spec, 2).astype(np.float32).clip(0)
    np.testing.assert_array_equal(deaf.model.encoder(x)[0], run.model.encoder(x)[0])


def test_another_network_is_told(tmp_path, spec, net):
    Run(tmp_path, spec, net, LOSS, OPTIONS).save()
    with pytest.raises(ValueError, match="written by another network or version"):
        Run(tmp_path, spec, replace(net, hidden=8), LOSS, OPTIONS).resume()


def test_weights_gone_astray_are_not_saved(tmp_path, spec, net, monkeypatch):
    run = Run(tmp_path, spec, net, LOSS, OPTIONS)
    run.save()
    before = (tmp_path / "checkpoint.npz").read_bytes()
    monkeypatch.setattr(run.model, "train_on_batch", lambda *a, **k: {"loss": float("nan"), "kl": 1.0})
    features = cache.Joined([sounds(spec)])
    with pytest.raises(FloatingPointError, match="loss became nan at step 0"):
        run.train(features, np.full(24, 1 / 24), AUGMENTED, lambda line: None)
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_batch_is_a_function_of_seed_and_number(spec):
    features = cache.Joined([sounds(spec)])
    weights = np.full(24, 1 / 24)

    def some(first, count):
        batches = data.Batches(features, weights, spec, AUGMENTED, 4, 3, first)
        found = [one for _, one in zip(range(count), batches, strict=False)]
        batches.close()
        return found

    whole, later = some(0, 6), some(4, 2)
    for (a, i), (b, j) in zip(whole[4:], later, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(i, j)
    assert not np.array_equal(whole[0][0], whole[1][0])


def test_trouble_while_batches_are_made_is_told_where_they_are_used(spec):
    class Gone:
        def __len__(self):
            return 4

        def __getitem__(self, index):
            raise OSError("the disk was removed")

    batches = data.Batches(Gone(), np.full(4, 0.25), spec, AUGMENTED, 4, 3)
    with pytest.raises(OSError, match="the disk was removed"):
        next(iter(batches))
    batches.close()
