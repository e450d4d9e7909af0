"""Reading the sounds of notes where their playheads are, and moving those on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.features.spec import FeatureSpec
from ghostnote.synth.colour import Colour
from ghostnote.synth.frames import FrameReader
from ghostnote.synth.head import Head, Stretch
from ghostnote.synth.separation import LooseReader
from ghostnote.synth.texture import TextureBank
from ghostnote.synth.voice import Sound, Voice

Float32 = NDArray[np.float32]

_THERE = 0.01
OPENING_FRAMES = 3.0
"""Slow playheads go through these as fast as time does: windows that see the attack come, not the sound."""


class Playheads:
    """Frames of any voices and where they stand.

    Notes of a part that is plain are read as they were decoded. Where time goes otherwise, medians are read
    at the playhead and texture goes on at its own pace, so that noise stays noise (0200).

    Thread: render. Realtime-safe: no locks; allocates its results.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        quantum: int,
        parts: int,
        smoothing_s: Mapping[str, float],
        textures: TextureBank | None,
    ) -> None:
        """`smoothing_s`: time constants of `rate`, `position`, `tilt` and `formant`, 0 where not given.

        Without `textures` noise is read as it was decoded, wherever the playhead is.
        """
        self.heads = [Head(spec, quantum, smoothing_s) for _ in range(parts + 1)]
        self._bins = spec.bins
        self._frame_s = spec.hop / spec.sample_rate
        self._frame_reach = spec.n_fft / spec.hop
        self._scrub_s = smoothing_s.get("position", 0.0)
        self._reader = FrameReader(spec)
        self._colour = Colour(spec)
        self._loose_reader = LooseReader(spec, textures)

    def step(self) -> None:
        """Let the settings glide on by a quantum."""
        for head in self.heads:
            if head.moving:
                head.step()

    def begin(self, voice: Voice) -> bool:
        """Put a new note's playhead where it starts; whether that is within the sound."""
        head = self.heads[voice.part]
        if voice.begin is not None:
            voice.frame = round(voice.begin * (len(voice.sound.magnitudes) - 1))
            return voice.frame != 0.0
        stretch = head.stretch(voice.sound.full_frames)
        voice.frame = stretch.first
        if _speed(head, voice) < 0.0:
            last = min(voice.sound.audible_frames, voice.sound.full_frames)
            voice.frame = stretch.end if head.loop else min(stretch.end, float(last))
        voice.opening = OPENING_FRAMES if voice.frame == 0.0 else 0.0
        return voice.frame != 0.0

    def scrub(self, voice: Voice, share: float) -> None:
        """Put a sounding note's playhead at `share` of its sound; while it stands, it glides there."""
        frame = share * (len(voice.sound.magnitudes) - 1)
        voice.opening = 0.0
        if self._stands(voice):
            voice.goal = frame
        else:
            voice.frame = frame

    def is_plain(self, voice: Voice) -> bool:
        """Whether a note is read frame by frame as decoded."""
        return self._is_whole(voice) and voice.timbre == 0.0 and not voice.loose

    def advance(self, voice: Voice, frames: float, ratio: float) -> None:
        """Move a note on by `frames` of its samples, which are played at `ratio`."""
        head, time = self.heads[voice.part], frames / ratio
        if self._is_whole(voice) and not voice.loose:
            voice.frame += time
        else:
            if voice.loose:
                voice.clock += time
            voice.frame, turned = _turn(voice.frame + _way(head, voice, time), head, voice)
            voice.opening = max(0.0, voice.opening - time)
            voice.turned = turned or voice.turned
            if voice.goal is not None:
                self._approach(voice, voice.goal, time)
        beyond = self._beyond(voice)
        # However far beyond its sound a note is all at once, its last frames are still to be heard.
        voice.silent = min(voice.silent + frames, beyond * ratio) if beyond > 0.0 else 0.0

    def _approach(self, voice: Voice, goal: float, time: float) -> None:
        glides = self._scrub_s and self._stands(voice)
        pace = 1.0 - math.exp(-time * self._frame_s / self._scrub_s) if glides else 1.0
        voice.frame += (goal - voice.frame) * pace
        if abs(goal - voice.frame) < _THERE:
            voice.frame, voice.goal = goal, None

    def is_past(self, voice: Voice) -> bool:
        """Whether nothing of its sound is left to be heard of a note."""
        return voice.silent > self._frame_reach

    def _beyond(self, voice: Voice) -> float:
        """How long ago a playhead came to the end of its sound, in frames; 0 or less: it has not."""
        head = self.heads[voice.part]
        speed = _speed(head, voice)
        if head.loop or speed == 0.0:
            return 0.0
        if self._is_whole(voice):
            return voice.frame - voice.sound.audible_frames
        stretch = head.stretch(voice.sound.full_frames)
        if speed > 0.0:
            return (voice.frame - min(stretch.end, voice.sound.audible_frames)) / speed
        return (voice.frame - stretch.first + 1.0) / speed

    def targets(
        self, voices: Sequence[Voice], ratios: Sequence[float], step: float, count: int, first: int = 0
    ) -> Float32:
        """Frames of n voices from their playheads on, shape (n, count, B).

        They are `step` apart in the time of the samples, which are played at `ratios`; the first is `first`
        steps on.
        """
        shaped = [i for i, voice in enumerate(voices) if not self.is_plain(voice)]
        if not shaped:
            return self._steady(voices, ratios, step, count, first)
        out = np.empty((len(voices), count, self._bins), dtype=np.float32)
        loose = [i for i in shaped if not self._is_steady(voices[i])]
        if loose:
            times = [step / ratios[i] for i in loose]
            out[loose] = self._loose([voices[i] for i in loose], times, count, first)
        if steady := [i for i in range(len(voices)) if i not in loose]:
            of = [voices[i] for i in steady]
            out[steady] = self._steady(of, [ratios[i] for i in steady], step, count, first)
        for i in shaped:
            voice, ratio, frames = voices[i], ratios[i], out[i]
            if i in loose:
                frames[:, int(self._bins / max(ratio, 1.0)) :] = 0.0
            self._cut(voice, frames, step / ratio, first)
            self._paint(voice, frames, ratio)
        return out

    def opening(self, sound: Sound, count: int, step: float) -> Float32:
        """The first frames of a plain note, shape (1, count, B)."""
        return self._reader.read([sound.magnitudes], [0.0], count, step, [1.0])

    def _steady(
        self, voices: Sequence[Voice], ratios: Sequence[float], step: float, count: int, first: int
    ) -> Float32:
        return self._reader.read(
            [voice.sound.magnitudes for voice in voices],
            [voice.frame + first * step / ratio for voice, ratio in zip(voices, ratios, strict=True)],
            count,
            step,
            ratios,
        )

    def _is_whole(self, voice: Voice) -> bool:
        """Whether a note's part, and its own rate, leave it as decoded, from beginning to end."""
        return self.heads[voice.part].plain and voice.rate == 1.0

    def _stands(self, voice: Voice) -> bool:
        return self.heads[voice.part].stands or voice.rate == 0.0

    def _is_steady(self, voice: Voice) -> bool:
        if not voice.loose and not (self.heads[voice.part].steady and voice.rate == 1.0):
            voice.loose = True
            voice.clock = float(voice.texture + round(voice.frame))
        return not voice.loose

    def _cut(self, voice: Voice, frames: Float32, time: float, first: int) -> None:
        """Silence what is beyond the end of the stretch."""
        head = self.heads[voice.part]
        speed = _speed(head, voice)
        if head.loop or speed == 0.0:
            return
        stretch = head.stretch(voice.sound.full_frames)
        for k, frame in enumerate(frames, start=first):
            at = voice.frame + _way(head, voice, k * time)
            share = stretch.end - at if speed > 0.0 else at - stretch.first + 1.0
            if share < 1.0:
                frame *= max(0.0, share)

    def _paint(self, voice: Voice, frames: Float32, ratio: float) -> None:
        head = self.heads[voice.part]
        if head.formant != 0.0:
            self._colour.shift(frames, head.formant)
        if tilt := head.tilt + voice.timbre:
            frames *= self._colour.tilt(tilt, ratio)

    def _loose(self, voices: Sequence[Voice], times: Sequence[float], count: int, first: int) -> Float32:
        """Frames of n voices whose time does not go as decoded, `times` apart, shape (n, count, B)."""
        sounds: list[Sound] = []
        where: list[float] = []
        clocks: list[float] = []
        fading: list[tuple[int, float, float]] = []
        for voice, time in zip(voices, times, strict=True):
            head = self.heads[voice.part]
            stretch = head.stretch(voice.sound.full_frames) if head.loop else None
            for k in range(first, first + count):
                at, other, share = self._place(voice, head, stretch, k * time)
                if other is not None:
                    fading.append((len(where), other, share))
                sounds.append(voice.sound)
                where.append(at)
                clocks.append(voice.clock + k * time)
        n = len(where)
        rows = [row for row, _, _ in fading]
        frames = self._loose_reader.read(
            sounds + [sounds[row] for row in rows],
            where + [other for _, other, _ in fading],
            clocks + [clocks[row] for row in rows],
        )
        if fading:
            shares = np.array([share for _, _, share in fading], dtype=np.float32)[:, None]
            frames[rows] = np.sqrt(shares * np.square(frames[rows]) + (1.0 - shares) * np.square(frames[n:]))
        return frames[:n].reshape(len(voices), count, self._bins)

    def _place(
        self, voice: Voice, head: Head, stretch: Stretch | None, time: float
    ) -> tuple[float, float | None, float]:
        """Where a note is read `time` frames from now, what fades out there, and the share of the first."""
        there = voice.frame + _way(head, voice, time)
        if stretch is None:
            return there, None, 1.0
        at, turned = _turn(there, head, voice)
        turned = turned or voice.turned
        length = stretch.end - stretch.first
        since = at - stretch.first if turned > 0 else stretch.end - at
        if not turned or not 0.0 <= since < stretch.fade:
            return at, None, 1.0
        other = min(at + length, stretch.last) if turned > 0 else max(at - length, 0.0)
        return at, other, since / stretch.fade


def _speed(head: Head, voice: Voice) -> float:
    """Frames of its sound that a note moves on by in each frame of time, negative backwards."""
    return head.speed * voice.rate


def _way(head: Head, voice: Voice, time: float) -> float:
    """How far a note moves on in `time`, in frames: through an attack no slower than time does."""
    speed = _speed(head, voice)
    if voice.opening <= 0.0 or not 0.0 < speed < 1.0:
        return speed * time
    own = min(time, voice.opening)
    return own + (time - own) * speed


def _turn(at: float, head: Head, voice: Voice) -> tuple[float, int]:
    """Where a playhead really is that has got to `at`, and the direction in which it went round, else 0."""
    if not head.loop:
        return at, 0
    stretch = head.stretch(voice.sound.full_frames)
    length = stretch.end - stretch.first
    speed = _speed(head, voice)
    if speed >= 0.0 and at >= stretch.end:
        return stretch.first + (at - stretch.first) % length, 1
    if speed < 0.0 and at < stretch.first:
        return stretch.end - (stretch.end - at) % length, -1
    return at, 0
