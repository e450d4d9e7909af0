"""One shared timer thread that ends inference runs which pass their deadline."""

from __future__ import annotations

import itertools
import math
import threading
import time
from typing import Protocol


class Terminable(Protocol):
    """What is told to end: onnxruntime's RunOptions, whose run stops at the next operator."""

    terminate: bool


LINGER_S = 1.0
MIN_NAP_S = 0.005


class Watchdog:
    """Sets `terminate` on run options whose deadline has passed.

    Arming and disarming are a dictionary write each: waking the thread, which costs more, is only needed when
    it sleeps past the new deadline. So for `LINGER_S` after the last run it naps no longer than the shortest
    deadline it has met, and sleeps deeply only then. Thread: any.
    """

    def __init__(self) -> None:
        self._runs: dict[int, tuple[float, Terminable]] = {}
        self._tokens = itertools.count()
        self._wake = threading.Event()
        self._next_s = math.inf
        self._shortest_s = math.inf
        self._last_due_s = -math.inf
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def arm(self, options: Terminable, after_s: float) -> int:
        """Watch a run that starts now; returns the token for `disarm`."""
        if self._thread is None:
            self._start_thread()
        token = next(self._tokens)
        due = time.monotonic() + after_s
        self._shortest_s = max(min(self._shortest_s, after_s), MIN_NAP_S)
        self._last_due_s = due
        self._runs[token] = (due, options)
        if due < self._next_s:
            self._wake.set()
        return token

    def disarm(self, token: int) -> bool:
        """End watching; False when the deadline passed first, whether or not the timer got to say so."""
        watched = self._runs.pop(token, None)
        return watched is not None and time.monotonic() < watched[0]

    def _start_thread(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="decode-deadline", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while True:
            self._wake.clear()
            now = time.monotonic()
            self._expire(now)
            nearest = self._nearest(now)
            self._next_s = nearest
            # A run armed before `_next_s` was set did not wake us: look once more before sleeping.
            if self._nearest(now) < nearest:
                continue
            self._wake.wait(None if nearest == math.inf else max(nearest - time.monotonic(), 0.0))

    def _nearest(self, now: float) -> float:
        """When to look again: the first deadline, or the end of a nap."""
        nap = now + self._shortest_s if now < self._last_due_s + LINGER_S else math.inf
        return min((due for due, _ in list(self._runs.values())), default=nap)

    def _expire(self, now: float) -> None:
        for token, (due, options) in list(self._runs.items()):
            if due <= now and self._runs.pop(token, None) is not None:
                options.terminate = True


WATCHDOG = Watchdog()
