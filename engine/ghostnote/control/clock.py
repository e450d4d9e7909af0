"""Which frame sounds when: the device's clock against the computer's."""

from __future__ import annotations

from collections import deque

import numpy as np

BIN_S = 0.1
"""Of the observations within this time only the earliest one counts: the others were seen late."""
WINDOW_S = 8.0
MAX_DRIFT = 500e-6
"""Audio clocks are within 100 ppm of each other; a steeper fit is noise."""
JUMP_S = 0.001
"""An offset of more than this is a gap in the stream, not a wrong guess."""
JUMP_PATIENCE_S = 0.06
JUMP_PATIENCE = 4
"""So long, and so many observations in a row, must be late before a gap is believed in."""
START_S = 1.0
SETTLE_S = 0.5
"""Corrections are spread over this time, so that the clock neither jumps nor stands still."""
_MIN_DRIFT_SPAN_S = 2.0


class StreamClock:
    """Maps `time.monotonic()` seconds to frames taken by the device and back.

    Positions are *seen* late by a random time, never early. So the line is fitted to the earliest observation
    of each tenth of a second; its slope follows the device's drift, its offset the earliest. Between
    two gaps in the stream (`resets`) the mapping is continuous and rises with time.

    Thread: one (render). Realtime-safe: yes; about 50 µs ten times a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = float(rate)
        self.resets = 0
        """How many times a gap in the stream moved the mapping."""
        self._clear()

    def _clear(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        self._best: tuple[float, float] | None = None
        self._bin_end = 0.0
        self._late_since: float | None = None
        self._late_count = 0
        self._late_best: tuple[float, float] | None = None
        self._started = False
        self._first_t = 0.0
        self._seen = -1.0
        self._anchor_t = self._anchor_f = 0.0
        self._speed = self._rate
        self._drift = 0.0

    @property
    def ready(self) -> bool:
        """Whether anything was observed since the start or the last reset."""
        return self._started

    @property
    def drift_ppm(self) -> float:
        """How much faster the device runs than its nominal rate by the computer's clock."""
        return self._drift * 1e6

    def reset(self) -> None:
        """Forget everything: the stream starts anew."""
        self.resets += self._started
        self._clear()

    def observe(self, frames: int, t: float) -> None:
        """`frames` had been taken at `t`, as first seen; repeated observations of one count are ignored."""
        if frames == self._seen:
            return
        backwards = frames < self._seen
        self._seen = frames
        if not self._started or backwards:
            self._restart(frames, t, gap=backwards)
            return
        lateness = t - self.time_of(frames)
        if lateness < -JUMP_S:
            # At the start it only says that the first observations were late ones.
            self._restart(frames, t, gap=t - self._first_t > START_S)
            return
        if lateness > JUMP_S:
            self._consider_gap(frames, t)
            return
        self._late_since = self._late_best = None
        if lateness < self._best_lateness():
            self._best = (frames, t)
        if t >= self._bin_end:
            if self._best is not None:
                self._points.append(self._best)
            self._best = None
            self._bin_end = t + BIN_S
            self._fit(t)

    def frames_at(self, t: float) -> float:
        """Frames taken by the device at time `t`, past or future."""
        return self._anchor_f + (t - self._anchor_t) * self._speed

    def time_of(self, frames: float) -> float:
        """The time at which `frames` have been taken; the inverse of `frames_at`."""
        return self._anchor_t + (frames - self._anchor_f) / self._speed

    def _best_lateness(self) -> float:
        if self._best is None:
            return float("inf")
        return self._best[1] - self.time_of(self._best[0])

    def _restart(self, frames: float, t: float, gap: bool) -> None:
        """Take the mapping from one observation alone, keeping the drift that was known."""
        self.resets += gap
        drift = self._drift
        seen = self._seen
        self._clear()
        self._seen = seen
        self._drift = drift
        self._speed = self._rate * (1.0 + drift)
        self._started = True
        self._first_t = t
        self._anchor_t, self._anchor_f = t, float(frames)
        self._points.append((frames, t))
        self._bin_end = t + BIN_S

    def _consider_gap(self, frames: float, t: float) -> None:
        """Everything late for a while is a gap in the stream; a single late one is a late look."""
        if self._late_since is None:
            self._late_since, self._late_count = t, 0
        self._late_count += 1
        best = self._late_best
        if best is None or t - self.time_of(frames) < best[1] - self.time_of(best[0]):
            self._late_best = (frames, t)
        patient = t - self._late_since < JUMP_PATIENCE_S or self._late_count < JUMP_PATIENCE
        if not patient and self._late_best is not None:
            self._restart(*self._late_best, gap=True)

    def _fit(self, now: float) -> None:
        """Fit the line to the earliest observations and steer towards it."""
        while self._points and now - self._points[0][1] > WINDOW_S:
            self._points.popleft()
        data = np.array(self._points)
        frames = data[:, 0] - data[-1, 0]
        late = data[:, 1] - data[-1, 1] - frames / self._rate
        drift = self._drift
        if -frames[0] / self._rate >= _MIN_DRIFT_SPAN_S:
            drift = _lower_slope(frames / self._rate, late)
            drift = float(np.clip(-drift, -MAX_DRIFT, MAX_DRIFT))
            self._drift += 0.1 * (drift - self._drift)
        tilted = late + frames / self._rate * self._drift
        tenth = len(tilted) // 10
        floor = float(np.partition(tilted, tenth)[tenth])
        target = data[-1, 0] + (now - data[-1, 1] - floor) * self._rate * (1.0 + self._drift)
        ahead = self.frames_at(now)
        self._anchor_t, self._anchor_f = now, ahead
        settle = min(SETTLE_S, max(2.0 * BIN_S, now - self._first_t))
        pull = float(np.clip((target - ahead) / (settle * self._rate), -0.02, 0.02))
        self._speed = self._rate * (1.0 + self._drift + pull)


def _lower_slope(x: np.ndarray, y: np.ndarray) -> float:
    """Slope of the line under the points: least squares, then twice more on those below it."""
    keep = np.ones(len(x), dtype=bool)
    slope = 0.0
    for _ in range(3):
        if keep.sum() < 4:
            break
        xs, ys = x[keep], y[keep]
        centred = xs - xs.mean()
        slope = float(centred @ (ys - ys.mean()) / (centred @ centred))
        line = ys.mean() + slope * (x - xs.mean())
        keep = y <= line + 1e-5
    return slope
