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
    """A `Decoder` with one daemon thread, which may be replaced by another worker while the old one plays.

    `submit`, `collect`, `discard`, `failed` and `stalled` take no lock that is held during a run.
    """

    def __init__(self, model: DecoderModel, telemetry: Telemetry, *, max_pending: int = MAX_PENDING) -> None:
        self._model = model
        self._telemetry = telemetry
        self._max_pending = max_pending
        self._deadline_s = model.live_deadline_s()
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._jobs: dict[int, Job] = {}
        self._results: dict[int, Float32] = {}
        self._failures = Ledger(telemetry)
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
        self._jobs[job_id] = Job(np.array(z, dtype=np.float32), texture)
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

    def _decode(self, job_id: int, job: Job, begin: float) -> None:
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
