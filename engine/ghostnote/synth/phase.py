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
from ghostnote.synth.rtisi import Grid, Pace, Projection, Rows

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]
Mode = Literal["quality", "low_latency"]
MODES: tuple[Mode, ...] = get_args(Mode)

_SLICE = 4
"""Iterations that `PhaseBank.open` does at a time."""


@dataclass(frozen=True)
class PhasePlan:
    """How a mode spends its time.

    `hop_divisor`: hops of the bank in one hop of the model. `lookahead`: frames known beyond the one that a
    step commits. `updated`: newest frames whose phase an iteration changes. `paces`: those of the iterations
    of each hop but a first, which has `_START`. `revisable`: committed frames whose
    targets may change.
    """

    hop_divisor: int
    lookahead: int
    updated: int
    paces: tuple[Pace, ...]
    revisable: int = 0


PLANS: dict[Mode, PhasePlan] = {
    "quality": PhasePlan(
        1,
        1,
        3,
        (
            Pace((0.93, 0.72), (0.26, 0.24), 0.31),
            Pace((0.81, 0.55), (0.23, 0.40), 0.26, oldest=1),
            Pace((0.77, 1.17), (0.09, 0.10), 0.075),
        ),
    ),
    "low_latency": PhasePlan(2, 1, 4, (Pace((0.9, 0.9), (0.2, 0.2), 0.1),) * 2, revisable=2),
}
_START = (Pace((0.9, 0.9), (0.2, 0.2), 0.3),) * 16


@dataclass(frozen=True)
class Opening:
    """How n voices begin: `samples` (n, hop) of their first hop, and the state in which it leaves them."""

    samples: Float32
    given: Float32
    now: Float32
    before: Float32
    tails: Float32
    history: Float32


class PhaseBank:
    """Phase reconstruction for up to `capacity` voices (rows), after RTISI-LA.

    X. Zhu, G. T. Beauregard and L. L. Wyse, "Real-time signal estimation from modified short-time Fourier
    transform magnitude spectra", IEEE TASLP 15(5), 2007. What differs: inside the iteration the samples that
    were given out are fixed, not only frames; iterations have momentum, which lasts from hop to hop, and
    overshoot, each iteration its own; and a voice starts with all frames of its first hop estimated jointly,
    its signal being zero before the onset.

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
        self._past = plan.updated - plan.lookahead - 1
        self._fixed = self._past * self.hop

        grid = Grid(spec.n_fft, self.hop, plan.updated)
        first = Grid(spec.n_fft, self.hop, self.start_frames)
        # Frames before the voice's first do not exist: a row's first hops have fewer windows to divide by.
        newest = grid.frames - self.start_frames
        powers = [grid.window_power(max(newest - age, -overlap), grid.frames) for age in range(self.lead + 1)]
        power = first.window_power(0, first.frames)
        self._projection = Projection(grid, self._fixed, plan.paces, np.stack(powers), capacity)
        self._start = Projection(first, spec.n_fft // 2, _START, power[None], capacity)
        self._onset = OnsetPhases(first, spec.sample_rate)
        self.onset_share = _shares_after(spec.n_fft, self.hop, self.start_frames)
        self._ages = np.zeros(capacity, dtype=np.intp)
        # Of a row: samples given out that later frames still see, and estimates but for the newest hop.
        kept = grid.span - self._fixed - self.hop
        self._given = np.zeros((capacity, self._fixed), dtype=np.float32)
        self._now = np.zeros((capacity, kept), dtype=np.float32)
        self._before = np.zeros((capacity, kept), dtype=np.float32)
        self._signals = np.zeros((2, capacity, kept + self.hop), dtype=np.float32)
        self._tails = np.zeros((capacity, spec.n_fft - self.hop), dtype=np.float32)
        self._history = np.zeros((capacity, self._past, spec.bins), dtype=np.float32)
        self._targets = np.zeros((capacity, plan.updated, spec.bins), dtype=np.float32)

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
        self._keep(rows, opening.given, opening.now, opening.before, opening.tails, opening.history)
        self._ages[rows] = 1

    def open(self, targets: Float32) -> Iterator[Opening | None]:
        """Compute how voices begin, in slices: yields None after each but the last, then the opening.

        `targets`: (n, start_frames, bins) linear magnitudes. Between slices other calls may be made.
        """
        grid, hop, n = self._start.grid, self.hop, len(targets)
        onset = grid.n_fft // 2
        phases: Complex64 | None = self._onset.guess(targets)
        tails = np.zeros((n, grid.n_fft - hop), dtype=np.float32)
        silence = np.zeros((n, onset), dtype=np.float32)
        now = np.zeros((n, grid.span - onset), dtype=np.float32)
        before = np.zeros_like(now)
        for done in range(0, len(_START), _SLICE):
            if done:
                yield None
            part = slice(done, done + _SLICE)
            now, before, pieces = self._start.run(silence, now, before, targets, tails, 0, part, phases)
            phases = None
        # The next step updates frames `older` …, so its span begins where that frame does.
        older = self.start_frames - self.plan.updated + 1
        for k in range(older):
            reach = grid.n_fft - (older - k) * hop
            if reach > 0:
                tails[:, :reach] += pieces[:, k, grid.n_fft - reach :]
        signal = np.concatenate([silence, now], axis=1)[:, older * hop :]
        free = older * hop + self._fixed - onset
        yield Opening(
            now[:, :hop].copy(),
            signal[:, : self._fixed],
            now[:, free:],
            before[:, free:],
            tails,
            targets[:, older : older + self._past].copy(),
        )

    def step(self, rows: Rows, targets: Float32) -> Float32:
        """Yield the next hop of started voices.

        `rows`: (n,) distinct row numbers. `targets`: (n, 1 + lookahead, bins) linear magnitudes: the frame
        that is committed now, then the frames to come, which may be other ones at the next step. Frames
        beyond the end of a sound are zeros. Returns samples, shape (n, hop).
        """
        n, hop, past = len(rows), self.hop, self._past
        wanted, signals = self._targets[:n], self._signals[:, :n]
        wanted[:, :past] = self._history[rows]
        wanted[:, past:] = targets
        for signal, kept in zip(signals, (self._now, self._before), strict=True):
            signal[:, :-hop] = kept[rows]
            signal[:, -hop:] = 0.0
        given, tails, ages = self._given[rows], self._tails[rows], self._ages[rows]
        young = bool(ages.min() < self.lead)
        now, before, pieces = self._projection.run(
            given, signals[0], signals[1], wanted, tails, ages if young else self.lead
        )
        ending = pieces[:, 0, hop:]
        ending[:, :-hop] += tails[:, hop:]
        samples = now[:, :hop].copy()
        given = np.concatenate([given, samples], axis=1)[:, hop:]
        self._keep(rows, given, now[:, hop:], before[:, hop:], ending, wanted[:, 1 : 1 + past])
        if young:
            self._ages[rows] = np.minimum(ages + 1, self.lead)
        return samples

    def revise(self, rows: Rows, targets: Float32) -> None:
        """Change the targets of the frames just committed, as far as the next `step` still works on them.

        `rows`: (n,) started rows. `targets`: (n, revisable, bins) linear magnitudes of the `revisable` frames
        before the one that is committed next. A new spectrum is heard that much sooner, at the price of a
        steeper transition; what was given out stays.
        """
        self._history[rows, self._past - self.revisable :] = targets

    def copy(self, row: int, to: int) -> None:
        """Let row `to` go on from where `row` is, as if it had played the same until now."""
        for kept in (self._ages, self._given, self._now, self._before, self._tails, self._history):
            kept[to] = kept[row]

    def _keep(
        self, rows: Rows, given: Float32, now: Float32, before: Float32, tails: Float32, history: Float32
    ) -> None:
        self._given[rows] = given
        self._now[rows] = now
        self._before[rows] = before
        self._tails[rows] = tails
        self._history[rows] = history


def _shares_after(n_fft: int, hop: int, frames: int) -> Float32:
    """How much of steady frames is left where nothing sounds before sample 0, shape (frames, 1)."""
    power = np.cumsum(stft.window(n_fft)[::-1].astype(np.float64) ** 2)
    reach = np.minimum(n_fft // 2 + np.arange(frames) * hop, n_fft)
    return np.asarray(np.sqrt(power[reach - 1] / power[-1])[:, None], dtype=np.float32)
