"""Decoding beside the render thread: jobs in, magnitudes out, and no trouble that can reach the sound."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.session import OFFLINE_DEADLINE_S, DeadlineError, OutputError, one_line
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]

MAX_PENDING = 64
MAX_RESULTS = 64
"""Results kept for collection, 0.7 MB each; the oldest is dropped when a new one finds no room."""
MAX_FAILED = 1024
FAILURES_TO_STALL = 3


class DecoderModel(Protocol):
    """What a decoder needs of a `Model`."""

    def decode(self, z: Float32, texture: Float32, *, deadline_s: float) -> Float32:
        """Magnitudes [F, B] of latent point [D] and texture [F, B]."""
        ...

    def live_deadline_s(self, graph: str = "decoder") -> float:
        """Seconds after which a live run is given up."""
        ...


class Decoder(Protocol):
    """Decodes jobs, each known by an id that its owner uses once. Thread: the methods are for one thread."""

    def submit(self, job_id: int, z: Float32, texture: Float32) -> bool:
        """Take a job: `z` [D] (copied), `texture` [F, B] (kept; must not change until the job is done).

        False, counted, when there is no room. Never waits.
        """
        ...

    def collect(self, job_id: int) -> Float32 | None:
        """Magnitudes [F, B] of a finished job, float32, C-contiguous, now the caller's; None when not ready.

        A job can be collected once. A job that failed, was refused or discarded gives None for ever.
        """
        ...

    def discard(self, job_id: int) -> None:
        """Forget a job, whether it waits, runs, is done or unknown."""
        ...

    def failed(self, job_id: int) -> bool:
        """Whether a job failed, so that waiting for it is useless (the last `MAX_FAILED` are known)."""
        ...

    @property
    def stalled(self) -> bool:
        """Whether decoding is stuck: a run past its deadline, or several failures in a row."""
        ...

    def close(self) -> None:
        """Give up what waits and end."""
        ...


@dataclass(frozen=True, eq=False)
class _Job:
    z: Float32
    texture: Float32


class _Ledger:
    """Failures: which jobs, how many in a row, and the report of them."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._ids: set[int] = set()
        self._order: deque[int] = deque()
        self.streak = 0

    def success(self, seconds: float) -> None:
        self.streak = 0
        self._telemetry.count("decode.jobs")
        self._telemetry.gauge("decode.last_ms", seconds * 1e3)

    def failure(self, job_id: int, error: Exception) -> None:
        self.streak += 1
        self.mark(job_id)
        if isinstance(error, DeadlineError):
            key = "decode.deadline"
        else:
            key = "decode.not_finite" if isinstance(error, OutputError) else "decode.error"
        self._telemetry.trouble(key, f"decoding a sound failed, the old one goes on: {one_line(error)}")

    def mark(self, job_id: int) -> None:
        self._ids.add(job_id)
        self._order.append(job_id)
        if len(self._order) > MAX_FAILED:
            self._ids.discard(self._order.popleft())

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._ids


class DecodeWorker:
    """A `Decoder` with one daemon thread, which may be replaced by another worker while the old one plays.

    `submit`, `collect`, `discard`, `failed` and `stalled` take no lock that is held during a run.
    """

    def __init__(self, model: DecoderModel, telemetry: Telemetry, *, max_pending: int = MAX_PENDING) -> None:
        self._model = model
        self._telemetry = telemetry
        self._max_pending = max_pending
        self._deadline_s = model.live_deadline_s()
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._jobs: dict[int, _Job] = {}
        self._results: dict[int, Float32] = {}
        self._failures = _Ledger(telemetry)
        self._running: tuple[int, float] | None = None
        self._unwanted: set[int] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="decode", daemon=True)
        self._thread.start()

    def submit(self, job_id: int, z: Float32, texture: Float32) -> bool:
        """See `Decoder.submit`."""
        # Discarded jobs leave their ids in the queue, so its length is bounded too.
        if (
            self._closed
            or len(self._jobs) >= self._max_pending
            or self._queue.qsize() >= 16 * self._max_pending
        ):
            self._telemetry.count("decode.rejected")
            return False
        self._jobs[job_id] = _Job(np.array(z, dtype=np.float32), texture)
        self._queue.put(job_id)
        return True

    def collect(self, job_id: int) -> Float32 | None:
        """See `Decoder.collect`."""
        return self._results.pop(job_id, None)

    def discard(self, job_id: int) -> None:
        """See `Decoder.discard`."""
        self._jobs.pop(job_id, None)
        running = self._running
        if running is not None and running[0] == job_id:
            self._unwanted.add(job_id)
        self._results.pop(job_id, None)

    def failed(self, job_id: int) -> bool:
        """See `Decoder.failed`."""
        return job_id in self._failures

    @property
    def stalled(self) -> bool:
        """See `Decoder.stalled`."""
        running = self._running
        late = running is not None and time.monotonic() - running[1] > self._deadline_s
        return late or self._failures.streak >= FAILURES_TO_STALL or not self._thread.is_alive()

    def close(self) -> None:
        """Drop what waits and end the thread; waits for a run at most a deadline and a half."""
        self._closed = True
        self._jobs.clear()
        self._queue.put(None)
        self._thread.join(timeout=1.5 * self._deadline_s)
        self._results.clear()

    def _work(self) -> None:
        while (job_id := self._queue.get()) is not None:
            begin = time.monotonic()
            self._unwanted.clear()
            self._running = (job_id, begin)
            job = self._jobs.pop(job_id, None)
            if job is not None:
                self._decode(job_id, job, begin)
            self._running = None

    def _decode(self, job_id: int, job: _Job, begin: float) -> None:
        try:
            magnitudes = self._model.decode(job.z, job.texture, deadline_s=self._deadline_s)
        except Exception as error:  # whatever it is, the sound goes on
            self._failures.failure(job_id, error)
            return
        self._failures.success(time.monotonic() - begin)
        if job_id in self._unwanted:
            return
        if len(self._results) >= MAX_RESULTS:
            self._evict()
        self._results[job_id] = magnitudes

    def _evict(self) -> None:
        oldest = next(iter(list(self._results)), None)
        if oldest is not None and self._results.pop(oldest, None) is not None:
            self._failures.mark(oldest)
            self._telemetry.count("decode.evicted")


class InlineDecoder:
    """A `Decoder` that computes when a job is collected, so that a render needs no thread and no clock."""

    def __init__(self, model: DecoderModel, telemetry: Telemetry, *, max_pending: int = MAX_PENDING) -> None:
        self._model = model
        self._telemetry = telemetry
        self._max_pending = max_pending
        self._jobs: dict[int, _Job] = {}
        self._failures = _Ledger(telemetry)
        self._closed = False

    def submit(self, job_id: int, z: Float32, texture: Float32) -> bool:
        """See `Decoder.submit`."""
        if self._closed or len(self._jobs) >= self._max_pending:
            self._telemetry.count("decode.rejected")
            return False
        self._jobs[job_id] = _Job(np.array(z, dtype=np.float32), texture)
        return True

    def collect(self, job_id: int) -> Float32 | None:
        """See `Decoder.collect`; decodes on the calling thread."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return None
        begin = time.monotonic()
        try:
            magnitudes = self._model.decode(job.z, job.texture, deadline_s=OFFLINE_DEADLINE_S)
        except Exception as error:  # as in the worker
            self._failures.failure(job_id, error)
            return None
        self._failures.success(time.monotonic() - begin)
        return magnitudes

    def discard(self, job_id: int) -> None:
        """See `Decoder.discard`."""
        self._jobs.pop(job_id, None)

    def failed(self, job_id: int) -> bool:
        """See `Decoder.failed`."""
        return job_id in self._failures

    @property
    def stalled(self) -> bool:
        """See `Decoder.stalled`."""
        return self._failures.streak >= FAILURES_TO_STALL

    def close(self) -> None:
        """See `Decoder.close`."""
        self._closed = True
        self._jobs.clear()
