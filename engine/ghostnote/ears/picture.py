"""The present value of every channel, all of them from the start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ghostnote.ears.channels import SIDES, expand, segments
from ghostnote.ears.levels import Levels
from ghostnote.ears.sounds import UNKNOWN, Answer, Began

Float32 = NDArray[np.float32]


class Picture:
    """What is heard, as numbers by path, in the order of `channels.CHANNELS`. Thread: one."""

    def __init__(self, labels: Sequence[str], axes: Sequence[str], parts: Sequence[int] = ()) -> None:
        self.kinds = expand(labels, axes, parts)
        self.values: dict[str, float | int] = {
            path: 0 if kind == "i" else 0.0 for path, kind in self.kinds.items()
        }
        self.values["class/index"] = UNKNOWN
        self._labels = [f"class/p/{name}" for name in segments(labels)]
        self._axes = [path for path in self.kinds if path.startswith("z/")]

    def began(self, sound: Began) -> None:
        """A sound began."""
        self.values["onsets"] = sound.number

    def answered(self, answer: Answer) -> None:
        """A sound got a class, or a better one."""
        values = self.values
        values["class/index"] = answer.index
        values["class/confidence"] = answer.confidence
        values["class/changes"] = int(values["class/changes"]) + 1
        values.update(zip(self._labels, (float(p) for p in answer.probabilities), strict=True))

    def located(self, coordinates: Float32) -> None:
        """A sound got its coordinates on the axes."""
        self.values.update(zip(self._axes, (float(x) for x in coordinates), strict=True))

    def hit(self, part: int) -> None:
        """A part was hit."""
        self.values["part"] = part
        path = f"part{part}/onsets"
        if path in self.values:
            self.values[path] = int(self.values[path]) + 1

    def loud(self, levels: Levels) -> None:
        """Take over how loud it is."""
        peak, rms, bands = levels.read()
        for k, side in enumerate(SIDES):
            self.values[f"level/{side}"] = float(peak[k])
            self.values[f"rms/{side}"] = float(rms[k])
        for k, band in enumerate(bands):
            self.values[f"band{k + 1}"] = float(band)
