"""Sounds taken apart again into medians and texture, frame by frame as they are read.

A decoder's magnitudes are medians times exp(noisiness · texture). Where a playhead stands, is slow or goes
round, the texture has to go on by itself, or noise would become a comb, a whisper or a rattle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.frames import spline
from ghostnote.synth.texture import TextureBank
from ghostnote.synth.voice import Sound

Float32 = NDArray[np.float32]

BANDS = 32
_REACH = 4
_AHEAD = 4
_SILENT = 1e-7
_MOST_BEND = 4.0
_MOST_NOISY = 1.2
_DOUBT = 1.0
_AT_ONCE = 16
"""Frames that are read together, few enough to stay in the cache."""


class Noisiness:
    """How noisy one sound is, in bands. Thread: render. Realtime-safe: bounded work per call, no locks.

    How much the magnitudes bend from frame to frame as their texture does tells it: decays are straight
    lines in the logarithm and do not bend.
    """

    def __init__(self, magnitudes: Float32, texture: Float32, pool: Float32) -> None:
        """`pool`: shape (B, bands), sums of bins."""
        self._magnitudes = magnitudes
        self._texture = texture
        self._pool = pool
        frames, bands = len(magnitudes), pool.shape[1]
        self._pooled = np.zeros(frames, dtype=bool)
        self._sums = np.zeros((2, frames + 2 * _REACH, bands), dtype=np.float32)
        self._known = np.zeros(frames, dtype=bool)
        self._noisy = np.empty((frames, bands), dtype=np.float32)

    def rows(self, first: int, end: int) -> Float32:
        """Noisiness of the frames `first` … `end - 1` of the sound, shape (end - first, bands)."""
        if not self._known[first:end].all():
            self._find(first, min(end + _AHEAD, len(self._known)))
        return self._noisy[first:end]

    def _find(self, first: int, end: int) -> None:
        low, high = max(first - _REACH, 1), min(end + _REACH, len(self._known) - 1)
        missing = np.flatnonzero(~self._pooled[low:high])
        if len(missing):
            self._compare(low + int(missing[0]), low + int(missing[-1]) + 1)
        around = self._sums[:, first : end + 2 * _REACH]
        both, alone = np.lib.stride_tricks.sliding_window_view(around, 2 * _REACH + 1, axis=1).sum(axis=-1)
        self._noisy[first:end] = np.clip(both / (alone + np.float32(_DOUBT)), 0.0, _MOST_NOISY)
        self._known[first:end] = True

    def _compare(self, first: int, end: int) -> None:
        """Sums over bands of how the magnitudes and the texture bend together, and of the texture alone."""
        rows = slice(first - 1, end + 1)
        loud = self._magnitudes[rows]
        bends = _bends(np.log(np.maximum(loud, np.float32(_SILENT))))
        np.clip(bends, -_MOST_BEND, _MOST_BEND, out=bends)
        texture = _bends(self._texture[rows])
        heard = texture * (loud[1:-1] > _SILENT).astype(np.float32)
        into = slice(first + _REACH, end + _REACH)
        np.matmul(bends * heard, self._pool, out=self._sums[0, into])
        np.matmul(texture * heard, self._pool, out=self._sums[1, into])
        self._pooled[first:end] = True


class LooseReader:
    """Frames of any sounds at any positions with a texture of their own. Thread: render. Realtime-safe."""

    def __init__(self, spec: FeatureSpec, textures: TextureBank | None) -> None:
        centres = np.unique(np.round(np.geomspace(1, spec.bins, BANDS + 1)) - 1)
        rows = [np.interp(np.arange(spec.bins), centres, row) for row in np.eye(len(centres))]
        self._spread = np.stack(rows).astype(np.float32)
        self._pool = np.ascontiguousarray(self._spread.T)
        self._bins = spec.bins
        self._textures = textures

    def read(self, sounds: Sequence[Sound], where: Sequence[float], clocks: Sequence[float]) -> Float32:
        """Frames of n sounds at the frames `where`, with the textures that the bank has at `clocks`: (n, B).

        Between two frames their cubic interpolation is read, silence outside a sound. Sounds whose texture
        is not known keep the one they have.
        """
        frames = np.empty((len(sounds), self._bins), dtype=np.float32)
        for first in range(0, len(sounds), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            self._read(sounds[part], where[part], clocks[part], frames[part])
        return frames

    def _read(
        self, sounds: Sequence[Sound], where: Sequence[float], clocks: Sequence[float], frames: Float32
    ) -> None:
        n = len(sounds)
        positions = np.asarray(where, dtype=np.float64)
        below = np.floor(positions)
        rows = np.zeros((n, 4, self._bins), dtype=np.float32)
        textures = np.zeros((n, 4, self._bins), dtype=np.float32)
        noisy = np.zeros((n, 4, len(self._spread)), dtype=np.float32)
        for i, (sound, at) in enumerate(zip(sounds, below.astype(np.intp).tolist(), strict=True)):
            first, end = max(at - 1, 0), min(at + 3, len(sound.magnitudes))
            if first >= end:
                continue
            into = slice(first - at + 1, end - at + 1)
            rows[i, into] = sound.magnitudes[first:end]
            if sound.texture is not None and self._textures is not None:
                textures[i, into] = sound.texture[first:end]
                noisy[i, into] = self._of(sound, sound.texture).rows(first, end)
        spread = noisy.reshape(4 * n, -1) @ self._spread
        np.multiply(spread.reshape(rows.shape), textures, out=textures)
        np.exp(textures, out=textures)
        rows /= textures
        weights = spline((positions - below).astype(np.float32)[:, None])
        np.multiply(rows[:, 0], weights[0], out=frames)
        for k in (1, 2, 3):
            frames += rows[:, k] * weights[k]
        np.maximum(frames, 0.0, out=frames)
        if self._textures is not None:
            texture = spread[1::4] * self._textures.at(np.asarray(clocks, dtype=np.float64))
            frames *= np.exp(texture, out=texture)

    def noisiness(self, sound: Sound) -> Float32:
        """How noisy each bin of a sound with a known texture is, shape (F, B)."""
        assert sound.texture is not None
        return self._of(sound, sound.texture).rows(0, len(sound.magnitudes)) @ self._spread

    def _of(self, sound: Sound, texture: Float32) -> Noisiness:
        known = sound.noisiness
        if not known:
            known.append(Noisiness(sound.magnitudes, texture, self._pool))
        found: Noisiness = known[0]
        return found


def _bends(rows: Float32) -> Float32:
    return rows[:-2] - 2.0 * rows[1:-1] + rows[2:]
