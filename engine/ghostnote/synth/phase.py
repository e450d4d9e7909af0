"""Streaming phase reconstruction: magnitude frames in, samples out, all voices that are due as one batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.rtisi import Grid, Projection

Float32 = NDArray[np.float32]
Rows = NDArray[np.intp]
Mode = Literal["quality", "low_latency"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class PhasePlan:
    """How a mode spends its time.

    `hop_divisor`: hops of the bank in one hop of the model. `lookahead`: frames known beyond the one that a
    step commits. `updated`: newest frames whose phase each iteration changes. `start_iterations`,
    `attack_iterations`, `iterations`: for the first hop, the `attack_hops` after it, and the rest.
    `momentum`: extrapolation between iterations. `window_floor`: least summed squared window to divide by.
    """

    hop_divisor: int
    lookahead: int
    updated: int
    start_iterations: int
    attack_hops: int
    attack_iterations: int
    iterations: int
    momentum: float
    window_floor: float


PLANS: dict[Mode, PhasePlan] = {
    "quality": PhasePlan(1, 3, 5, 20, 3, 6, 4, 0.9, 0.1),
    "low_latency": PhasePlan(2, 1, 3, 20, 6, 6, 4, 0.9, 0.3),
}


class PhaseBank:
    """Phase reconstruction for up to `capacity` voices (rows), after RTISI-LA.

    X. Zhu, G. T. Beauregard and L. L. Wyse, "Real-time signal estimation from modified short-time Fourier
    transform magnitude spectra", IEEE TASLP 15(5), 2007. Three things differ: samples that were given out
    are fixed inside the iteration, instead of frames; the iteration has momentum; and a voice starts with
    all frames of its first hop estimated jointly, its signal being zero before its onset.

    Frames are counted at the bank's hop: frame k is centred on sample `k * hop` of the voice. Output hop j is
    samples [j·hop, (j+1)·hop). `start` yields hop 0 and needs frames 0 … `start_frames` - 1. `step` yields
    hop j ≥ 1 and needs frames j + `lead` … j + `lead` + `lookahead`; `first_frame` tells. Measured in
    the model's frames, the bank's are `frame_step` apart.

    Thread: the render thread only. Realtime-safe: no locks, no logging, no Python loop over voices. A row's
    samples do not depend on the other rows of a call, nor on what the row played before its `start`. Targets
    that are not finite spoil their own row until it starts again.
    """

    def __init__(self, spec: FeatureSpec, mode: Mode = "quality", capacity: int = 32) -> None:
        plan = PLANS[mode]
        self.plan = plan
        self.mode = mode
        self.capacity = capacity
        self.hop = spec.hop // plan.hop_divisor
        self.frame_step = 1.0 / plan.hop_divisor
        self.lookahead = plan.lookahead
        self.bins = spec.bins
        overlap = spec.n_fft // self.hop
        self.lead = overlap // 2
        self.start_frames = self.lead + plan.lookahead + 1
        self._raw = np.float32(1.0 / stft.magnitude_scale(spec.n_fft))
        self._past = plan.updated - plan.lookahead - 1
        self._fixed = self._past * self.hop

        grid = Grid(spec.n_fft, self.hop, plan.updated)
        first = Grid(spec.n_fft, self.hop, self.start_frames)
        self._projection = Projection(grid, capacity)
        self._start = Projection(first, capacity)
        self._ages = np.zeros(capacity, dtype=np.intp)
        self._estimates = np.zeros((capacity, grid.span), dtype=np.float32)
        self._tails = np.zeros((capacity, spec.n_fft - self.hop), dtype=np.float32)
        self._history = np.zeros((capacity, self._past, spec.bins), dtype=np.float32)
        self._targets = np.zeros((capacity, plan.updated, spec.bins), dtype=np.float32)

        floor = np.float32(plan.window_floor)
        self._start_gain: Float32 = np.reciprocal(np.maximum(first.window_power(0, first.frames), floor))
        # Frames before the voice's first do not exist: a row's first hops have fewer windows to divide by.
        newest = grid.frames - self.start_frames
        powers = [grid.window_power(max(newest - age, -overlap), grid.frames) for age in range(self.lead + 1)]
        self._gains: Float32 = np.reciprocal(np.maximum(np.stack(powers), floor))
        onset = spec.n_fft // 2 - self.hop * np.arange(self.start_frames)
        turns = np.outer(onset, np.arange(spec.bins)) / spec.n_fft
        self._onset_phases = np.exp(-2j * np.pi * turns).astype(np.complex64)

    def first_frame(self, hop_index: int) -> int:
        """First frame that the call for output hop `hop_index` needs, counted at the bank's hop."""
        return 0 if hop_index == 0 else hop_index + self.lead

    def start(self, rows: Rows, targets: Float32) -> Float32:
        """Begin voices; whatever the rows played is forgotten.

        `rows`: (n,) distinct row numbers. `targets`: (n, start_frames, bins) linear magnitudes.
        Returns samples [0, hop) of each voice, shape (n, hop).
        """
        hop, plan = self.hop, self.plan
        grid = self._start.grid
        onset = grid.n_fft // 2
        nothing = np.zeros((len(rows), grid.span), dtype=np.float32)
        signal, pieces = self._start.run(
            nothing,
            targets * self._raw,
            None,
            self._start_gain,
            onset,
            plan.start_iterations,
            plan.momentum,
            self._onset_phases,
        )
        # The next step updates frames `kept` …, so its span begins where frame `kept` does.
        kept = self.start_frames - plan.updated + 1
        span = self._projection.grid.span
        self._estimates[rows, : span - hop] = signal[:, kept * hop :]
        self._estimates[rows, span - hop :] = 0.0
        tails = np.zeros((len(rows), self._tails.shape[1]), dtype=np.float32)
        for k in range(kept):
            reach = grid.n_fft - (kept - k) * hop
            if reach > 0:
                tails[:, :reach] += pieces[:, k, grid.n_fft - reach :]
        self._tails[rows] = tails
        self._history[rows] = targets[:, self.start_frames - plan.lookahead - self._past :][:, : self._past]
        self._history[rows] *= self._raw
        self._ages[rows] = 1
        return signal[:, onset : onset + hop].copy()

    def step(self, rows: Rows, targets: Float32) -> Float32:
        """Yield the next hop of started voices.

        `rows`: (n,) distinct row numbers. `targets`: (n, 1 + lookahead, bins) linear magnitudes: the frame
        that is committed now, then the frames to come, which may be other ones at the next step. Frames
        beyond the end of a sound are zeros. Returns samples, shape (n, hop).
        """
        plan = self.plan
        young = self._ages[rows] <= plan.attack_hops
        if plan.attack_iterations == plan.iterations or not young.any():
            return self._advance(rows, targets, plan.iterations)
        if young.all():
            return self._advance(rows, targets, plan.attack_iterations)
        samples = np.empty((len(rows), self.hop), dtype=np.float32)
        samples[young] = self._advance(rows[young], targets[young], plan.attack_iterations)
        samples[~young] = self._advance(rows[~young], targets[~young], plan.iterations)
        return samples

    def _advance(self, rows: Rows, targets: Float32, iterations: int) -> Float32:
        hop, past, fixed = self.hop, self._past, self._fixed
        wanted = self._targets[: len(rows)]
        wanted[:, :past] = self._history[rows]
        np.multiply(targets, self._raw, out=wanted[:, past:])
        ages = self._ages[rows]
        tails = self._tails[rows]
        signal, pieces = self._projection.run(
            self._estimates[rows],
            wanted,
            tails,
            self._gains[np.minimum(ages, self.lead)],
            fixed,
            iterations,
            self.plan.momentum,
        )
        self._estimates[rows, :-hop] = signal[:, hop:]
        self._estimates[rows, -hop:] = 0.0
        tails[:, :-hop] = tails[:, hop:]
        tails[:, -hop:] = 0.0
        tails += pieces[:, 0, hop:]
        self._tails[rows] = tails
        self._history[rows] = wanted[:, 1 : 1 + past]
        self._ages[rows] = ages + 1
        return signal[:, fixed : fixed + hop].copy()
