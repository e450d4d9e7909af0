"""Reading a sound's magnitude frames at any position, speed and pitch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec

Float32 = NDArray[np.float32]


def targets(
    magnitudes: Float32, position: float, count: int, step: float = 1.0, ratio: float = 1.0
) -> Float32:
    """Frames of one sound at `position`, `position + step`, …

    `magnitudes`: (F, B) linear. `position` and `step` are in frames and may be fractional or negative; a
    position between two frames gives their linear interpolation, and there is silence before frame 0 and
    after frame F - 1. `ratio` moves the frequency axis (see `shift_bins`). Returns (count, B).
    """
    read = FrameReader(magnitudes.shape[1]).read([magnitudes], [position], count, step)
    shifted = read if ratio == 1.0 else shift_bins(read, np.array([ratio]))
    return np.asarray(shifted[0])


def shift_bins(magnitudes: Float32, ratios: NDArray[np.float64]) -> Float32:
    """Move frequencies by a ratio for each voice, with linear interpolation between bins.

    `magnitudes`: (n, count, B). `ratios`: (n,), 2 being an octave up; bins from beyond the highest are
    silent. Stretching a spectrum widens it, so the level is divided by the root of the ratio, which keeps
    the energy of a frame. Returns (n, count, B).
    """
    bins = magnitudes.shape[2]
    source = np.arange(bins) / ratios[:, None]
    below = np.minimum(source.astype(np.intp), bins - 1)
    above = np.minimum(below + 1, bins - 1)
    level = np.where(source <= bins - 1, 1.0 / np.sqrt(ratios[:, None]), 0.0)
    upper = ((source - below) * level).astype(np.float32)[:, None]
    lower = level.astype(np.float32)[:, None] - upper
    shifted: Float32 = np.take_along_axis(magnitudes, below[:, None], axis=2) * lower
    shifted += np.take_along_axis(magnitudes, above[:, None], axis=2) * upper
    return shifted


class FrameReader:
    """`targets` for many voices at once, each with its own sound.

    Thread: render. Realtime-safe: no locks; allocates its result.
    """

    def __init__(self, bins: int | FeatureSpec) -> None:
        self._bins = bins if isinstance(bins, int) else bins.bins

    def read(
        self,
        sounds: Sequence[Float32],
        positions: Sequence[float],
        count: int,
        step: float = 1.0,
        semitones: Sequence[float] | None = None,
    ) -> Float32:
        """Frames of n voices, shape (n, count, B).

        `sounds`: n arrays (F, B), where F may differ. `positions`: n positions in frames. `count` frames
        are read `step` apart. `semitones`: n pitches, 0 being the sound's own.
        """
        where = np.asarray(positions, dtype=np.float64)[:, None] + step * np.arange(count)
        base = np.floor(where)
        share = (where - base).astype(np.float32)
        first = base.astype(np.intp)
        out = _gather(sounds, first, self._bins)
        if share.any():
            out += (_gather(sounds, first + 1, self._bins) - out) * share[:, :, None]
        if semitones is not None:
            pitch = np.asarray(semitones, dtype=np.float64)
            moved = np.flatnonzero(pitch)
            if len(moved):
                out[moved] = shift_bins(out[moved], np.exp2(pitch[moved] / 12.0))
        return out


def _gather(sounds: Sequence[Float32], index: NDArray[np.intp], bins: int) -> Float32:
    out = np.empty((*index.shape, bins), dtype=np.float32)
    for voice, sound in enumerate(sounds):
        wanted = index[voice]
        if wanted.min() >= 0 and wanted.max() < len(sound):
            np.take(sound, wanted, axis=0, out=out[voice], mode="clip")
        else:
            inside = (wanted >= 0) & (wanted < len(sound))
            out[voice] = 0.0
            out[voice, inside] = sound[wanted[inside]]
    return out
