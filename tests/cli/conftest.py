"""Commands in this process: what they print and return, with a small model and a few sound files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import build_bundle
from ghostnote.cli.main import main
from ghostnote.features.spec import FeatureSpec


@dataclass(frozen=True)
class Result:
    """Exit status and both outputs of a command."""

    status: int
    out: str
    err: str


@pytest.fixture
def command(capsys) -> Callable[..., Result]:
    """Run `ghostnote` with these arguments."""

    def run(*arguments: object) -> Result:
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as ended:  # argparse
            status = ended.code or 0
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    return build_bundle(folder, spec=FeatureSpec(frames=86))  # half a second, to be quick


@pytest.fixture(scope="session")
def sounds(tmp_path_factory) -> Path:
    """Two sounds and three files that are none."""
    folder = tmp_path_factory.mktemp("sounds")
    chance = np.random.default_rng(3)
    fall = np.exp(-np.arange(22_050) / 3000)
    soundfile.write(folder / "noise.wav", 0.5 * fall * chance.standard_normal(22_050), 44100)
    soundfile.write(folder / "tone.flac", 0.5 * fall * np.sin(np.arange(22_050) * 0.05), 44100)
    (folder / "text.wav").write_text("this is not a sound")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "silent.wav", np.zeros(1000), 44100)
    return folder
