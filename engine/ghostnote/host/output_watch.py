"""What the instrument plays, as ears tell it: levels of its sound, and hits with their classes."""

from __future__ import annotations

from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.record_format import CHANNELS
from ghostnote.audio.record_ring import RingReader
from ghostnote.ears.coordinates import COORDINATES
from ghostnote.ears.sounds import UNKNOWN, Answer, Began
from ghostnote.ears.thinker import UNKNOWN_LABEL, Thinker
from ghostnote.errors import GhostnoteError
from ghostnote.host.ears_memory import EarsMemory
from ghostnote.host.show import Show
from ghostnote.state.table import PARTS
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

_AWAY_S = 0.25
"""A core that plays nothing for so long is away."""
_QUIET = 1e-6
"""A spectrogram without anything louder is that of a part that plays nothing."""


class OutputWatch:
    """Follows the core through shared memory and tells `show`. Thread: one, that of the ears.

    A hit is told when the core begins it, with the time at which it will be heard; its class is that of the
    part's decoded sound, which was classified when the part got it.
    """

    def __init__(self, memory: mmap, thinker: Thinker, show: Show, rate: int, telemetry: Telemetry) -> None:
        self._memory = EarsMemory(memory)
        self._ring = RingReader(memory, CHANNELS)
        self._thinker, self._show, self._rate, self._telemetry = thinker, show, rate, telemetry
        nothing = np.zeros(len(thinker.classes), dtype=np.float32)
        self._class_of = dict.fromkeys(PARTS, (UNKNOWN, nothing))
        self._axes = [COORDINATES.index(name) for name in thinker.axes]
        self._anchor = (0, 0.0)
        self._since = 0
        self._next_rest = 0.0
        self._number = 0
        self._memory.skip_hits()
        for _ in self._ring.read():
            pass  # what was played before is past

    def look(self, now: float) -> None:
        """Take what came since the last look; `now` is monotonic. Without any for a while all is silence."""
        self._anchor = self._memory.anchor() or self._anchor
        self._listen(now)
        self._classify_one()
        hits = self._memory.new_hits()
        if (where := self._memory.where()) is not None:
            self._show.picture.located(where[self._axes])
        for position, part in hits:
            self._hit(part, self._heard_at(position))

    def _listen(self, now: float) -> None:
        step = self._show.step
        for piece in self._ring.read():
            for at in range(0, len(piece), step):
                part = piece[at : at + step]
                self._show.take(part)
                self._since += len(part)
                if self._since >= step:
                    self._since %= step
                    self._show.send(self._anchor[1])
                    self._next_rest = now + _AWAY_S
        if now >= self._next_rest:
            self._next_rest = now + step / self._rate
            self._show.silent()
            self._show.send(now)

    def _classify_one(self) -> None:
        """At most one sound a look, so that a morph of all parts holds up nothing."""
        for part in PARTS:
            sound = self._memory.new_sound(part)
            if sound is None:
                continue
            if float(sound.max(initial=0.0)) < _QUIET:
                self._class_of[part] = UNKNOWN, np.zeros(len(self._thinker.classes), dtype=np.float32)
                continue
            try:
                probabilities = self._thinker.model.classify(sound)
            except (GhostnoteError, ValueError) as error:
                self._telemetry.trouble("ears_failed", f"a part's sound could not be classified: {error}")
                return
            self._class_of[part] = self._thinker.best(probabilities), probabilities
            return

    def _hit(self, part: int, heard: float) -> None:
        self._number += 1
        index, probabilities = self._class_of[part]
        label = self._thinker.classes[index] if index >= 0 else UNKNOWN_LABEL
        confidence = float(probabilities.max(initial=0.0))
        picture = self._show.picture
        picture.began(Began(self._number, 0, 0, 1.0))
        picture.answered(Answer(self._number, 0, 0.0, index, label, confidence, probabilities, True))
        picture.hit(part)
        self._show.say("hit", heard, part, label, confidence, index)
        self._show.send(heard)

    def _heard_at(self, position: int) -> float:
        """Monotonic time at which a frame is heard."""
        known, heard = self._anchor
        return heard + (position - known) / self._rate
