"""Peak levels of the parts, for eyes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

MOST_PARTS = 32


class PartMeters:
    """The largest magnitude of each part, by its number, since someone last looked.

    Nothing is measured until `on` is set. A note counts from its second quantum on, since the first one's
    gains are not known before it is mixed. Peaks are kept by row, and belong to the row's part when it
    changes or when someone looks.
    """

    def __init__(self, rows: int, quantum: int) -> None:
        self.on = False
        self._rows = np.arange(rows)
        self._magnitude = np.zeros((rows, quantum), dtype=np.float32)
        self._of_rows = np.zeros(rows, dtype=np.float32)
        self._peaks = np.zeros(MOST_PARTS, dtype=np.float32)

    def hear(self, block: Float32, gains: Float32) -> None:
        """Measure a quantum. Thread: render. Realtime-safe: no locks.

        `block`: samples, shape (rows, quantum); `gains`: left and right, shape (2, rows).
        """
        np.abs(block, out=self._magnitude)
        # The place of the largest is found several times faster than the largest itself.
        loud = self._magnitude[self._rows, self._magnitude.argmax(axis=1)]
        loud *= np.maximum(gains[0], gains[1])
        np.maximum(self._of_rows, loud, out=self._of_rows)

    def change(self, row: int, part: int) -> None:
        """A row that was `part`'s is given to another note. Thread: render."""
        self._peaks[part] = max(self._peaks[part], self._of_rows[row])
        self._of_rows[row] = 0.0

    def take(self, parts: NDArray[np.intp]) -> Float32:
        """Peaks since the last call, shape (MOST_PARTS,); `parts`: the part of each row. Thread: any one."""
        of_rows, self._of_rows = self._of_rows, np.zeros_like(self._of_rows)
        peaks, self._peaks = self._peaks, np.zeros_like(self._peaks)
        np.maximum.at(peaks, parts, of_rows)
        return peaks
