"""Decoding beside the render thread: no wait, no exception and no bad number gets back to it."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.decoder import FAILURES_TO_STALL, MAX_PENDING, Decoder, DecoderModel, Job, Ledger
from ghostnote.decode.inline import InlineDecoder
from ghostnote.telemetry import Telemetry

__all__ = ["MAX_RESULTS", "DecodeWorker", "Decoder", "DecoderModel", "InlineDecoder"]

Float32 = NDArray[np.float32]

MAX_RESULTS = 64
"""Results kept for collection, 0.7 MB each; the oldest is dropped when a new one finds no room."""


class DecodeWorker:
    """A `Decoder` with one daemon thread, which serves all models in the order of their jobs.

    Each job has its own model's deadline. `submit`, `collect`, `discard`, `failed` and `stalled` take no lock
    that is held during a run.
    """

    def __init__(
        self, model: DecoderModel | None, telemetry: Telemetry, *, max_pending: int = MAX_PENDING
    ) -> None:
        self._model = model
        self._telemetry = telemetry
        self._max_pending = max_pending
        self._longest_s = 0.0 if model is None else model.live_deadline_s()
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._jobs: dict[int, Job] = {}
        self._results: dict[int, Float32] = {}
        self._failures = Ledger(telemetry)
        self._running: tuple[int, float, float] | None = None
        self._unwanted: set[int] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="decode", daemon=True)
        self._thread.start()

    def submit(self, job_id: int, z: Float32, texture: Float32, model: DecoderModel | None = None) -> bool:
        """See `Decoder.submit`."""
        model = model or self._model
        # Discarded jobs leave their ids in the queue, so its length is bounded too.
        if (
            self._closed
            or model is None
            or len(self._jobs) >= self._max_pending
            or self._queue.qsize() >= 16 * self._max_pending
        ):
            self._telemetry.count("decode.rejected")
            return False
        self._longest_s = max(self._longest_s, model.live_deadline_s())
        self._jobs[job_id] = Job(np.array(z, dtype=np.float32), texture, model)
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
        late = running is not None and time.monotonic() - running[1] > running[2]
        return late or self._failures.streak >= FAILURES_TO_STALL or not self._thread.is_alive()

    def close(self) -> None:
        """Drop what waits and end the thread; waits for a run at most the longest deadline and a half."""
        self._closed = True
        self._jobs.clear()
        self._queue.put(None)
        self._thread.join(timeout=1.5 * self._longest_s)
        self._results.clear()

    def _work(self) -> None:
        while (job_id := self._queue.get()) is not None:
            begin = time.monotonic()
            self._unwanted.clear()
            self._running = (job_id, begin, self._longest_s)
            job = self._jobs.pop(job_id, None)
            if job is not None:
                deadline_s = job.model.live_deadline_s()
                self._running = (job_id, begin, deadline_s)
                self._decode(job_id, job, begin, deadline_s)
            del job  # the last to know a model that was unloaded meanwhile
            self._running = None

    def _decode(self, job_id: int, job: Job, begin: float, deadline_s: float) -> None:
        try:
            magnitudes = job.model.decode(job.z, job.texture, deadline_s=deadline_s)
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
