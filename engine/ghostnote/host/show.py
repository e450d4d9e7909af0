"""What is heard on one stream, as it goes out to visuals: all numbers in step, and words as they come up."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from ghostnote.control.osc_stream import Message, Streams
from ghostnote.ears.levels import Levels
from ghostnote.ears.picture import Picture
from ghostnote.ears.thinker import Thinker
from ghostnote.state.table import ROOT, Value

Float32 = NDArray[np.float32]

INPUT_ROOT = f"{ROOT}/in"
"""Where the addresses of what an input hears begin."""
OUTPUT_ROOT = f"{ROOT}/out"
"""The same of what the instrument plays."""
BUNDLES_HZ = 60
NAMES_S = 5.0
"""So often class names are told again, for whoever came late."""


class Show:
    """The picture of a stream with addresses that begin with `root`, and how loud it is. Thread: one."""

    def __init__(
        self, thinker: Thinker, rate: int, streams: Streams, root: str, parts: tuple[int, ...] = ()
    ) -> None:
        self.picture = Picture(thinker.classes, thinker.axes, parts)
        self.step = max(1, rate // BUNDLES_HZ)
        """Frames from one bundle to the next."""
        self._root, self._streams = root, streams
        self._levels = Levels(rate)
        self._classes, self._model = thinker.classes, thinker.model.manifest.name
        self._addresses = {path: f"{root}/{path}" for path in self.picture.values}
        self._words: list[Message] = []
        self._names_at = -inf

    def take(self, block: Float32) -> None:
        """Sound of the stream, shape (n, channels)."""
        self._levels.take(block)

    def silent(self) -> None:
        """Nothing comes in: forget how loud it was."""
        self._levels.silence()

    def say(self, name: str, at: float, *args: Value) -> None:
        """Words, sent at once, about what is heard at monotonic time `at`."""
        self._streams.words([(f"{self._root}/{name}", args)], at)

    def later(self, name: str, *args: Value) -> None:
        """Words that go out with the next numbers."""
        self._words.append((f"{self._root}/{name}", args))

    def send(self, heard: float) -> None:
        """All numbers, of what is heard at monotonic time `heard`."""
        self.picture.loud(self._levels)
        if not self._names_at <= heard < self._names_at + NAMES_S:
            self._names_at = heard
            self.later("model", self._model)
            self.later("classes", *self._classes)
        values = self.picture.values
        self._streams.numbers({self._addresses[path]: value for path, value in values.items()}, heard)
        words, self._words = self._words, []
        if words:
            self._streams.words(words, heard)
