"""The core's end of ears: what it plays, hits and the parts' sounds into shared memory."""

from __future__ import annotations

import threading
from mmap import mmap

from ghostnote.audio.record_ring import Float32, RingWriter
from ghostnote.core.instrument import CHANNELS
from ghostnote.core.live import Live
from ghostnote.core.part import Part
from ghostnote.host.ears_memory import EarsMemory
from ghostnote.synth.voice import Sound

LOOK_S = 0.03
"""A part's sound is looked at so often, one part at a time."""


class EarsTap:
    """Tells ears what a core plays. `fresh`: nobody listens yet, and nothing was told before."""

    def __init__(self, memory: mmap, live: Live, parts: dict[int, Part], *, fresh: bool) -> None:
        self._live, self._parts = live, parts
        self._memory = EarsMemory(memory)
        self._ring = RingWriter(memory, CHANNELS)
        self._memory.touch()
        if fresh:
            self._ring.clear()
        self._hits = {number: part.hits for number, part in parts.items()}
        self._known: dict[int, Sound] = {}
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
        begins = self._ring.position
        for number, part in self._parts.items():
            hits = part.hits
            if hits != self._hits[number]:
                if hits > self._hits[number]:
                    self._memory.add_hit(begins, number)
                self._hits[number] = hits
        self._ring.write(block)
        self._memory.set_anchor(self._ring.position, self._live.heard_at())

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
