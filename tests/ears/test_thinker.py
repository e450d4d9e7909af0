"""Classes of what was heard: what the model says of the beginning alone, and when it is not sure."""

from __future__ import annotations

import numpy as np
import pytest

from bundles import NINE, build_bundle
from ghostnote.decode.model import load
from ghostnote.ears.sounds import UNKNOWN, Question
from ghostnote.ears.thinker import Thinker, heard_magnitudes
from ghostnote.errors import BundleError
from ghostnote.features.spec import FeatureSpec
from ghostnote.features.stft import magnitudes

SPEC = FeatureSpec(frames=86)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(build_bundle(tmp_path_factory.mktemp("bundles") / "tiny", spec=SPEC))


def question(samples: np.ndarray, frames: int, final: bool = True) -> Question:
    needed = (frames - 1) * SPEC.hop + SPEC.n_fft // 2
    return Question(1, 0, needed, frames, final, samples[:needed], needed / SPEC.sample_rate)


def test_what_is_heard_is_the_beginning_of_the_whole_sound_and_then_nothing(model, rng):
    samples = rng.standard_normal(SPEC.samples).astype(np.float32)
    whole = magnitudes(samples, SPEC)
    for frames in (1, 4, 18, 60):
        seen = heard_magnitudes(question(samples, frames), model)
        np.testing.assert_array_equal(seen[:frames], whole[:frames])
        assert not seen[frames:].any()


def test_a_sound_that_goes_on_is_continued_by_its_mirror_image(model, rng):
    samples = rng.standard_normal(1323).astype(np.float32)
    asked = Question(1, 0, 1323, 8, False, samples, 0.03)
    seen = heard_magnitudes(asked, model)
    known = (1323 - SPEC.n_fft // 2) // SPEC.hop + 1
    np.testing.assert_allclose(seen[:known], magnitudes(samples, SPEC)[:known], atol=1e-6)
    whole = np.concatenate([samples, samples[::-1][1:]])
    np.testing.assert_array_equal(seen[:8], magnitudes(whole, SPEC)[:8])
    assert seen[7].any()
    assert not seen[8:].any()


def test_an_answer_is_what_the_model_says(model, rng):
    asked = question(rng.standard_normal(SPEC.samples).astype(np.float32), 9)
    answer = Thinker(model, unknown=0.0).answer(asked)
    expected = model.classify(heard_magnitudes(asked, model))
    np.testing.assert_array_equal(answer.probabilities, expected)
    assert answer.label == NINE[int(expected.argmax())] == NINE[answer.index]
    assert answer.confidence == pytest.approx(float(expected.max()))
    assert answer.age_s == asked.age_s


def test_what_is_not_likely_enough_is_unknown(model, rng):
    asked = question(rng.standard_normal(SPEC.samples).astype(np.float32), 9)
    answer = Thinker(model, unknown=1.0).answer(asked)
    assert (answer.index, answer.label) == (UNKNOWN, "unknown")
    assert 0.0 < answer.confidence < 1.0


def test_a_model_without_a_classifier_is_refused_by_name(tmp_path):
    folder = build_bundle(tmp_path / "dumb", name="dumb", classes=(), spec=SPEC)
    with pytest.raises(BundleError, match="model dumb has no classifier"):
        Thinker(load(folder))


def test_coordinates_are_those_of_the_axes_that_a_model_has(model, rng):
    thinker = Thinker(model)
    assert len(thinker.locate(question(rng.standard_normal(SPEC.samples).astype(np.float32), 9))) == len(
        thinker.axes
    )
