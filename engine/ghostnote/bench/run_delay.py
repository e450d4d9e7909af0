"""How long a thread of another process was ready to run and set aside for others, from Linux's own record."""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType

import numpy as np

from ghostnote.bench.stalls import Span

SAMPLE_S = 0.004
KEPT = 1 << 18


class RunDelay:
    """Reads /proc/PID/task/TID/schedstat every 4 ms for the length of a `with` block, from outside, so that
    the thread itself is not disturbed. Where there is no such file, nothing is known."""

    def __init__(self, pid: int, tid: int) -> None:
        self._path = Path(f"/proc/{pid}/task/{tid}/schedstat")
        self._samples: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="run-delay", daemon=True)

    def __enter__(self) -> RunDelay:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(1.0)

    def during(self, span: Span) -> float:
        """Seconds set aside between the samples around `span`; NaN where there are none around it."""
        samples = np.array(list(self._samples)).reshape(-1, 2)
        at, delay = samples[:, 0], samples[:, 1]
        before = int(np.searchsorted(at, span[0], side="right")) - 1
        after = int(np.searchsorted(at, span[1], side="left"))
        if before < 0 or after >= len(at):
            return float("nan")
        return float(delay[after] - delay[before])

    def _run(self) -> None:
        try:
            with self._path.open(encoding="ascii") as file:
                while not self._done.wait(SAMPLE_S):
                    file.seek(0)
                    self._samples.append((time.monotonic(), 1e-9 * int(file.read().split()[1])))
        except (OSError, IndexError, ValueError):
            return  # the thread has ended, or the system keeps no such record
