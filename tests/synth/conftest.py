"""Sounds to take apart and put together again: seeded, short, each with one trait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.phase import PhaseBank

RATE = 44100


def seconds(length: float) -> np.ndarray:
    return np.arange(int(length * RATE)) / RATE


def kick() -> np.ndarray:
    t = seconds(0.5)
    sweep = np.sin(2 * np.pi * (50 * t + 6 * (1 - np.exp(-t / 0.03))))
    return (0.8 * sweep * np.exp(-t / 0.12)).astype(np.float32)


def snare() -> np.ndarray:
    t = seconds(0.5)
    noise = np.random.default_rng(1).standard_normal(len(t)) * np.exp(-t / 0.06)
    body = np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.05)
    return (0.2 * noise + 0.5 * body).astype(np.float32)


def hat() -> np.ndarray:
    t = seconds(0.4)
    noise = np.diff(np.random.default_rng(2).standard_normal(len(t) + 1))
    return (0.25 * noise * np.exp(-t / 0.03)).astype(np.float32)


def bell() -> np.ndarray:
    t = seconds(0.8)
    partials = [(523.0, 1.0), (811.0, 0.7), (1307.0, 0.5), (2203.0, 0.4), (3511.0, 0.2)]
    tone = sum(a * np.sin(2 * np.pi * f * t) * np.exp(-t * f / 900) for f, a in partials)
    return (0.3 * tone).astype(np.float32)


def tom() -> np.ndarray:
    t = seconds(0.6)
    tone = np.sin(2 * np.pi * 130 * t) + 0.4 * np.sin(2 * np.pi * 211 * t)
    click = np.random.default_rng(3).standard_normal(len(t)) * np.exp(-t / 0.004)
    return (0.4 * tone * np.exp(-t / 0.15) + 0.1 * click).astype(np.float32)


@pytest.fixture(scope="session")
def sounds() -> dict[str, np.ndarray]:
    """A small drum kit."""
    return {"kick": kick(), "snare": snare(), "hat": hat(), "bell": bell(), "tom": tom()}


@pytest.fixture(scope="session")
def analyse() -> Callable[[PhaseBank, np.ndarray], np.ndarray]:
    """Magnitudes of a sound with one frame for each of the bank's, silence after its end."""

    def magnitudes(bank: PhaseBank, samples: np.ndarray) -> np.ndarray:
        spec = replace(FeatureSpec(), hop=bank.hop)
        frames = len(samples) // bank.hop + 4 * bank.lead
        return stft.magnitudes(samples.astype(np.float32), spec, frames)

    return magnitudes


@pytest.fixture(scope="session")
def play() -> Callable[..., np.ndarray]:
    """Play magnitudes (F, B), a frame for each hop, on a row of a bank, hop by hop, to their last sample."""

    def samples(bank: PhaseBank, magnitudes: np.ndarray, row: int = 0) -> np.ndarray:
        rows = np.array([row])
        silence = np.zeros((bank.start_frames, bank.bins), dtype=np.float32)
        padded = np.concatenate([magnitudes, silence])[None]
        out = [bank.start(rows, padded[:, : bank.start_frames])[0]]
        for j in range(1, len(magnitudes) - bank.lead):
            first = bank.first_frame(j)
            out.append(bank.step(rows, padded[:, first : first + 1 + bank.lookahead])[0])
        return np.concatenate(out)

    return samples


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", ["quality", "low_latency"])
