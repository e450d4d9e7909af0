"""The core's end of ears: what it plays, hits and the parts' sounds into shared memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from mmap import mmap

import numpy as np

from ghostnote.audio.record_ring import Float32, RingWriter
from ghostnote.core.engine import Engine
from ghostnote.core.instrument import CHANNELS
from ghostnote.core.live import Live
from ghostnote.ears.coordinates import COORDINATES, Coordinates
from ghostnote.host.ears_memory import EarsMemory
from ghostnote.synth.voice import Sound

_MODELS = 16
"""Models whose axes are remembered."""
LOOK_S = 0.03
"""A part's sound is looked at so often, one part at a time."""


class EarsTap:
    """Tells ears what a core plays, and beatbox when a hit is heard.

    `fresh`: nobody listens yet, and nothing was told before.
    """

    def __init__(
        self, memory: mmap, live: Live, engine: Engine, own_hit: Callable[[float], None], *, fresh: bool
    ) -> None:
        """`own_hit`: called with the monotonic time at which a hit that can be heard is heard."""
        self._live, self._engine, self._parts = live, engine, engine.parts
        self._own_hit = own_hit
        self._memory = EarsMemory(memory)
        self._ring = RingWriter(memory, CHANNELS)
        self._memory.touch()
        if fresh:
            self._ring.clear()
        self._hits = {number: part.hits for number, part in self._parts.items()}
        self._known: dict[int, Sound] = {}
        self._axes: dict[int, tuple[list[int], Coordinates]] = {}
        self._playing: Sound | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ghostnote-ears", daemon=True)

    def start(self) -> None:
        """Begin, before anything plays."""
        self._live.monitor = self._take
        self._thread.start()

    def close(self) -> None:
        """Say no more."""
        self._live.monitor = None
        self._ended.set()

    def _take(self, block: Float32) -> None:
        """One block, just after it was given to the device. Thread: render. Realtime-safe: yes."""
        begins, heard = self._ring.position, self._live.heard_at()
        self._locate()
        for number, part in self._parts.items():
            hits = part.hits
            if hits != self._hits[number]:
                if hits > self._hits[number]:
                    self._memory.add_hit(begins, number)
                    if self._engine.master_gain > 0.0 and any(part.level()):
                        self._own_hit(heard - len(block) / self._live.rate)
                self._hits[number] = hits
        self._ring.write(block)
        self._memory.set_anchor(self._ring.position, heard)

    def _locate(self) -> None:
        """Say where the newest note lies, when that changed. Thread: render. Realtime-safe: bounded work."""
        voices = self._engine.pool.voices
        sound = voices[-1].now.sound if voices else None
        if sound is None or sound is self._playing or sound.point is None:
            return
        self._playing = sound
        if sound.model not in self._axes:
            loaded = next((one for one in self._engine.models if one.number == sound.model), None)
            if loaded is None:
                return
            if len(self._axes) == _MODELS:
                self._axes.clear()
            axes = Coordinates(loaded.manifest)
            self._axes[sound.model] = [COORDINATES.index(name) for name in axes.names], axes
        which, axes = self._axes[sound.model]
        where = np.zeros(len(COORDINATES), dtype=np.float32)
        where[which] = axes.of(sound.point)
        self._memory.set_where(where)

    def _follow(self) -> None:
        """Hand on the sounds that parts got, so that ears know a hit's class before it comes."""
        while True:
            for number, part in self._parts.items():
                if self._ended.wait(LOOK_S):
                    return
                sound = part.armed.sound
                if sound is not self._known.get(number):
                    self._known[number] = sound
                    self._memory.put_sound(number, sound.magnitudes)
