"""When training ends: what counts as better, how the learning rate then falls, and that a state goes on."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from ghostnote_training.convergence import Convergence, HeldOut, StopOptions

OPTIONS = StopOptions(every_steps=10, patience=3, least=0.01, cooldown=0.2)


def fed(errors, options=OPTIONS):
    seen = Convergence(options)
    better = [seen.add(10 * (k + 1), 5.0, error) for k, error in enumerate(errors)]
    return seen, better


def test_a_falling_error_is_never_level():
    seen, better = fed([5.0 * 0.97**k for k in range(40)])
    assert not seen.level
    assert all(better)
    assert seen.best_step == 400


def test_an_error_that_stays_is_level_after_the_patience():
    seen, _ = fed([5.0, 4.0, 4.0, 3.99])
    assert not seen.level
    seen.add(50, 5.0, 3.985)
    assert seen.level
    assert seen.best == 3.985


def test_the_best_is_kept_when_it_rises_again():
    seen, better = fed([5.0, 4.0, 3.0, 3.5, 3.6, 3.7])
    assert better == [True, True, True, False, False, False]
    assert (seen.best, seen.best_step) == (3.0, 30)
    assert seen.level


def test_the_way_to_the_end_is_shorter_after_the_error_is_level():
    seen = Convergence(OPTIONS)
    assert [seen.progress(d) for d in (0.0, 0.4, 1.0)] == [0.0, 0.4, 1.0]
    seen.cooling_from = 0.4
    assert seen.progress(0.4) == pytest.approx(0.4)
    assert seen.progress(0.5) == pytest.approx(0.7)
    assert seen.progress(0.6) == pytest.approx(1.0)
    assert seen.progress(0.601) == 1.0
    ways = [seen.progress(d) for d in np.linspace(0.4, 0.6, 50)]
    assert all(a <= b for a, b in pairwise(ways))


def test_near_the_end_it_is_not_longer():
    seen = Convergence(OPTIONS)
    seen.cooling_from = 0.95
    assert seen.end == 1.0
    assert seen.progress(0.975) == pytest.approx(0.975)
    assert seen.progress(1.0) == 1.0


def test_a_stored_state_goes_on_as_if_nothing_had_happened():
    errors = [5.0, 4.0, 3.9, 3.95, 3.96, 3.97]
    whole, _ = fed(errors)
    first, _ = fed(errors[:3])
    again = Convergence(OPTIONS)
    again.restore(json.loads(json.dumps(first.state())))
    for k, error in enumerate(errors[3:]):
        again.add(10 * (k + 4), 5.0, error)
    assert again.state() == whole.state()
    assert again.level == whole.level


class Halves:
    """A model that gives half of what it is given."""

    def predict_on_batch(self, x):
        return (x * 0.5 - 0.01,)


def test_the_error_is_in_decibels(spec):
    sounds = np.full((20, spec.frames, spec.bins), 0.5, np.float32)
    held_out = HeldOut(sounds, spec, [str(k) for k in range(20)])
    assert len(held_out) == len(held_out.names) == 16
    made = held_out.regenerate(Halves())
    span_db = -20.0 * np.log10(spec.floor)
    assert held_out.error_db(made) == pytest.approx(0.26 * span_db, rel=1e-5)
    assert len(HeldOut(sounds[:3], spec)) == 3
    assert HeldOut(-sounds[:2], spec).regenerate(Halves()).min() == 0.0
