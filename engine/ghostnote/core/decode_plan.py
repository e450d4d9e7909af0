"""Which latent point is decoded when, as a function of the timeline alone.

Jobs start at most every `spacing` quanta and take effect exactly `delay` quanta after they start, whether the
worker needed half a millisecond or five. So a knob has constant latency, and an offline render gives the same
samples as the live one. A result that is late is used as soon as it is there, and counted.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ghostnote.decode.worker import Decoder
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]
Key = tuple[str, int]

MAX_ATTEMPTS = 3
"""So often a point is decoded before it is given up."""


@dataclass(frozen=True)
class Request:
    """A latent point that `key` (a part or a voice) wants decoded; `ticket` comes back with the result."""

    key: Key
    z: Float32
    texture: Float32
    ticket: object
    attempts: int = 1


@dataclass(frozen=True)
class _Job:
    job_id: int
    request: Request
    due: int


class DecodePlan:
    """Latest-value-wins queue of requests in front of a decoder. Thread: render."""

    def __init__(self, decoder: Decoder, delay: int, spacing: int, telemetry: Telemetry) -> None:
        self.decoder = decoder
        self.delay = delay
        self._spacing = spacing
        self._telemetry = telemetry
        self._waiting: OrderedDict[Key, Request] = OrderedDict()
        self._running: deque[_Job] = deque()
        self._last_start = -(10**9)
        self._next_id = 0

    def ask(self, request: Request) -> None:
        """Queue a request; it takes the place of an earlier one with the same key that has not started."""
        self._waiting[request.key] = request

    def step(self, quantum: int) -> list[tuple[Request, Float32]]:
        """Start what may start in this quantum and return what takes effect in it, oldest first."""
        if self._waiting and quantum - self._last_start >= self._spacing:
            self._start(quantum)
        done: list[tuple[Request, Float32]] = []
        still: deque[_Job] = deque()
        for job in self._running:
            if job.due > quantum:
                still.append(job)
                continue
            magnitudes = self.decoder.collect(job.job_id)
            if magnitudes is not None:
                done.append((job.request, magnitudes))
            elif self.decoder.failed(job.job_id):
                self._retry(job.request)
            else:
                if job.due == quantum:
                    self._telemetry.trouble("decode_late", "decoding is late: what sounds goes on as it was")
                still.append(job)
        self._running = still
        return done

    @property
    def stalled(self) -> bool:
        """Whether results are overdue because the worker is stuck."""
        return bool(self._running) and self.decoder.stalled

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or running."""
        return not self._waiting and not self._running

    def _retry(self, request: Request) -> None:
        """A missed deadline must not leave a part on an old point; a point that always fails is given up."""
        self._telemetry.count("decode_failed")
        outdated = sum(job.request.key == request.key for job in self._running) > 1
        if request.attempts < MAX_ATTEMPTS and not outdated:
            self._waiting.setdefault(request.key, replace(request, attempts=request.attempts + 1))

    def _start(self, quantum: int) -> None:
        key = next(iter(self._waiting))
        request = self._waiting[key]
        self._next_id += 1
        if not self.decoder.submit(self._next_id, request.z, request.texture):
            self._telemetry.count("decode_refused")
            return
        del self._waiting[key]
        self._last_start = quantum
        self._running.append(_Job(self._next_id, request, quantum + self.delay))
