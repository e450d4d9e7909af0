"""The frame geometry: numbers that must not drift, and what a manifest may say of it."""

from __future__ import annotations

import pytest

from ghostnote.errors import BundleError
from ghostnote.features.spec import FeatureSpec


def test_shipped_geometry_is_two_seconds_at_44100():
    spec = FeatureSpec()
    assert (spec.bins, spec.samples) == (513, 88064)
    assert spec.duration_s == pytest.approx(1.9969, abs=1e-4)


def test_dict_round_trip():
    spec = FeatureSpec(sample_rate=48000, n_fft=512, hop=128, frames=10, floor=1e-4)
    assert FeatureSpec.from_dict(spec.as_dict()) == spec


@pytest.mark.parametrize("change", [{"hops": 2}, {"hop": None}])
def test_unknown_or_missing_keys_are_named(change):
    values = FeatureSpec().as_dict()
    for key, value in change.items():
        if value is None:
            del values[key]
        else:
            values[key] = value
    with pytest.raises(BundleError, match=next(iter(change))):
        FeatureSpec.from_dict(values)
