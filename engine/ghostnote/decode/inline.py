"""Decoding on the caller's own thread, at the moment of collection: for renders, which have no clock."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.decoder import FAILURES_TO_STALL, MAX_PENDING, DecoderModel, Job, Ledger
from ghostnote.decode.session import OFFLINE_DEADLINE_S
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]


class InlineDecoder:
    """A `Decoder` that computes when a job is collected, so that a render needs no thread and no clock."""

    def __init__(
        self, model: DecoderModel | None, telemetry: Telemetry, *, max_pending: int = MAX_PENDING
    ) -> None:
        self._model = model
        self._telemetry = telemetry
        self._max_pending = max_pending
        self._jobs: dict[int, Job] = {}
        self._failures = Ledger(telemetry)
        self._closed = False

    def submit(self, job_id: int, z: Float32, texture: Float32, model: DecoderModel | None = None) -> bool:
        """See `Decoder.submit`."""
        model = model or self._model
        if self._closed or model is None or len(self._jobs) >= self._max_pending:
            self._telemetry.count("decode.rejected")
            return False
        self._jobs[job_id] = Job(np.array(z, dtype=np.float32), texture, model)
        return True

    def collect(self, job_id: int) -> Float32 | None:
        """See `Decoder.collect`; decodes on the calling thread."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return None
        begin = time.monotonic()
        try:
            magnitudes = job.model.decode(job.z, job.texture, deadline_s=OFFLINE_DEADLINE_S)
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
