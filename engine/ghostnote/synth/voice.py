"""One sounding note: which spectrogram it reads, where it is in it, and how it was struck."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.phase import Mode, Opening

Float32 = NDArray[np.float32]

AUDIBLE = 2e-5
"""Magnitudes below this (−94 dB of full scale) end a sound."""
FADE_FRAMES = 24


@dataclass(frozen=True)
class Sound:
    """A decoded latent point: `magnitudes` (F, B) and the number of frames until it has died away.

    `openings`: how a note of it begins, by mode, where that was computed ahead (`VoicePool.prepare`).
    """

    magnitudes: Float32
    audible_frames: int
    openings: dict[Mode, Opening] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, magnitudes: Float32) -> Sound:
        """The sound of decoded magnitudes, shape (F, B), which become the sound's own.

        One that has not died away by its last frame is faded in place, so that it does not break off.
        """
        loud = np.flatnonzero(magnitudes.max(axis=1) > AUDIBLE)
        if len(loud) and loud[-1] == len(magnitudes) - 1:
            tail = magnitudes[-FADE_FRAMES:]
            tail *= np.linspace(1.0, 0.0, len(tail), dtype=np.float32)[:, None]
        return cls(magnitudes, int(loud[-1]) + 1 if len(loud) else 0)

    @classmethod
    def silent(cls, spec: FeatureSpec) -> Sound:
        """A sound without sound, for a part that has nothing to play."""
        return cls(np.zeros((spec.frames, spec.bins), dtype=np.float32), 0)


@dataclass(slots=True)
class Voice:
    """State of one note.

    `epsilon` and `texture` are the hit's chance, so that it strays the same way when its point moves.
    `frame` is the playhead: the model frame that the next hop reads first. `delay` counts samples of silence
    before the onset, so that a note starts at its exact sample. `fixed` notes keep their spectrogram.
    """

    row: int
    part: int
    sound: Sound
    mode: Mode
    velocity: float
    born: int
    note: int | None = None
    note_id: int = -1
    semitones: float = 0.0
    epsilon: Float32 | None = None
    texture: int = 0
    frame: float = 0.0
    hops: int = 0
    delay: int = 0
    held: bool = False
    ended: bool = False
    fixed: bool = False
