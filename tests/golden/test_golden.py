"""One fixed performance: a change of sound must be meant.

The first moments are compared sample by sample. After that the phase reconstruction makes more and more
of the last bit in which processors differ (docs/decisions/0170-golden-by-ear.md), so the whole is compared
by the levels of its bands. After a change that is meant run
`GHOSTNOTE_REGENERATE=1 python -m pytest tests/golden`,
listen to `tests/golden/piece.actual.wav`, and commit `piece.npz`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import build_bundle
from ghostnote.core.control_log import read_log
from ghostnote.core.render import RenderOptions, render
from ghostnote.decode.model import load

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "piece.npz"
ACTUAL = FOLDER / "piece.actual.npz"
HEARD = FOLDER / "piece.actual.wav"
RATE = 44100
SECONDS = 0.55
EXACT_S = 0.06
EXACT_DB = -65.0
BANDS_DB = 0.15
FLOOR_DB = -50.0


def played(folder: Path) -> np.ndarray:
    model = load(build_bundle(folder / "tiny"))
    blocks = list(render(model, read_log(FOLDER / "piece.jsonl"), RenderOptions(seconds=SECONDS)))
    return np.concatenate(blocks)


def stored() -> np.ndarray:
    with np.load(EXPECTED) as file:
        return file["samples"].astype(np.float32) / 32767


def keep(path: Path, samples: np.ndarray) -> None:
    np.savez_compressed(path, samples=np.round(samples * 32767).astype(np.int16))
    soundfile.write(HEARD, samples, RATE)


def error_db(actual: np.ndarray, expected: np.ndarray) -> float:
    """Energy of the difference against that of what was expected."""
    return 10.0 * np.log10(np.mean((actual - expected) ** 2) / np.mean(expected**2) + 1e-12)


def bands(samples: np.ndarray) -> np.ndarray:
    """Energy in 24 bands of each channel, every 256 samples."""
    edges = np.unique(np.round(np.geomspace(2, 1024, 25)).astype(int))
    window = np.hanning(2048)[:, None]
    starts = range(0, len(samples) - 2048, 256)
    power = np.array([np.abs(np.fft.rfft(samples[k : k + 2048] * window, axis=0)) ** 2 for k in starts])
    return np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)


def bands_db(actual: np.ndarray, expected: np.ndarray) -> float:
    """Mean difference of the bands' levels, of those that can be heard."""
    one, other = bands(actual), bands(expected)
    floor = other.max() * 10.0 ** (FLOOR_DB / 10.0)
    heard = (one > floor) | (other > floor)
    return float(np.mean(np.abs(10.0 * np.log10((one + floor) / (other + floor)))[heard]))


def test_the_piece_sounds_as_it_did(tmp_path):
    samples = played(tmp_path)
    if os.environ.get("GHOSTNOTE_REGENERATE"):
        keep(EXPECTED, samples)
        pytest.skip(f"wrote {EXPECTED.name} anew")
    expected, exact = stored(), round(EXACT_S * RATE)
    assert samples.shape == expected.shape
    early, whole = error_db(samples[:exact], expected[:exact]), bands_db(samples, expected)
    if early > EXACT_DB or whole > BANDS_DB:
        keep(ACTUAL, samples)
        pytest.fail(
            f"the first {1000 * EXACT_S:.0f} ms differ by {early:.1f} dB (limit {EXACT_DB:.0f}),"
            f" the levels of all bands by {whole:.2f} dB (limit {BANDS_DB});"
            f" {ACTUAL.name} and {HEARD.name} have it as it is now"
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda x: np.roll(x, 16, axis=0),
        lambda x: x * 10 ** (0.25 / 20),
        lambda x: x[:, ::-1],
        lambda x: np.concatenate([x[: RATE // 4], 0.9 * x[RATE // 4 :]]),
        lambda x: x * np.linspace(1.0, 0.9, len(x), dtype=np.float32)[:, None],
    ],
    ids=["later", "louder", "sides", "second half", "fading"],
)
def test_a_change_would_be_noticed(change):
    expected, exact = stored(), round(EXACT_S * RATE)
    changed = change(expected)
    noticed = error_db(changed[:exact], expected[:exact]) > EXACT_DB
    assert noticed or bands_db(changed, expected) > BANDS_DB


def test_the_piece_has_something_of_everything():
    """Otherwise a silent engine could pass once the file was made anew."""
    expected = stored()
    windows = expected[: len(expected) // 2048 * 2048].reshape(-1, 2048, 2)
    levels = np.sqrt(np.mean(windows**2, axis=(1, 2)))
    assert levels.max() > 0.05
    assert np.all(levels[1:-3] > 1e-3)
    assert np.abs(expected).max() < 0.97
    assert not np.allclose(expected[:, 0], expected[:, 1], atol=1e-3)
    assert EXPECTED.stat().st_size < 200_000
