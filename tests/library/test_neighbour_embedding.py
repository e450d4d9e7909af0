"""Points in two dimensions: neighbours stay neighbours, sums are those of the definition, no chance."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.library import all_nearest, map_quality
from ghostnote.library import neighbour_embedding as embedding
from ghostnote.library.map_placing import Field, apart, place
from mapkit import clusters


@pytest.fixture(scope="module")
def points():
    return clusters(1, 12, 40)


@pytest.fixture(scope="module")
def places(points):
    return embedding.embed(points)


def trust(points, places):
    return map_quality.measure(points, places.astype(np.float32), np.arange(len(points)))


def test_neighbours_are_kept_better_than_by_principal_components(points, places):
    drawn, flat = trust(points, places), trust(points, embedding.principal(points))
    assert drawn[0] > flat[0] + 0.015
    assert drawn[1] > 1.4 * flat[1]


def test_the_same_points_have_the_same_places(points, places):
    assert np.array_equal(embedding.embed(points), places)


@pytest.mark.parametrize("count", [0, 1, 2, 3, embedding.FEWEST - 1, embedding.FEWEST, 20])
def test_few_points_have_places_of_their_own(points, count):
    found = embedding.embed(points[:count])
    assert found.shape == (count, 2)
    assert np.isfinite(found).all()
    assert len(np.unique(found, axis=0)) == count


@pytest.mark.parametrize("size", [1, 2])
def test_few_dimensions(size):
    found = embedding.embed(np.arange(30 * size, dtype=np.float32).reshape(30, size))
    assert np.isfinite(found).all()
    assert len(np.unique(found, axis=0)) == 30


def test_steps_are_told(points):
    told = []
    embedding.embed(points[:30], lambda done, total: told.append((done, total)))
    assert told[-1] == (embedding.STEPS, embedding.STEPS)
    assert [done for done, _ in told] == list(range(1, embedding.STEPS + 1))


@pytest.mark.parametrize("span", [1.0, 3.0, 60.0, 150.0])
def test_repulsion_is_the_sum_over_all_pairs(rng, span):
    y = span * (rng.random((400, 2)) - 0.5)
    force, total = embedding.Grid().repulsion(y)
    towards = y[:, np.newaxis] - y
    near = 1.0 / (1.0 + np.square(towards).sum(axis=2))
    exact = (near[:, :, np.newaxis] ** 2 * towards).sum(axis=1)
    assert total == pytest.approx(near.sum() - len(y), rel=0.02)
    assert np.linalg.norm(force - exact) < 0.06 * np.linalg.norm(exact)


def test_rows_of_probabilities_have_the_perplexity(rng):
    chances = embedding.calibrated(rng.random((50, 40)).astype(np.float32), 7.0)
    assert chances.sum(axis=1) == pytest.approx(1.0)
    assert np.exp(-(chances * np.log(chances)).sum(axis=1)) == pytest.approx(7.0, rel=1e-3)


def test_attraction_is_symmetric_and_sums_to_one(points):
    edges = embedding.attraction(*all_nearest.nearest(points, points, 20, itself=False))
    here = np.repeat(np.arange(len(points)), np.diff(edges.at))
    table = np.zeros((len(points), len(points)))
    table[here, edges.other] = edges.strength
    assert table.sum() == pytest.approx(1.0)
    assert np.allclose(table, table.T)


@pytest.mark.parametrize("block", [1, 1 << 14, 1 << 26])
def test_nearest_are_the_nearest(rng, monkeypatch, block):
    monkeypatch.setattr(all_nearest, "BLOCK_BYTES", block)
    points, among = (100 + rng.standard_normal((n, 5)).astype(np.float32) for n in (30, 70))
    others, squares = all_nearest.nearest(points, among, 6)
    exact = np.square(points[:, np.newaxis].astype(np.float64) - among).sum(axis=2)
    assert np.array_equal(others, exact.argsort(axis=1)[:, :6])
    assert np.allclose(squares, np.sort(exact, axis=1)[:, :6], rtol=1e-4)


def test_nearest_without_itself(rng):
    points = rng.standard_normal((20, 3)).astype(np.float32)
    others, squares = all_nearest.nearest(points, points, 19, itself=False)
    assert all(sorted([k, *row]) == list(range(20)) for k, row in enumerate(others.tolist()))
    assert (squares > 0.0).all()


def test_quality_of_a_true_and_of_a_random_picture(rng):
    places = rng.random((300, 2)).astype(np.float32)
    every = np.arange(300)
    assert map_quality.measure(places, places, every) == pytest.approx((1.0, 1.0))
    random = map_quality.measure(places, rng.random((300, 2)).astype(np.float32), every)
    assert random == pytest.approx((0.5, 10 / 299), abs=0.05)


def test_new_points_come_among_their_like(points, places):
    rng = np.random.default_rng(7)
    centres = points.reshape(12, 40, -1).mean(axis=1)
    new = (centres[:, np.newaxis] + 0.5 * rng.standard_normal((12, 20, 64))).reshape(-1, 64)
    found = place(points, places, new.astype(np.float32), 1)
    middles = places.reshape(12, 40, 2).mean(axis=1)
    chosen = np.linalg.norm(found[:, np.newaxis] - middles, axis=2).argmin(axis=1)
    assert (chosen == np.repeat(np.arange(12), 20)).mean() > 0.95


@pytest.mark.parametrize("count", [1, 2, 5])
def test_new_points_beside_very_few(points, places, count):
    found = place(points[:count], places[:count], points[100:130], 1)
    assert np.isfinite(found).all()
    assert np.abs(found - places[:count].mean(axis=0)).max() < 40.0


def test_more_points_than_are_looked_at(points, places, monkeypatch):
    monkeypatch.setattr("ghostnote.library.map_placing.REFERENCES", 50)
    monkeypatch.setattr("ghostnote.library.map_placing.ROUND", 64)
    found = [place(points[:200], places[:200], points[200:], 3) for _ in range(2)]
    assert np.array_equal(*found)
    assert np.isfinite(found[0]).all()


def test_a_field_pushes_away(places):
    field = Field(places)
    outside = places.max(axis=0) + 3.0
    assert (field.push(outside[np.newaxis]) > 0.0).all()
    assert (field.inside(outside[np.newaxis] + 100.0) < outside + 10.0).all()


def test_no_place_is_taken_twice(rng):
    taken = rng.random((50, 2)).astype(np.float32)
    wanted = np.concatenate(
        [taken[:20], taken[:20], np.zeros((30, 2), np.float32), np.ones((30, 2), np.float32)]
    )
    found = apart(wanted, taken)
    both = np.concatenate([taken, found])
    assert len(np.unique(both, axis=0)) == len(both)
    assert np.abs(found - wanted).max() < 0.01
    assert ((found >= 0.0) & (found <= 1.0)).all()
