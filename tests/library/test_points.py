"""What a server is told of sounds: ids, paths, and a product that orders by any weights."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnote.library import points
from ghostnote.library.aspects import NAMES, factors, parse_weights, project, scaled, spreads, usual_pitch


@given(
    st.integers(0, 4),
    st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.0]), min_size=len(NAMES), max_size=len(NAMES)),
    st.integers(0, 50),
)
def test_the_product_is_a_constant_less_the_square_of_the_weighted_distance(classes, given_weights, seed):
    values = dict(zip(NAMES, given_weights, strict=True))
    values["latent"] = values["latent"] or 1.0
    weights = parse_weights(",".join(f"{name}={value}" for name, value in values.items()))
    rng = np.random.default_rng(seed)
    numbers = np.abs(rng.standard_normal((40, 6))) * [1, 900, 300, 0.1, 0.5, 1] + [-30, 100, 0, 1e-3, 1e-3, 0]
    numbers[rng.random(40) < 0.4, 2] = 0.0
    usual = usual_pitch(numbers)
    aspects = {
        "latent": rng.standard_normal((40, 5)).astype(np.float32),
        "class": rng.random((40, classes)).astype(np.float32),
        **scaled(numbers, usual),
    }
    by = factors(weights, spreads(aspects), classes)
    told = points.pieces(aspects)
    assert told.shape == (40, points.width(5, classes))
    for row in range(3):
        query = {name: columns[row : row + 1] for name, columns in aspects.items()}
        products = told.astype(np.float64) @ points.asked(query, by, usual, classes)
        exact = np.square(project(aspects, by).astype(np.float64) - project(query, by)).sum(axis=1)
        constant = products + exact
        assert constant == pytest.approx(np.full(40, constant[0]), abs=1e-4 * (1.0 + np.abs(products).max()))
    again = points.aspects_in(told.tolist(), usual, 5, classes)
    assert set(again) == set(aspects)
    for name, columns in aspects.items():
        assert again[name] == pytest.approx(columns, abs=1e-4)


def test_ids_depend_on_content_and_onset_alone():
    made = {points.point_id(content, onset) for content in (b"a" * 20, b"b" * 20) for onset in (0.0, 0.7)}
    assert len(made) == 4
    assert points.point_id(b"a" * 20, 0.7) in made


@pytest.mark.parametrize(
    "path", [b"/a/kick.wav", "/ä/日本.wav".encode(), b"/\xff\xfe/x.wav", b"/bytes:61.wav"]
)
def test_paths_come_back_as_they_were(path):
    text = points.text_of(path)
    assert text.encode("utf-8").decode("utf-8") == text
    assert os.fsencode(points.path_of(text)) == path
