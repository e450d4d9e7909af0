"""Streaming phase reconstruction: magnitude frames in, samples out, all voices that are due as one batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ghostnote.features import stft
from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.onset import OnsetPhases
from ghostnote.synth.rtisi import Grid, Pace, Projection

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]
Rows = NDArray[np.intp]
Mode = Literal["quality", "low_latency"]
MODES: tuple[Mode, ...] = get_args(Mode)

_SLICE = 4
"""Iterations that `PhaseBank.open` does at a time."""


@dataclass(frozen=True)
class PhasePlan:
    """How a mode spends its time.

    `hop_divisor`: hops of the bank in one hop of the model. `lookahead`: frames known beyond the one that a
    step commits. `updated`: newest frames whose phase an iteration changes. `start_iterations` are for a
    voice's first hop, `iterations` for every other. `revisable`: committed frames whose targets may change.
    """

    hop_divisor: int
    lookahead: int
    updated: int
    start_iterations: int
    iterations: int
    pace: Pace
    revisable: int = 0


PLANS: dict[Mode, PhasePlan] = {
    "quality": PhasePlan(1, 3, 5, 16, 3, Pace(0.9, 0.2, 0.3)),
    "low_latency": PhasePlan(2, 1, 4, 16, 2, Pace(0.9, 0.2, 0.1), revisable=2),
}


@dataclass(frozen=True)
class Opening:
    """How n voices begin: `samples` (n, hop) of their first hop, and the state in which it leaves them."""

    samples: Float32
    now: Float32
    before: Float32
    tails: Float32
    history: Float32


class PhaseBank:
    """Phase reconstruction for up to `capacity` voices (rows), after RTISI-LA.

    X. Zhu, G. T. Beauregard and L. L. Wyse, "Real-time signal estimation from modified short-time Fourier
    transform magnitude spectra", IEEE TASLP 15(5), 2007. What differs: inside the iteration the samples that
    were given out are fixed, not only frames; iterations have momentum, which lasts from hop to hop, and
    overshoot; and a voice starts with all frames of its first hop estimated jointly, its signal being zero
    before the onset.

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
        self.revisable = plan.revisable
        overlap = spec.n_fft // self.hop
        self.lead = overlap // 2
        self.start_frames = self.lead + plan.lookahead + 1
        self._raw = np.float32(1.0 / stft.magnitude_scale(spec.n_fft))
        self._past = plan.updated - plan.lookahead - 1
        self._fixed = self._past * self.hop

        grid = Grid(spec.n_fft, self.hop, plan.updated)
        first = Grid(spec.n_fft, self.hop, self.start_frames)
        self._projection = Projection(grid, plan.pace, capacity)
        self._start = Projection(first, plan.pace, capacity)
        self._ages = np.zeros(capacity, dtype=np.intp)
        self._signals = np.zeros((2, capacity, grid.span), dtype=np.float32)
        self._tails = np.zeros((capacity, spec.n_fft - self.hop), dtype=np.float32)
        self._history = np.zeros((capacity, self._past, spec.bins), dtype=np.float32)
        self._targets = np.zeros((capacity, plan.updated, spec.bins), dtype=np.float32)

        floor = np.float32(plan.pace.window_floor)
        self._start_gain: Float32 = np.reciprocal(np.maximum(first.window_power(0, first.frames), floor))
        # Frames before the voice's first do not exist: a row's first hops have fewer windows to divide by.
        newest = grid.frames - self.start_frames
        powers = [grid.window_power(max(newest - age, -overlap), grid.frames) for age in range(self.lead + 1)]
        self._gains: Float32 = np.reciprocal(np.maximum(np.stack(powers), floor))
        self._onset = OnsetPhases(first, spec.sample_rate)

    def first_frame(self, hop_index: int) -> int:
        """First frame that the call for output hop `hop_index` needs, counted at the bank's hop."""
        return 0 if hop_index == 0 else hop_index + self.lead

    def start(self, rows: Rows, targets: Float32) -> Float32:
        """Begin voices; whatever the rows played is forgotten.

        `rows`: (n,) distinct row numbers. `targets`: (n, start_frames, bins) linear magnitudes.
        Returns samples [0, hop) of each voice, shape (n, hop).
        """
        for opening in self.open(targets):
            if opening is not None:
                self.begin(rows, opening)
                return opening.samples
        raise AssertionError("an opening ends with its result")

    def begin(self, rows: Rows, opening: Opening) -> None:
        """Let voices begin as `open` has computed it, perhaps long before; the opening may be used again."""
        self._keep(rows, opening.now, opening.before, opening.tails)
        self._history[rows] = opening.history
        self._ages[rows] = 1

    def open(self, targets: Float32) -> Iterator[Opening | None]:
        """Compute how voices begin, in slices: yields None after each but the last, then the opening.

        `targets`: (n, start_frames, bins) linear magnitudes. Between slices other calls may be made.
        """
        plan, grid = self.plan, self._start.grid
        onset = grid.n_fft // 2
        raw = targets * self._raw
        phases: Complex64 | None = self._onset.guess(raw)
        tails = np.zeros((len(targets), grid.n_fft - self.hop), dtype=np.float32)
        now = np.zeros((len(targets), grid.span), dtype=np.float32)
        before = np.zeros_like(now)
        for done in range(0, plan.start_iterations, _SLICE):
            if done:
                yield None
            count = min(_SLICE, plan.start_iterations - done)
            now, before, pieces = self._start.run(
                now, before, raw, tails, self._start_gain, onset, count, phases
            )
            phases = None
        # The next step updates frames `older` …, so its span begins where that frame does.
        older = self.start_frames - plan.updated + 1
        for k in range(older):
            reach = grid.n_fft - (older - k) * self.hop
            if reach > 0:
                tails[:, :reach] += pieces[:, k, grid.n_fft - reach :]
        yield Opening(
            now[:, onset : onset + self.hop].copy(),
            now[:, older * self.hop :],
            before[:, older * self.hop :],
            tails,
            raw[:, older : older + self._past],
        )

    def step(self, rows: Rows, targets: Float32) -> Float32:
        """Yield the next hop of started voices.

        `rows`: (n,) distinct row numbers. `targets`: (n, 1 + lookahead, bins) linear magnitudes: the frame
        that is committed now, then the frames to come, which may be other ones at the next step. Frames
        beyond the end of a sound are zeros. Returns samples, shape (n, hop).
        """
        hop, past, fixed = self.hop, self._past, self._fixed
        raw = self._targets[: len(rows)]
        raw[:, :past] = self._history[rows]
        np.multiply(targets, self._raw, out=raw[:, past:])
        tails = self._tails[rows]
        gain = self._gains[np.minimum(self._ages[rows], self.lead)]
        first, second = self._signals[:, rows]
        now, before, pieces = self._projection.run(
            first, second, raw, tails, gain, fixed, self.plan.iterations
        )
        tails[:, :-hop] = tails[:, hop:]
        tails[:, -hop:] = 0.0
        tails += pieces[:, 0, hop:]
        self._keep(rows, now[:, hop:], before[:, hop:], tails)
        self._history[rows] = raw[:, 1 : 1 + past]
        self._ages[rows] += 1
        return now[:, fixed : fixed + hop].copy()

    def revise(self, rows: Rows, targets: Float32) -> None:
        """Change the targets of the frames just committed, as far as the next `step` still works on them.

        `rows`: (n,) started rows. `targets`: (n, revisable, bins) linear magnitudes of the `revisable` frames
        before the one that is committed next. A new spectrum is heard that much sooner, at the price of a
        steeper transition; what was given out stays.
        """
        self._history[rows, self._past - self.revisable :] = targets * self._raw

    def _keep(self, rows: Rows, now: Float32, before: Float32, tails: Float32) -> None:
        hop = self.hop
        for signal, latest in zip(self._signals, (now, before), strict=True):
            signal[rows, :-hop] = latest
            signal[rows, -hop:] = 0.0
        self._tails[rows] = tails
