"""Counters and once-per-cause reports for trouble while playing: nothing here blocks or raises."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """One piece of trouble as told to a person: `key` names the cause, `count` how often since last told."""

    key: str
    text: str
    count: int


class Telemetry:
    """Named counters and gauges plus a bounded list of reports, each cause told at most every `hold_s`.

    Thread: any. Realtime-safe: no (takes the interpreter's lock); never called from a device callback.
    """

    def __init__(self, hold_s: float = 3.0, max_reports: int = 256) -> None:
        self._counts: dict[str, int] = {}
        self._gauges: dict[str, float] = {}
        self._told: dict[str, tuple[float, int]] = {}
        self._reports: deque[Report] = deque(maxlen=max_reports)
        self._hold_s = hold_s
        self._lock = threading.Lock()

    def count(self, key: str, n: int = 1) -> None:
        """Add `n` to counter `key`."""
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + n

    def gauge(self, key: str, value: float) -> None:
        """Set gauge `key` to its present value."""
        self._gauges[key] = value

    def trouble(self, key: str, text: str) -> None:
        """Count trouble `key` and queue `text` for a person, unless the same cause was told just now."""
        self.count(key)
        now = time.monotonic()
        with self._lock:
            told, held = self._told.get(key, (-1e9, 0))
            if now - told < self._hold_s:
                self._told[key] = (told, held + 1)
                return
            self._told[key] = (now, 0)
            self._reports.append(Report(key, text, held + 1))

    def take_reports(self) -> list[Report]:
        """Reports queued since the last call, oldest first."""
        taken = []
        while self._reports:
            taken.append(self._reports.popleft())
        return taken

    def snapshot(self) -> dict[str, float]:
        """All counters and gauges as one plain dict."""
        with self._lock:
            return {**self._counts, **self._gauges}
