"""Another computer's clock: how it drifts against ours, found from how far ahead its time tags are.

The tags themselves are believed (both clocks are set by the network, or their difference is part of the
sender's latency). But a clock that runs 50 ppm fast or slow makes a set late, or early, by 0.18 s an hour.
"""

from __future__ import annotations

from collections import deque

import numpy as np

BIN_S = 1.0
"""Of the messages of this time the one that is furthest ahead counts: the others waited in the network, or
were meant to sound sooner."""
WINDOW_S = 60.0
MIN_BINS = 15
MAX_DRIFT = 500e-6
STEP_S = 0.02
"""A change of more than this from one bin to the next is meant: another latency, or a clock that was set."""
SCATTER_S = 0.004
"""With more scatter around the line there is no drift to be seen."""
SETTLE_S = 20.0


class SenderClock:
    """Takes the drift out of one sender's times, slowly and without steps.

    A line is fitted to the leads of the last minute (least squares); its slope is the drift. The correction
    keeps the lead where it was in the beginning. Thread: the OSC server's.
    """

    def __init__(self) -> None:
        self._bins: deque[tuple[float, float]] = deque()
        self._best: tuple[float, float] | None = None
        self._bin_end = float("-inf")
        self._level: float | None = None
        self._shift = 0.0
        self._shift_at = 0.0
        self._rate = 0.0

    @property
    def drift_ppm(self) -> float:
        """How much faster the sender's clock runs than ours, as corrected now."""
        return self._rate * 1e6

    def due(self, stamp: float, received: float) -> float:
        """When a message sounds that came at `received` for time `stamp`, all by our monotonic clock."""
        lead = stamp - received
        if received >= self._bin_end:
            self._close_bin(received)
        if self._best is None or lead > self._best[1]:
            self._best = (received, lead)
        return stamp - self._shift_now(received)

    def _shift_now(self, t: float) -> float:
        return self._shift + (t - self._shift_at) * self._rate

    def _close_bin(self, now: float) -> None:
        self._bin_end = now + BIN_S
        if self._best is None:
            return
        at, lead = self._best
        self._best = None
        self._shift, self._shift_at = self._shift_now(now), now
        if self._bins and abs(lead - self._bins[-1][1]) > STEP_S:
            self._bins.clear()
            self._level, self._rate = None, 0.0
        self._bins.append((at, lead))
        while now - self._bins[0][0] > WINDOW_S:
            self._bins.popleft()
        if len(self._bins) >= MIN_BINS:
            self._fit(now)

    def _fit(self, now: float) -> None:
        data = np.array(self._bins)
        times = data[:, 0] - now
        slope, level = np.polyfit(times, data[:, 1], 1)
        scatter = float(np.std(data[:, 1] - level - slope * times))
        if scatter > SCATTER_S or abs(slope) > MAX_DRIFT:
            self._rate = 0.0
            return
        if self._level is None:
            # Where the lead was when it was first seen, as heard.
            self._level = float(level + slope * times[0]) - self._shift
        pull = (float(level) - self._shift - self._level) / SETTLE_S
        self._rate = float(np.clip(slope + pull, -MAX_DRIFT, MAX_DRIFT))
