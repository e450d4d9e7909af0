"""The engine at a device's rate: quanta are resampled, made safe and handed out in any block size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.record_format import CHANNELS as CHANNELS
from ghostnote.audio.resample import StreamResampler
from ghostnote.audio.safety import SafetyChain
from ghostnote.core.engine import Engine

Float32 = NDArray[np.float32]

OPENING_S = 0.06


class Instrument:
    """What a device plays, live or offline. Thread: render.

    Everything after the engine runs once per quantum too, so that block sizes cannot change a sample.
    """

    def __init__(self, engine: Engine, rate: int) -> None:
        self.engine = engine
        self.rate = rate
        self.safety = SafetyChain(rate, CHANNELS)
        self._resampler = StreamResampler(engine.spec.sample_rate, rate, CHANNELS)
        self._left = np.zeros((0, CHANNELS), dtype=np.float32)
        self._panics = 0
        self.frames = 0
        # The chain opens on silence, so that a note at time 0 is not faded in.
        self.safety.process(np.zeros((round(OPENING_S * rate), CHANNELS), dtype=np.float32))

    def read(self, out: Float32, before_quantum: Callable[[], None] | None = None) -> None:
        """Fill `out`, shape (n, 2), with the next n frames; `before_quantum` is called before each one."""
        filled = 0
        while filled < len(out):
            if not len(self._left):
                if before_quantum is not None:
                    before_quantum()
                self._left = self._next()
            take = min(len(self._left), len(out) - filled)
            out[filled : filled + take] = self._left[:take]
            self._left = self._left[take:]
            filled += take
            self.frames += take

    def sample_at(self, frame: float) -> int:
        """Engine sample that sounds at output frame `frame` (the fixed delay of the chain left aside)."""
        return round(frame * self.engine.spec.sample_rate / self.rate)

    def _next(self) -> Float32:
        quantum = self.engine.render_quantum()
        panicked = self.engine.panics != self._panics
        if panicked:
            self._panics = self.engine.panics
            self.safety.panic()
            # What still rings in the converter would be heard, and keep the chain shut, after the panic.
            self._resampler.flush()
        self.safety.set_gain(self.engine.master_gain)
        sound = self.safety.process(self._resampler.process(quantum))
        if panicked:
            self.safety.resume()
        return sound
