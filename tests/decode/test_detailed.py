"""A model with a detail: nearer to the recording, and the same in the worker as inline."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ghostnote.decode.detailed import Detailed
from ghostnote.decode.worker import DecodeWorker, InlineDecoder
from ghostnote.features import stft
from ghostnote.features.detail import Blend
from ghostnote.telemetry import Telemetry


@pytest.fixture(scope="module")
def recording(model):
    t = np.arange(model.spec.samples) / model.spec.sample_rate
    sound = 0.3 * np.sin(2.0 * np.pi * 700.0 * t) * np.exp(-5.0 * t)
    return stft.magnitudes(sound.astype(np.float32), model.spec)


@pytest.fixture(scope="module")
def texture(model):
    rng = np.random.default_rng(5)
    return rng.standard_normal((model.spec.frames, model.spec.bins)).astype(np.float32)


def level_error(a, b):
    loud = np.maximum(a, b) > 1e-4
    return float(np.abs(np.log((a[loud] + 1e-5) / (b[loud] + 1e-5))).mean())


def test_captured_sound_comes_back(model, recording, texture):
    z, detail = model.capture(recording)
    np.testing.assert_array_equal(z, model.encode(recording))
    alone = model.decode(z, texture)
    errors = [
        level_error(
            recording, Detailed(model, Blend((detail,), (d,)), model.spec).decode(z, texture, deadline_s=9)
        )
        for d in (0.5, 1.0)
    ]
    assert errors[1] < 0.25 * level_error(recording, alone)
    assert errors[1] < errors[0] < level_error(recording, alone)


def test_given_texture_is_left_as_it_was(model, recording, texture):
    z, detail = model.capture(recording)
    before = texture.copy()
    Detailed(model, Blend.of(detail), model.spec).decode(z, texture, deadline_s=9)
    np.testing.assert_array_equal(texture, before)


def test_worker_gives_what_inline_gives(model, recording, texture):
    z, detail = model.capture(recording)
    by = Detailed(model, Blend((detail,), (0.7,)), model.spec)
    worker, inline = DecodeWorker(model, Telemetry()), InlineDecoder(model, Telemetry())
    found = []
    for decoder in (worker, inline):
        assert decoder.submit(1, z, texture, by)
        while (magnitudes := decoder.collect(1)) is None:
            assert not decoder.failed(1)
            time.sleep(0.001)
        found.append(magnitudes)
        decoder.close()
    np.testing.assert_array_equal(found[0], found[1])


def test_deadline_is_the_models_own(model, recording):
    detail = model.capture(recording)[1]
    assert Detailed(model, Blend.of(detail), model.spec).live_deadline_s() == model.live_deadline_s()
