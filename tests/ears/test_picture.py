"""The numbers for visuals: all there from the start, in one order, and what changes them."""

from __future__ import annotations

import numpy as np
import pytest

from ghostnote.ears.channels import expand, segments
from ghostnote.ears.levels import BANDS, Levels
from ghostnote.ears.picture import Picture
from ghostnote.ears.sounds import Answer, Began

RATE = 44_100


def sine(hz: float, level: float = 1.0, seconds: float = 0.5) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(RATE * seconds)) / RATE)
    return np.stack([wave, 0.5 * wave], axis=1).astype(np.float32)


def test_all_channels_are_there_from_the_start_and_stay_in_order():
    picture = Picture(["kick", "snare"], ["d1", "d2"], [1, 2])
    before = list(picture.values)
    picture.began(Began(1, 0, 10, 2.0))
    picture.answered(Answer(1, 0, 0.03, 1, "snare", 0.8, np.array([0.2, 0.8], dtype=np.float32), False))
    picture.located(np.array([0.5, -1.0], dtype=np.float32))
    picture.hit(2)
    picture.loud(Levels(RATE))
    assert list(picture.values) == before == list(picture.kinds)
    values = picture.values
    assert values["class/index"] == 1
    assert values["class/changes"] == 1
    assert values["onsets"] == 1
    assert values["class/p/snare"] == pytest.approx(0.8)
    assert values["z/d2"] == -1.0
    assert (values["part"], values["part1/onsets"], values["part2/onsets"]) == (2, 0, 1)


def test_values_are_of_the_kind_that_is_told():
    picture = Picture(["kick"], ["d1"], [1])
    picture.loud(Levels(RATE))
    for path, kind in picture.kinds.items():
        assert type(picture.values[path]) is {"i": int, "f": float}[kind], path


def test_nothing_is_heard_at_the_start():
    assert Picture(["kick"], []).values["class/index"] == -1


def test_live_input_has_no_parts():
    assert not [path for path in expand(["kick"], ["d1"], ()) if path.startswith("part1")]


def test_labels_become_parts_of_addresses():
    assert segments(["Hi Hat!", "808", "hi_hat_", "ä"]) == ("hi_hat_", "c808", "hi_hat__2", "_")
    assert len(set(segments(["a b", "a-b", "a_b", "a_b_2"]))) == 4


@pytest.mark.parametrize(("hz", "band"), [(60, 0), (150, 1), (1000, 4), (10_000, 7)])
def test_a_tone_is_in_its_band(hz, band):
    levels = Levels(RATE)
    levels.take(sine(hz, 0.5))
    peak, rms, bands = levels.read()
    assert peak == pytest.approx([0.5, 0.25], rel=0.01)
    assert rms == pytest.approx([0.3536, 0.1768], rel=0.01)
    assert int(bands.argmax()) == band
    assert bands[band] == pytest.approx(0.75 * 0.3536, rel=0.05)


def test_levels_are_of_what_came_in_since_the_last_look():
    levels = Levels(RATE)
    levels.take(sine(100))
    levels.read()
    levels.take(np.zeros((2048, 1), dtype=np.float32))
    peak, rms, bands = levels.read()
    assert not peak.any()
    assert not rms.any()
    assert not bands.any()
    assert len(bands) == BANDS


def test_blocks_of_any_size_and_no_numbers_are_taken():
    whole, cut = Levels(RATE), Levels(RATE)
    sound = sine(300)
    whole.take(sound)
    for at in range(0, len(sound), 77):
        cut.take(sound[at : at + 77])
    for one, other in zip(whole.read(), cut.read(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    whole.take(np.full((10, 2), np.nan, dtype=np.float32))
    assert np.isfinite(whole.read()[2]).all()
