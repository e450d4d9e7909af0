"""A ring of sound in shared memory, from the render thread to the process that writes it to disk.

When the reader is too slow, blocks are left out and their length is kept, so that silence of the same length
takes their place and everything after them is still at its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from ghostnote.audio.record_format import FIELDS, FRAMES, GAPS

Float32 = NDArray[np.float32]

RESUME_AT = FRAMES // 4
"""Free frames that a writer waits for after the ring was full, so that gaps are few and long."""
PIECE = 1 << 15
"""Longest piece that a reader hands out."""

_WRITTEN, _READ, _OPENED, _FILLED, _SILENT, _OWED, _LOST, _ENDED = range(8)
"""What the header counts: frames put in and taken out, gaps opened and filled in, frames of all gaps told,
frames of the gap to come, frames left out because the ring was full; and whether nothing follows."""


class _Ring:
    def __init__(self, memory: mmap, channels: int) -> None:
        count = FIELDS + 2 * GAPS
        header = np.frombuffer(memory, dtype=np.int64, count=count)
        self._head = header[:FIELDS]
        self._gaps = header[FIELDS:].reshape(GAPS, 2)
        sound = np.frombuffer(memory, dtype=np.float32, count=FRAMES * channels, offset=8 * count)
        self._sound = sound.reshape(FRAMES, channels)
        self._channels = channels


class RingWriter(_Ring):
    """The end that the render thread writes to. `memory` may hold a ring that a process before it began."""

    def clear(self) -> None:
        """Begin anew, and touch every page now. Nobody may read or write meanwhile. Not realtime-safe."""
        self._head[:] = 0
        self._gaps[:] = 0
        self._sound[:] = 0.0

    @property
    def position(self) -> int:
        """Frames since `clear`, silence included."""
        return int(self._head[_WRITTEN] + self._head[_SILENT] + self._head[_OWED])

    @property
    def lost(self) -> int:
        """Frames that were left out because the ring was full."""
        return int(self._head[_LOST])

    def go_to(self, position: int) -> None:
        """Let what is written next be at `position`, with silence before it; never backwards."""
        self._head[_OWED] += max(0, position - self.position)

    def write(self, block: Float32) -> bool:
        """Put in a block, shape (n, channels); False if it was left out.

        Thread: render. Realtime-safe: a copy, no lock, no memory.
        """
        head, frames = self._head, len(block)
        written = int(head[_WRITTEN])
        free = FRAMES - (written - int(head[_READ]))
        owed = int(head[_OWED])
        waits = owed and (free < RESUME_AT or head[_OPENED] - head[_FILLED] >= GAPS)
        if frames > free or waits:
            head[_OWED] += frames
            head[_LOST] += frames
            return False
        if owed:
            self._gaps[int(head[_OPENED]) % GAPS] = (written, owed)
            head[_OPENED] += 1
            head[_SILENT] += owed
            head[_OWED] = 0
        start = written % FRAMES
        first = min(frames, FRAMES - start)
        self._sound[start : start + first] = block[:first]
        self._sound[: frames - first] = block[first:]
        head[_WRITTEN] = written + frames
        return True

    def end(self) -> None:
        """Nothing follows. Called when no `write` runs any more."""
        self._head[_ENDED] = 1


class RingReader(_Ring):
    """The end that the writing process reads from.

    It takes only what was there at its last look, so that nothing depends on the order in which one
    processor sees what another has written.
    """

    def __init__(self, memory: mmap, channels: int) -> None:
        super().__init__(memory, channels)
        self._seen = int(self._head[_READ])
        self._seen_end = False
        self._paid = False

    @property
    def finished(self) -> bool:
        """Whether everything was read and nothing follows."""
        return self._seen_end and self._paid

    @property
    def lost(self) -> int:
        """Frames that were left out because the ring was full."""
        return int(self._head[_LOST])

    def read(self) -> Iterator[Float32]:
        """What came in up to the last look, as pieces of shape (n ≤ `PIECE`, channels), silence included.

        A piece makes room in the ring when the next one is asked for.
        """
        head, upto, ended = self._head, self._seen, self._seen_end
        self._seen_end = bool(head[_ENDED])
        self._seen = int(head[_WRITTEN])
        while (at := int(head[_READ])) < upto:
            stop = min(upto, at + PIECE)
            if head[_FILLED] < head[_OPENED]:
                gap_at, silent = self._gaps[int(head[_FILLED]) % GAPS].tolist()
                if gap_at == at:
                    yield from self._silence(silent)
                    head[_FILLED] += 1
                elif gap_at < stop:
                    stop = gap_at
            start = at % FRAMES
            stop = min(stop, at + FRAMES - start)
            yield self._sound[start : start + stop - at]
            head[_READ] = stop
        if ended and not self._paid:
            yield from self._silence(int(head[_OWED]))
            self._paid = True

    def _silence(self, frames: int) -> Iterator[Float32]:
        for start in range(0, frames, PIECE):
            yield np.zeros((min(PIECE, frames - start), self._channels), dtype=np.float32)
