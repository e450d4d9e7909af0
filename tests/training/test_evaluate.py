"""Figures of a latent space and the draw of sounds to measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ghostnote_training import evaluate
from ghostnote_training.corpus import Item


def test_separate_classes_have_their_own_neighbours():
    rng = np.random.default_rng(0)
    labels = ["a"] * 30 + ["b"] * 10
    apart = rng.standard_normal((40, 3)).astype(np.float32)
    mixed = evaluate.neighbours(apart, labels)
    apart[30:] += 20.0
    assert evaluate.neighbours(apart, labels) == 1.0
    assert mixed < 0.75


def test_small_classes_count_as_much_as_large_ones():
    points = np.float32([[k, 0.0] for k in range(20)] + [[100.0 * k, 500.0] for k in range(6)])
    points[20:, 1] = 0.1
    points[20:, 0] = np.arange(6) * 3.0
    labels = ["large"] * 20 + ["small"] * 6
    by_hand = []
    for name in ("large", "small"):
        rows = [k for k, label in enumerate(labels) if label == name]
        shares = []
        for k in rows:
            order = np.argsort(np.linalg.norm(points - points[k], axis=1), kind="stable")
            shares.append(np.mean([labels[j] == name for j in order if j != k][:5]))
        by_hand.append(np.mean(shares))
    assert evaluate.neighbours(points, labels) == pytest.approx(np.mean(by_hand), abs=0.05)


def test_pick_takes_from_every_group_before_it_takes_twice():
    items = [
        Item(Path(f"{group}{k}"), "drums", "kick", "s", "CC0", group, "")
        for group, count in (("a", 9), ("b", 1), ("c", 2))
        for k in range(count)
    ]
    chosen = evaluate.pick(items, 5, 1)
    assert len(chosen) == 5
    assert {item.group for item in chosen[:3]} == {"a", "b", "c"}
    assert evaluate.pick(items, 5, 1) == chosen
    assert len(evaluate.pick(items, 50, 1)) == 12
