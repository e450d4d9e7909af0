"""What a sound begins with: the phases of a click, or of a noise burst, by how its first frames fall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ghostnote.features import stft
from ghostnote.synth.rtisi import Grid

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]

GUESSES_S = ((0.0, 0.0), (0.001, 0.0), (0.0, 0.005))
"""Delay and decay of the sounds to choose from; decay 0 is a click. Recordings start 1 ms before the hit."""
_DEEPEST = -6.0
"""How far below a sound's loudest frame differences count, in nepers."""


class OnsetPhases:
    """First guesses at the phases of a sound that begins on sample 0.

    A click as the first guess leaves hats with peaks up to 7 dB too high; a burst smears a click over 3 ms.
    How fast the levels of the first frames fall tells which it is. Thread: any. Realtime-safe: no locks.
    """

    def __init__(self, grid: Grid, sample_rate: int) -> None:
        """Prepare guesses for sounds whose first frame is centred on sample 0, in frames of `grid`."""
        window = stft.window(grid.n_fft)
        onset = grid.n_fft // 2
        since = np.arange(grid.span - onset) / sample_rate
        noise = np.random.default_rng(0).standard_normal(len(since))
        phases, levels = [], []
        for delay_s, decay_s in GUESSES_S:
            late = int(delay_s * sample_rate)
            fall = np.exp(-since / decay_s) if decay_s else np.where(since == 0.0, 1.0, 0.0)
            envelope = np.concatenate([np.zeros(late), fall[: len(fall) - late]])
            signal, power = np.zeros(grid.span), np.zeros(grid.span)
            signal[onset:] = noise * envelope
            power[onset:] = envelope**2
            spectrum = fft.rfft(_frames(signal, grid) * window, axis=-1)
            phases.append(spectrum / np.maximum(np.abs(spectrum), 1e-12))
            levels.append(0.5 * np.log(np.maximum((_frames(power, grid) * window**2).sum(axis=1), 1e-12)))
        self._phases = np.stack(phases).astype(np.complex64)
        self._levels = _relative(np.stack(levels))

    def guess(self, targets: Float32) -> Complex64:
        """Unit phases (n, frames, bins) for magnitudes of the same shape."""
        loudest = targets.max(axis=(1, 2), keepdims=True)
        levels = _relative(np.log(np.maximum(targets, 1e-6 * loudest + 1e-12)).mean(axis=2))
        off = np.square(levels[:, None] - self._levels) * np.exp(levels)[:, None]
        choice: Complex64 = self._phases[off.sum(axis=2).argmin(axis=1)]
        return choice


def _relative(levels: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.maximum(levels - levels.max(axis=1, keepdims=True), _DEEPEST))


def _frames(signal: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    return np.lib.stride_tricks.sliding_window_view(signal, grid.n_fft)[:: grid.hop]
