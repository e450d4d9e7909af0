"""Another model while notes sound: no click, no hole, and offline the same samples."""

from __future__ import annotations

import os

import numpy as np
import pytest

from bundles import build_bundle
from core.enginekit import DELAY, RATE, Bench, entry, rendered
from ghostnote.core.engine import QUANTUM
from ghostnote.core.instrument import Instrument
from ghostnote.core.sounds import CROSSFADE_S, WAIT_S
from ghostnote.decode.model import Model, load
from ghostnote.synth.phase import MODES

NOTE = 290
"""Quanta from one hit to the next (421 ms)."""
STRUCK = range(56, 85)
"""Quanta from a hit to the swap, each hit another number."""
CROSSED = DELAY + round((WAIT_S + CROSSFADE_S) * RATE / QUANTUM) + 4
LEVEL_S = 0.1
"""In such stretches levels are compared."""
PARTS = (1, 2, 3, 4, 7, 8)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Model]:
    """Two models whose sounds differ in pitch, level and decay, of another latent size too."""
    folder = tmp_path_factory.mktemp("bundles")
    return {
        "one": load(build_bundle(folder / "one", name="one")),
        "two": load(build_bundle(folder / "two", name="two", seed=3, latent_size=32)),
    }


class Set:
    """Hits, one at a time, each with a chance of its own, in one of the two models."""

    def __init__(self, models: dict[str, Model], hits: int, mode: str = "quality") -> None:
        self._models = models
        self._hits = hits
        self._mode = mode

    def play(self, first: str, second: str, by_part: bool = False) -> np.ndarray:
        """Samples (hits, NOTE * QUANTUM): at each hit `first` plays, and `second` from some moment on."""
        bench = Bench(self._models["one"], load_model=self._models.__getitem__)
        bench.now("model/add", "two")
        bench.now("synth/mode", self._mode)
        for part in PARTS:
            bench.now(f"part{part}/variance", 0.4)
        played = []
        for hit in range(self._hits):
            part = PARTS[hit % len(PARTS)]
            bench.now("panic")
            # Back and forth: every second swap goes the other way.
            here, there = (first, second) if hit % 2 == 0 else (second, first)
            self._go(bench, part, here, by_part)
            bench.quanta(12 + 8 * DELAY)
            bench.now(f"part{part}/hit")
            struck = bench.quanta(swapped_at(hit))
            self._go(bench, part, there, by_part)
            played.append(np.concatenate([struck, bench.quanta(NOTE - swapped_at(hit))])[:, 0])
        assert "decode_failed" not in bench.counts
        return np.stack(played)

    def _go(self, bench: Bench, part: int, name: str, by_part: bool) -> None:
        if by_part:
            bench.now(f"part{part}/model", name)
        else:
            bench.now("model/use", name)


def swapped_at(hit: int) -> int:
    """Quantum of a note in which the model changes."""
    return STRUCK[hit % len(STRUCK)]


def levels(sound: np.ndarray) -> np.ndarray:
    """Mean squares of stretches that overlap, shape (hits, stretches)."""
    length, step = round(LEVEL_S * RATE), 220
    total = np.cumsum(np.square(sound, dtype=np.float64), axis=1)
    return (total[:, length::step] - total[:, :-length:step]) / length


def compare(models: dict[str, Model], hits: int, mode: str, by_part: bool) -> tuple[float, float]:
    """Largest step while notes cross over, and the least level in dB.

    The step is in parts of the 99.9th percentile of the programme's steps, or of the largest step that one
    of the two models alone makes in the same moments, where that is larger.
    """
    play = Set(models, hits, mode).play
    one, two, swapped = play("one", "one"), play("two", "two"), play("one", "two", by_part)
    odd = (np.arange(hits) % 2 == 1)[:, None]
    old, new = np.where(odd, two, one), np.where(odd, one, two)
    begin = np.array([swapped_at(hit) * QUANTUM for hit in range(hits)])[:, None]
    samples = np.arange(old.shape[1])[None, :]
    crossing = (samples >= begin) & (samples < begin + CROSSED * QUANTUM)
    usual = np.quantile(np.abs(np.diff(np.concatenate([one, two]), axis=1)), 0.999)
    largest = [
        (np.abs(np.diff(sound, axis=1)) * crossing[:, 1:]).max(axis=1) for sound in (old, new, swapped)
    ]
    step = (largest[2] / np.maximum(usual, np.maximum(largest[0], largest[1]))).max()
    angle = np.clip(((samples - begin - DELAY * QUANTUM) / RATE - WAIT_S) / CROSSFADE_S, 0.0, 1.0) * np.pi / 2
    expected = levels(old * np.cos(angle)) + levels(new * np.sin(angle))
    assert np.array_equal(swapped[samples < begin], old[samples < begin])
    least = 10.0 * np.log10((levels(swapped) / np.maximum(expected, 1e-12))[expected > 1e-6].min())
    return float(step), float(least)


@pytest.mark.parametrize("by_part", [False, True], ids=["main", "part"])
@pytest.mark.parametrize("mode", MODES)
def test_nothing_clicks_and_nothing_dips(models, mode, by_part):
    step, least = compare(models, 12, mode, by_part)
    assert step < 1.02
    assert least > -3.0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", MODES)
def test_a_thousand_swaps(models, mode):
    step, least = compare(models, int(os.environ.get("GHOSTNOTE_SWAPS", "1000")), mode, by_part=False)
    assert step < 1.02
    assert least > -3.0


def test_swaps_that_follow_each_other_at_once_stay_smooth(models):
    """Faster than any crossfade, with many notes: rows run out, and what cannot cross over is replaced."""
    bench = Bench(models["one"], load_model=models.__getitem__)
    bench.now("model/add", "two")
    for part in range(1, 9):
        bench.now(f"part{part}/hit", 0.4)
        bench.now(f"part{part}/note", 60 + part, 0.4)
    bench.quanta(60)
    calm = np.abs(np.diff(bench.quanta(40), axis=0)).max()
    sound = []
    for swap in range(30):
        bench.now("model/use", ("two", "one")[swap % 2])
        sound.append(bench.quanta(3 + swap % 14))
    sound.append(bench.quanta(150))
    heard = np.concatenate(sound)
    assert np.isfinite(heard).all()
    assert np.abs(np.diff(heard, axis=0)).max() < 2.0 * calm
    number = bench.engine.models.main.number
    assert {voice.sound.model for voice in bench.voices} == {number}


def test_a_render_plays_the_swaps_as_they_were_played(models):
    folders = {str(model.folder): model for model in models.values()}
    bench = Bench(models["one"], load_model={**models, **folders}.__getitem__)
    instrument = Instrument(bench.engine, RATE)
    heard = np.empty((40, 1024, 2), dtype=np.float32)
    names = list(folders)
    for k, block in enumerate(heard):
        instrument.read(block)
        bench.now(f"part{1 + k % 3}/hit", 0.5)
        if k % 4 == 1:
            bench.now("model/use", names[(k // 4 + 1) % 2], 1, 6 + k % 9, 2)
        if k % 7 == 5:
            bench.now("part2/model", ("two", "")[k % 2])
    log = [entry(a.at / RATE, a.addr.removeprefix("/gn/"), *a.args) for a in bench.applied]
    again = rendered(models["one"], log, seconds=heard.shape[0] * 1024 / RATE, decode_delay=DELAY)
    assert np.array_equal(again, heard.reshape(-1, 2))
