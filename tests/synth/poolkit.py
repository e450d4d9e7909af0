"""A pool of voices on the test bench, sounds to strike, and what to look at in what is heard."""

from __future__ import annotations

import numpy as np

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.pool import VoicePool
from ghostnote.synth.texture import TextureBank
from ghostnote.synth.voice import Sound, Voice
from ghostnote.telemetry import Telemetry

SPEC = FeatureSpec()
QUANTUM = 64
PARTS = 8
SMOOTHING_S = {"rate": 0.01, "position": 0.02, "tilt": 0.01, "formant": 0.01}
TEXTURES = TextureBank(SPEC, seed=20)


def tone(bin_: int, frames: int = 60, level: float = 0.3) -> Sound:
    """A tone at `bin_` that lasts `frames` frames."""
    magnitudes = np.zeros((SPEC.frames, SPEC.bins), dtype=np.float32)
    shape = np.array([0.1, 0.5, 1.0, 0.5, 0.1], dtype=np.float32)
    magnitudes[:frames, bin_ - 2 : bin_ + 3] = level * shape
    return Sound.of(magnitudes)


def noise(offset: int = 0, level: float = 0.01) -> Sound:
    """Steady noise to the end; a note of it has `offset` for its texture."""
    texture = TEXTURES.take(offset)
    return Sound.of(level * np.exp(texture), texture)


def burst(offset: int = 0, level: float = 0.02, frames: float = 30.0) -> Sound:
    """Noise that dies away and gets darker."""
    texture = TEXTURES.take(offset)
    fall = np.arange(SPEC.frames)[:, None] / frames * np.linspace(1.0, 3.0, SPEC.bins)
    return Sound.of((level * np.exp(-fall) * np.exp(texture)).astype(np.float32), texture)


class Rig:
    """A pool with levels of 1 for every part."""

    def __init__(self, polyphony: int = 16, **heads: float | str) -> None:
        """`heads`: settings of part 1's head."""
        self.telemetry = Telemetry(hold_s=0.0)
        self.pool = VoicePool(
            SPEC, polyphony, QUANTUM, self.telemetry, smoothing_s=SMOOTHING_S, textures=TEXTURES
        )
        self.set(**heads)
        self.levels = np.ones((2, PARTS + 1), dtype=np.float32)
        self.semitones = np.zeros(PARTS + 1, dtype=np.float32)

    def set(self, **heads: float | str) -> None:
        """Change settings of part 1's head."""
        for name, value in heads.items():
            self.pool.heads[1].set(name, value)

    def strike(self, sound: Sound, part: int = 1, limit: int = 16, delay: int = 0, **more: object) -> Voice:
        """Begin a note."""
        made: dict = {"mode": "quality", "velocity": 1.0, "born": 0, **more}
        return self.pool.start(
            lambda row: Voice(row=row, part=part, sound=sound, delay=delay, **made), 0.0, limit
        )

    def quanta(self, count: int) -> np.ndarray:
        """The next quanta, shape (count * QUANTUM, 2)."""
        out = np.empty((count, QUANTUM, 2), dtype=np.float32)
        for block in out:
            self.pool.render(self.levels, self.semitones, block)
        return out.reshape(-1, 2)


def steps(samples: np.ndarray) -> np.ndarray:
    """Sizes of the steps from sample to sample on the left."""
    return np.abs(np.diff(samples[:, 0]))


def centroids_hz(samples: np.ndarray, window: int = 1024, hop: int = 512) -> np.ndarray:
    """Centre of the power spectrum of each window on the left; 0 where it is silent."""
    pieces = np.lib.stride_tricks.sliding_window_view(samples[:, 0], window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces, axis=1)) ** 2
    hertz = np.fft.rfftfreq(window, 1.0 / SPEC.sample_rate)
    return np.where(power.sum(axis=1) > 1e-6, power @ hertz / (power.sum(axis=1) + 1e-12), 0.0)


def periodicity(samples: np.ndarray) -> float:
    """Largest autocorrelation beyond 2 ms on the left: what makes a noise sound like a comb."""
    power = np.abs(np.fft.rfft(samples[:, 0], 2 * len(samples))) ** 2
    correlation = np.fft.irfft(power)[:3000]
    return float(np.abs(correlation[100:]).max() / correlation[0])


def levels_db(samples: np.ndarray, window: int = 1024) -> np.ndarray:
    """Root mean square of windows that lie side by side, in dB."""
    pieces = samples[: len(samples) // window * window, 0].reshape(-1, window).astype(np.float64)
    return 10.0 * np.log10(np.mean(pieces**2, axis=1) + 1e-20)
