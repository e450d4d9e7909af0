"""The exact sample at which a sound begins, near where its onset was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BEFORE_S = 0.040
"""How far before the frame in which an onset was seen its attack may lie."""
AFTER_S = 0.012
_QUIET_S = 0.010
_LOUD_S = 0.003
_CONTEXT_S = 0.020
_BACK_S = 0.010
_START_SHARE = 1e-4
"""An attack begins where the energy passes this share of its peak (−40 dB), or what was there before."""
_OVER_BEFORE = 1.5
_FLOOR = 1e-7
"""Energy, as a share of the largest nearby, that counts as silence."""


def attack(samples: Float32, rate: int, near: int) -> int:
    """First sample of the attack near sample `near` of a mono signal (n,).

    Found where 3 ms hold most energy against the 10 ms before, in the signal or in its first difference,
    whichever says it more clearly; from there back to the first sample louder than all of the 20 ms before.
    """
    start = near - round(BEFORE_S * rate)
    stop = near + round(AFTER_S * rate)
    around = round((_CONTEXT_S + _BACK_S) * rate) + 1
    piece = _piece(samples, start - around, stop + round(_LOUD_S * rate) + 1)
    best, clearest = near, 0.0
    for signal in (piece, np.diff(piece, prepend=piece[:1])):
        energy = signal * signal
        if not energy.any():
            continue
        at, clear = _steepest(energy, rate, around, around + stop - start)
        if clear > clearest:
            best, clearest = start - around + _first(energy, rate, at), clear
    return min(max(best, 0), max(0, len(samples) - 1))


def _piece(samples: Float32, start: int, stop: int) -> Float64:
    """`samples[start:stop]` with zeros where there are none."""
    out = np.zeros(stop - start)
    low, high = max(0, start), min(len(samples), stop)
    if low < high:
        out[low - start : high - start] = samples[low:high]
    return out


def _steepest(energy: Float64, rate: int, first: int, last: int) -> tuple[int, float]:
    """Where in [first, last) the energy rises by the largest factor, and that factor."""
    quiet, loud = max(1, round(_QUIET_S * rate)), max(1, round(_LOUD_S * rate))
    total = np.concatenate([[0.0], np.cumsum(energy)])
    at = np.arange(first, last)
    before = (total[at] - total[np.maximum(at - quiet, 0)]) / quiet
    after = (total[np.minimum(at + loud, len(energy))] - total[at]) / loud
    floor = _FLOOR * float(after.max()) + np.finfo(np.float64).tiny
    factor = (after + floor) / (np.maximum(before, 0.0) + floor)
    best = int(np.argmax(factor))
    return first + best, float(factor[best])


def _first(energy: Float64, rate: int, at: int) -> int:
    """First sample of the attack whose steepest rise is `at`."""
    back, context = round(_BACK_S * rate), round(_CONTEXT_S * rate)
    before = energy[max(0, at - back - context) : max(0, at - back)]
    until = at + max(1, round(_LOUD_S * rate))
    limit = max(_OVER_BEFORE * float(before.max(initial=0.0)), _START_SHARE * float(energy[at:until].max()))
    from_here = max(0, at - back)
    louder = np.flatnonzero(energy[from_here:until] > limit)
    return from_here + int(louder[0]) if len(louder) else at
