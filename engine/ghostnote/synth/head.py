"""How the notes of one part go through their sounds: speed, stretch, loop and colour, as the knobs say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ghostnote.features.spec import FeatureSpec

HEAD_NAMES = frozenset(
    ["mode", "rate", "reverse", "freeze", "start", "length", "loop_fade", "tilt", "formant"]
)
"""Parameters of a part that `Head.set` takes."""

_ARRIVED = 1e-3
_LEAST_FRAMES = 3.0


@dataclass(frozen=True)
class Stretch:
    """What of a sound is played, in frames; in a loop also how long it fades over, and the last frame."""

    first: float
    end: float
    fade: float = 0.0
    last: float = 0.0


class Head:
    """Settings of one part. Thread: render. Realtime-safe: a change costs little, a quantum nothing.

    `speed` is in frames of the sound for each frame of time, negative backwards; it, `tilt` (dB/octave) and
    `formant` (semitones) glide. `plain`: notes play as decoded, from beginning to end. `steady`: they may be
    coloured or cut, but time goes as it was decoded.
    """

    def __init__(self, spec: FeatureSpec, quantum: int, smoothing_s: Mapping[str, float]) -> None:
        self._frames = spec.frames
        self._frames_per_s = spec.sample_rate / spec.hop
        self._paces = {
            name: 1.0 - math.exp(-quantum / (spec.sample_rate * smoothing_s[of]))
            if smoothing_s.get(of)
            else 1.0
            for name, of in (("speed", "rate"), ("tilt", "tilt"), ("formant", "formant"))
        }
        self.speed, self.tilt, self.formant = 1.0, 0.0, 0.0
        self._goals = {"speed": 1.0, "tilt": 0.0, "formant": 0.0}
        self._rate, self._reverse, self._freeze = 1.0, False, False
        self._start, self._length, self._fade = 0.0, math.inf, 0.0
        self.loop = False
        self.moving = False
        self.plain = self.steady = True
        self._place()

    def set(self, name: str, value: float | str) -> None:
        """Take a parameter's new value; `name` is one of `HEAD_NAMES`."""
        if name == "mode":
            self.loop = value == "loop"
        elif name in ("start", "length", "loop_fade"):
            self._cut(name, float(value))
        else:
            self._aim(name, float(value))
        self._place()

    def _cut(self, name: str, value: float) -> None:
        if name == "start":
            self._start = min(round(value * self._frames), self._frames - _LEAST_FRAMES)
        elif name == "length":
            self._length = value * self._frames_per_s
        else:
            self._fade = value * self._frames_per_s

    def _aim(self, name: str, value: float) -> None:
        if name == "rate":
            self._rate = value
        elif name == "reverse":
            self._reverse = bool(value)
        elif name == "freeze":
            self._freeze = bool(value)
        else:
            self._goals[name] = value
        forward = -self._rate if self._reverse else self._rate
        self._goals["speed"] = 0.0 if self._freeze else forward

    @property
    def stands(self) -> bool:
        """Whether the playhead stands, or is about to."""
        return self._goals["speed"] == 0.0

    def step(self) -> None:
        """Glide on by a quantum."""
        for name, goal in self._goals.items():
            now = getattr(self, name)
            after = now + (goal - now) * self._paces[name]
            setattr(self, name, goal if abs(goal - after) < _ARRIVED else after)
        self._place()

    def jump(self) -> None:
        """Be at once where the glides end."""
        for name, goal in self._goals.items():
            setattr(self, name, goal)
        self._place()

    def _place(self) -> None:
        goals = self._goals
        self.moving = (self.speed, self.tilt, self.formant) != (
            goals["speed"],
            goals["tilt"],
            goals["formant"],
        )
        self.steady = self.speed == 1.0 and not self.loop
        whole = self._start == 0.0 and self._length >= self._frames
        self.plain = self.steady and whole and self.tilt == 0.0 and self.formant == 0.0

    def stretch(self, full_frames: int) -> Stretch:
        """What is played of a sound that has `full_frames` frames before it is faded out."""
        end = min(self._start + self._length, float(self._frames))
        if not self.loop:
            return Stretch(self._start, end)
        end = max(min(end, float(full_frames)), _LEAST_FRAMES)
        first = min(self._start, end - _LEAST_FRAMES)
        return Stretch(first, end, min(self._fade, end - first), full_frames - 1.0)
