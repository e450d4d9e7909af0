"""One sounding note: which spectrogram it reads, where it is in it, and how it was struck."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.phase import Mode, Opening

Float32 = NDArray[np.float32]

AUDIBLE = 2e-5
"""Magnitudes below this (−94 dB of full scale) end a sound."""
FADE_FRAMES = 24
_LOOK = 32


@dataclass(frozen=True)
class Sound:
    """A decoded latent point: `magnitudes` (F, B) and the number of frames until it has died away.

    `model`: number of the model that decoded it, so that a note knows when its sound comes from another one.
    `openings`: how a note of it begins, by mode, where that was computed ahead (`VoicePool.prepare`).
    `texture` (F, B): what the decoder drew its noise with, None where that is not known. `noisiness`: how
    noisy it is (`synth.separation`), once a playhead has asked for that. `point` (D,): what was decoded, None
    where that is not known.
    """

    magnitudes: Float32
    audible_frames: int
    model: int = 0
    openings: dict[Mode, Opening] = field(default_factory=dict, compare=False, repr=False)
    texture: Float32 | None = field(default=None, compare=False, repr=False)
    noisiness: list[Any] = field(default_factory=list, compare=False, repr=False)
    point: Float32 | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        magnitudes: Float32,
        texture: Float32 | None = None,
        model: int = 0,
        point: Float32 | None = None,
    ) -> Sound:
        """The sound of decoded magnitudes, shape (F, B), which become the sound's own.

        One that has not died away by its last frame is faded in place, so that it does not break off.
        """
        audible = _audible_frames(magnitudes)
        if audible == len(magnitudes) and audible:
            tail = magnitudes[-FADE_FRAMES:]
            tail *= np.linspace(1.0, 0.0, len(tail), dtype=np.float32)[:, None]
        return cls(magnitudes, audible, model, texture=texture, point=point)

    @property
    def full_frames(self) -> int:
        """Frames before the fade, in a sound that would break off without one, else all of them."""
        return len(self.magnitudes) - (FADE_FRAMES if self.audible_frames == len(self.magnitudes) else 0)

    @classmethod
    def silent(cls, spec: FeatureSpec) -> Sound:
        """A sound without sound, for a part that has nothing to play."""
        return cls(np.zeros((spec.frames, spec.bins), dtype=np.float32), 0)


def _audible_frames(magnitudes: Float32) -> int:
    """Frames up to the last audible one, looked for from the end."""
    for end in range(len(magnitudes), 0, -_LOOK):
        piece = magnitudes[max(0, end - _LOOK) : end]
        if piece.max() <= AUDIBLE:
            continue
        loud = np.flatnonzero(piece.max(axis=1) > AUDIBLE)
        if len(loud):
            return end - len(piece) + int(loud[-1]) + 1
    return 0


@dataclass(slots=True)
class Voice:
    """State of one note.

    `epsilon` and `texture` are the hit's chance, so that it strays the same way when its point moves.
    `frame` is the playhead: the model frame that the next hop reads first. `delay` counts samples of silence
    before the onset, so that a note starts at its exact sample. `chance`: seed and number of its chance.
    `heir` is the voice that took over in a crossfade.
    `within`: it began inside the sound, not with it. `goal`: frame to which a hand moves the standing
    playhead. `opening`: frames of its attack that it still plays at their own pace. `silent`: frames made
    since its playhead came to the end. `turned`: the direction in which it last went round its loop, 0
    before that. `loose`: its time has gone otherwise than decoded, and its texture is read at `clock` since.
    `timbre`: its own tilt in dB/octave. `bend`: what of `semitones` is its own bend. `waiting`: released
    while the pedal is down.

    A note's own (`/gn/play`): `begin`: where in the sound it begins, in parts of it (None: where its part
    says); `rate`: speed of its playhead beside its part's, negative the other way; `balance`: left and right
    gain beside its part's; `cut`: group of which one note sounds at a time (0: none); `ends_at`: sample at
    which it fades out, in `ending_s`.
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
    chance: tuple[int, int] = (0, 0)
    heir: Voice | None = None
    within: bool = False
    goal: float | None = None
    opening: float = 0.0
    silent: float = 0.0
    turned: int = 0
    loose: bool = False
    clock: float = 0.0
    timbre: float = 0.0
    bend: float = 0.0
    waiting: bool = False
    begin: float | None = None
    rate: float = 1.0
    balance: tuple[float, float] = (1.0, 1.0)
    cut: int = 0
    ends_at: int | None = None
    ending_s: float = 0.0

    @property
    def now(self) -> Voice:
        """The voice that is this note now."""
        voice = self
        while voice.heir is not None:
            voice = voice.heir
        return voice
