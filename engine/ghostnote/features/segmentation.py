"""Cuts long recordings into sounds: where each begins, and how long it rings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostnote.errors import AudioFileError, UsageError
from ghostnote.features.onset_attack import attack
from ghostnote.features.onset_bands import MAX_RATE_HZ, MIN_RATE_HZ, Bands, Rise

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

SILENT_DB = -80.0
"""A recording whose peak (1 = full scale) is below this holds no sound."""
FLOOR_DB = -70.0
"""Levels in a band that are this far below the recording's peak count as silence."""
RING_DB = -60.0
"""A sound has died away where it stays this far below its own peak."""
HOLD_S = 0.02
"""So much is kept after the last sample that still rings."""
PRE_ROLL_S = 0.001
"""Sounds are cut this long before their attack."""

_THRESHOLD = 0.6
_RANGE = 4.0
"""The threshold at sensitivity 0, relative to that at 0.5; at 1 it is the inverse."""
_AROUND_S = 0.5
_SPREADS = 4.0
"""What is usual nearby: the median, and so many times its distance from the upper quartile above it."""
_PEAK_S = 0.025
_BEGINNING_S = 3.0
_BEGINNING_SHARE = 0.6
_BEGINNING_DB = 6.0
"""Nothing is known of what was before a recording: it begins with an onset where bands stand so far above
what is usual (that quantile) in its first seconds."""
_BLOCK = 4096


@dataclass(frozen=True)
class SegmentOptions:
    """How recordings are cut.

    `sensitivity` from 0 (only clear attacks) to 1 (everything that rises); onsets closer than `min_gap_s`
    count as one; sounds are at most `max_length_s` long, and those shorter than `min_length_s` are left out;
    `fade_s` is the fade at an end where the sound still rings (`cut`). Raises UsageError.
    """

    sensitivity: float = 0.5
    min_gap_s: float = 0.06
    max_length_s: float = 2.0
    min_length_s: float = 0.05
    fade_s: float = 0.01

    def __post_init__(self) -> None:
        _within("sensitivity", self.sensitivity, 0.0, 1.0)
        _within("min_gap_s", self.min_gap_s, 0.01, 10.0)
        _within("max_length_s", self.max_length_s, 0.02, 600.0)
        _within("min_length_s", self.min_length_s, 0.0, self.max_length_s)
        _within("fade_s", self.fade_s, 0.0, self.max_length_s)


@dataclass(frozen=True)
class Segment:
    """One sound of a recording: samples `start` to `end` (excluded)."""

    start: int
    end: int


def onsets(samples: Float32, rate: int, options: SegmentOptions | None = None) -> Int64:
    """First samples of the sounds that begin in a mono recording, ascending, shape (k,).

    `samples`: shape (n,), any n, finite. A recording that begins amid a steady sound has no onset at 0. The
    result does not depend on the recording's level. Raises AudioFileError for NaN or infinity, UsageError
    for other shapes and for rates outside 1 to 384 kHz.
    """
    options = options or SegmentOptions()
    peak = _check(samples, rate)
    if peak < 10.0 ** (SILENT_DB / 20.0):
        return np.zeros(0, dtype=np.int64)
    bands = Bands(rate)
    strength = onset_strength(samples, bands, peak)
    threshold = _THRESHOLD * _RANGE ** (1.0 - 2.0 * options.sensitivity)
    frames = peaks(strength, threshold, round(rate * options.min_gap_s / bands.hop), bands)
    found = sorted({attack(samples, rate, int(frame) * bands.hop) for frame in frames})
    return _apart(np.array(found, dtype=np.int64), round(options.min_gap_s * rate))


def segments(samples: Float32, rate: int, options: SegmentOptions | None = None) -> list[Segment]:
    """The sounds of a mono recording, shape (n,), in the order in which they begin.

    Each starts 1 ms before its attack and lasts while it rings, at most until the next one or for
    `options.max_length_s`. A recording that is not silent but has no onset is one sound, from where it is
    first heard. Raises what `onsets` raises.
    """
    options = options or SegmentOptions()
    starts = np.maximum(onsets(samples, rate, options) - round(PRE_ROLL_S * rate), 0)
    if not len(starts):
        heard = np.flatnonzero(np.abs(samples) >= 10.0 ** (SILENT_DB / 20.0))
        starts = heard[:1].astype(np.int64)
    most, least = round(options.max_length_s * rate), round(options.min_length_s * rate)
    held = round(HOLD_S * rate)
    ends = np.minimum(np.append(starts[1:], len(samples)), starts + most)
    found = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        rung = start + max(_rings(samples[start:end]) + held, least)
        segment = Segment(start, min(rung, end))
        if segment.end - segment.start >= max(least, 1):
            found.append(segment)
    return found


def cut(samples: Float32, rate: int, segment: Segment, options: SegmentOptions | None = None) -> Float32:
    """A copy of one sound of a recording, faded out over its last `options.fade_s`, shape (end - start,)."""
    options = options or SegmentOptions()
    piece = np.array(samples[segment.start : segment.end], dtype=np.float32)
    fade = min(len(piece), round(options.fade_s * rate))
    if fade:
        piece[-fade:] *= np.cos(np.linspace(0.0, np.pi / 2.0, fade, dtype=np.float32)) ** 2
    return piece


def onset_strength(samples: Float32, bands: Bands, peak: float, rise: Rise | None = None) -> Float32:
    """Onset strength of each frame of a recording whose largest sample is `peak`, shape (frames,).

    Works in blocks, so that its memory does not grow with the recording by more than the result.
    """
    rise = rise or Rise()
    count = -(-len(samples) // bands.hop) + 1
    floor = np.float32(10.0 ** (FLOOR_DB / 10.0))
    scale = np.float32(1.0 / peak)

    def levels(first: int, last: int) -> Float32:
        start = first * bands.hop - bands.n_fft // 2
        stop = (last - 1) * bands.hop + bands.n_fft // 2
        frames = np.lib.stride_tricks.sliding_window_view(
            _mirrored(samples, start, stop) * scale, bands.n_fft
        )[:: bands.hop]
        return np.asarray(10.0 * np.log10(bands.powers(frames) + floor), dtype=np.float32)

    out = np.empty(count, dtype=np.float32)
    before: Float32 | None = None
    for first in range(0, count, _BLOCK):
        here = levels(first, min(count, first + _BLOCK))
        if before is None:
            opening = max(1, round(_BEGINNING_S * bands.rate / bands.hop))
            usual = np.quantile(here[:opening], _BEGINNING_SHARE, axis=0) + _BEGINNING_DB
            before = np.repeat(usual[np.newaxis].astype(np.float32), rise.history, axis=0)
        together = np.concatenate([before, here])
        out[first : first + len(here)] = rise.strength(together, bands.spread_db)
        before = together[-rise.history :]
    return out


def peaks(strength: Float32, threshold: float, gap: int, bands: Bands) -> Int64:
    """Frames whose onset strength is `threshold` over the usual one, the largest within `gap` frames."""
    around = max(1, round(_AROUND_S * bands.rate / bands.hop))
    near = max(1, round(_PEAK_S * bands.rate / bands.hop))
    over = strength - _usual(strength, around)
    local = np.lib.stride_tricks.sliding_window_view(
        np.pad(over, near, constant_values=-np.inf), 2 * near + 1
    ).max(axis=-1)
    candidates = np.flatnonzero((over >= threshold) & (over == local))
    free = np.ones(len(strength), dtype=bool)
    taken = []
    for frame in candidates[np.argsort(-over[candidates], kind="stable")].tolist():
        if free[frame]:
            taken.append(frame)
            free[max(0, frame - gap + 1) : frame + gap] = False
    return np.array(sorted(taken), dtype=np.int64)


def _mirrored(samples: Float32, start: int, stop: int) -> Float32:
    """`samples[start:stop]`, mirrored where there are none: an end cut hard would be a click."""
    low, high = min(max(0, start), len(samples)), max(0, min(len(samples), stop))
    outside = np.concatenate([np.arange(start, low), np.arange(max(low, high), stop)]) % (2 * len(samples))
    mirrored = samples[np.minimum(outside, 2 * len(samples) - 1 - outside)]
    return np.concatenate([mirrored[: low - start], samples[low:high], mirrored[low - start :]])


def _usual(values: Float32, around: int) -> Float32:
    """What is usual near each value, up to `around` before and after.

    Taken every tenth of `around`, interpolated between.
    """
    at = np.arange(0, len(values), max(1, around // 10))
    quartiles = np.array([np.quantile(values[max(0, k - around) : k + around + 1], (0.5, 0.75)) for k in at])
    usual = quartiles[:, 0] + _SPREADS * (quartiles[:, 1] - quartiles[:, 0])
    return np.asarray(np.interp(np.arange(len(values)), at, usual), dtype=np.float32)


def _apart(found: Int64, gap: int) -> Int64:
    """`found` without those that come within `gap` samples after another."""
    kept: list[int] = []
    for at in found.tolist():
        if not kept or at - kept[-1] >= gap:
            kept.append(at)
    return np.array(kept, dtype=np.int64)


def _rings(piece: Float32) -> int:
    """Samples of a sound until it has died away."""
    level = np.abs(piece)
    loud = np.flatnonzero(level > level.max(initial=0.0) * 10.0 ** (RING_DB / 20.0))
    return int(loud[-1]) + 1 if len(loud) else 0


def _check(samples: Float32, rate: int) -> float:
    """The largest absolute sample."""
    if samples.ndim != 1:
        raise UsageError(
            f"samples of shape {samples.shape}: a mono signal (n,) is needed; average the channels"
        )
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise UsageError(f"rate {rate} Hz: from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be cut")
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak):
        raise AudioFileError(
            "the recording holds NaN or infinity; export it again from the program that wrote it"
        )
    return peak


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name} {value:g}: from {low:g} to {high:g}")
