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


class Watchdog:
    """Sets `terminate` on run options whose deadline has passed.

    Arming and disarming are a dictionary write each; the thread is woken only when it sleeps past the new
    deadline, so back-to-back runs do not wake it. Thread: any.
    """

    def __init__(self) -> None:
        self._runs: dict[int, tuple[float, Terminable]] = {}
        self._tokens = itertools.count()
        self._wake = threading.Event()
        self._next_s = math.inf
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def arm(self, options: Terminable, after_s: float) -> int:
        """Watch a run that starts now; returns the token for `disarm`."""
        if self._thread is None:
            self._start_thread()
        token = next(self._tokens)
        due = time.monotonic() + after_s
        self._runs[token] = (due, options)
        if due < self._next_s:
            self._wake.set()
        return token

    def disarm(self, token: int) -> bool:
        """End watching; False when the deadline passed first."""
        return self._runs.pop(token, None) is not None

    def _start_thread(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="decode-deadline", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while True:
            self._wake.clear()
            self._expire(time.monotonic())
            nearest = self._nearest()
            self._next_s = nearest
            # A run armed before `_next_s` was set did not wake us: look once more before sleeping.
            if self._nearest() < nearest:
                continue
            self._wake.wait(None if nearest == math.inf else max(nearest - time.monotonic(), 0.0))

    def _nearest(self) -> float:
        return min((due for due, _ in list(self._runs.values())), default=math.inf)

    def _expire(self, now: float) -> None:
        for token, (due, options) in list(self._runs.items()):
            if due <= now and self.disarm(token):
                options.terminate = True


WATCHDOG = Watchdog()
