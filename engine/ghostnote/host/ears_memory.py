"""What the core and the ears share: its sound, the parts' spectrograms, hits and when they are heard, and
what an input hears."""

from __future__ import annotations

from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.record_format import CHANNELS, ring_bytes
from ghostnote.ears.beatbox import Sighting
from ghostnote.ears.coordinates import COORDINATES
from ghostnote.features.spec import FeatureSpec
from ghostnote.state.table import PARTS

Float32 = NDArray[np.float32]

HITS = 256
"""Hits that wait for the ears at most."""
SIGHTINGS = 32
"""Answers that wait for the core at most."""
MOST_CLASSES = 128
"""Classes of an answer that the core is told."""
_SPEC = FeatureSpec()
_LARGEST = _SPEC.frames * _SPEC.bins
_FIELDS = 8
_ANCHOR, _POSITION, _TIME_NS, _HITS, _FRAMES, _BINS, _WHERE, _SEEN = range(8)
_ROW = 6 + MOST_CLASSES
_INTS = _FIELDS + len(PARTS) + 2 * HITS


def ears_bytes() -> int:
    """Size of the shared memory."""
    floats = len(COORDINATES) + len(PARTS) * _LARGEST
    return ring_bytes(CHANNELS) + 8 * (_INTS + SIGHTINGS * _ROW) + 4 * floats


class EarsMemory:
    """Both ends of it; the ring of sound at its beginning is for `RingWriter` and `RingReader`.

    Positions are those of the ring, in frames. Each value has one writer; a counter beside it is odd while it
    changes. Thread: one at each end.
    """

    def __init__(self, memory: mmap) -> None:
        at = ring_bytes(CHANNELS)
        ints = np.frombuffer(memory, dtype=np.int64, count=_INTS, offset=at)
        self._head = ints[:_FIELDS]
        self._versions = ints[_FIELDS : _FIELDS + len(PARTS)]
        self._hits = ints[_FIELDS + len(PARTS) :].reshape(HITS, 2)
        at += ints.nbytes
        rows = np.frombuffer(memory, dtype=np.float64, count=SIGHTINGS * _ROW, offset=at)
        self._sightings = rows.reshape(SIGHTINGS, _ROW)
        at += rows.nbytes
        self._where = np.frombuffer(memory, dtype=np.float32, count=len(COORDINATES), offset=at)
        at += self._where.nbytes
        floats = np.frombuffer(memory, dtype=np.float32, count=len(PARTS) * _LARGEST, offset=at)
        self._sounds = floats.reshape(len(PARTS), _LARGEST)
        self._seen = 0
        self._sighted = 0
        self._had = [0] * len(PARTS)

    def touch(self) -> None:
        """Let the system find every page now, and not while something plays. Changes nothing."""
        self._sounds += np.float32(0.0)

    def set_anchor(self, position: int, heard: float) -> None:
        """Frame `position` is heard at monotonic time `heard`. Realtime-safe: yes."""
        head = self._head
        head[_ANCHOR] += 1
        head[_POSITION], head[_TIME_NS] = position, round(1e9 * heard)
        head[_ANCHOR] += 1

    def anchor(self) -> tuple[int, float] | None:
        """What `set_anchor` said last; None if it says something just now, or said nothing yet."""
        head = self._head
        version = int(head[_ANCHOR])
        found = int(head[_POSITION]), 1e-9 * int(head[_TIME_NS])
        return None if version % 2 or version != int(head[_ANCHOR]) or not version else found

    def set_where(self, coordinates: Float32) -> None:
        """What plays now lies there on `COORDINATES`, shape (8,). Realtime-safe: yes."""
        head = self._head
        head[_WHERE] += 1
        self._where[:] = coordinates
        head[_WHERE] += 1

    def where(self) -> Float32 | None:
        """What `set_where` said last; None if it says something just now, or said nothing yet."""
        version = int(self._head[_WHERE])
        found = self._where.copy()
        return None if version % 2 or version != int(self._head[_WHERE]) or not version else found

    def add_hit(self, position: int, part: int) -> None:
        """A part begins a note at `position`. Realtime-safe: yes."""
        count = int(self._head[_HITS])
        self._hits[count % HITS] = position, part
        self._head[_HITS] = count + 1

    def new_hits(self) -> list[tuple[int, int]]:
        """Hits since the last call as (position, part)."""
        count = int(self._head[_HITS])
        first = max(self._seen, count - HITS)
        self._seen = count
        return [(int(p), int(n)) for p, n in (self._hits[k % HITS] for k in range(first, count))]

    def skip_hits(self) -> None:
        """Forget the hits until now."""
        self._seen = int(self._head[_HITS])

    def add_sighting(self, seen: Sighting) -> None:
        """Something was heard at the input. Thread: that of the ears."""
        count = int(self._head[_SEEN])
        row, probabilities = self._sightings[count % SIGHTINGS], seen.probabilities[:MOST_CLASSES]
        row[:6] = seen.at, seen.age_s, seen.said, seen.peak, seen.final, len(probabilities)
        row[6 : 6 + len(probabilities)] = probabilities
        self._head[_SEEN] = count + 1

    def new_sightings(self) -> list[Sighting]:
        """What was heard since the last call. Thread: render. Realtime-safe: bounded work."""
        count = int(self._head[_SEEN])
        if count == self._sighted:
            return []
        first = max(self._sighted, count - SIGHTINGS)
        self._sighted = count
        found = []
        for k in range(first, count):
            at, age_s, said, peak, final, classes, *rest = self._sightings[k % SIGHTINGS].tolist()
            probabilities = np.array(rest[: int(classes)], dtype=np.float32)
            found.append(Sighting(at, age_s, said, peak, bool(final), probabilities))
        return found

    def skip_sightings(self) -> None:
        """Forget what was heard until now."""
        self._sighted = int(self._head[_SEEN])

    def put_sound(self, part: int, magnitudes: Float32) -> None:
        """The spectrogram (F, B) of which the next note of a part will be made."""
        k, size = part - PARTS[0], magnitudes.size
        if size > _LARGEST:
            return
        self._versions[k] += 1
        self._head[_FRAMES], self._head[_BINS] = magnitudes.shape
        self._sounds[k, :size] = magnitudes.reshape(-1)
        self._versions[k] += 1

    def new_sound(self, part: int) -> Float32 | None:
        """A part's spectrogram if it is another one than at the last call."""
        k = part - PARTS[0]
        version = int(self._versions[k])
        if version == self._had[k] or version % 2:
            return None
        frames, bins = int(self._head[_FRAMES]), int(self._head[_BINS])
        sound = self._sounds[k, : frames * bins].reshape(frames, bins).copy()
        if version != int(self._versions[k]):
            return None
        self._had[k] = version
        return sound
