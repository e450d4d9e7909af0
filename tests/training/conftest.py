"""Small geometry and networks, so that training tests take seconds; all are skipped without the extra."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

pytest.importorskip(
    "keras", reason="the extra 'training' is not installed (pip install 'ghostnote[training]')"
)
pytest.importorskip(
    "onnx", reason="the extra 'training' is not installed (pip install 'ghostnote[training]')"
)

from ghostnote.features.spec import FeatureSpec
from ghostnote_training.nets import NetOptions

KERAS_AND_NUMPY = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
"""Keras's own conversion of TensorFlow variables warns under NumPy 2."""


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.training)
            item.add_marker(pytest.mark.filterwarnings(KERAS_AND_NUMPY))


@pytest.fixture(scope="session")
def spec() -> FeatureSpec:
    """32 frames of 33 bins."""
    return FeatureSpec(n_fft=64, hop=16, frames=32)


@pytest.fixture(scope="session")
def net() -> NetOptions:
    """A few thousand parameters."""
    return NetOptions(
        latent=4,
        widths=(16, 16, 12, 12),
        blocks=(1, 1, 1, 1),
        encoder_widths=(16, 16, 12, 12),
        encoder_blocks=(1, 1, 1, 1),
        hidden=16,
        coarse=8,
        linear_bands=10,
        noise_bands=8,
        attack_frames=6,
        attack_channels=4,
        view_bands=12,
        classifier_widths=(8, 8, 8),
        classifier_members=2,
    )


MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="session")
def bundle_dir() -> Path:
    """The shipped drum bundle."""
    return MODELS / "drums"


@pytest.fixture(scope="session", params=sorted(folder.name for folder in MODELS.iterdir()))
def shipped(request: pytest.FixtureRequest) -> Path:
    """Each of the shipped bundles."""
    return MODELS / request.param
