"""Which latent point is decoded when, as a function of the timeline alone.

Jobs start at most every `spacing` quanta and take effect exactly `delay` quanta after they start, whether the
worker needed half a millisecond or five. So a knob has constant latency, and an offline render gives the same
samples as the live one. A result that is late is used as soon as it is there, counted, and told to the log.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ghostnote.core.lateness import ACCEPTED, FAILED, LATE, REFUSED, STALLED, WAITS, Lateness, Tell
from ghostnote.decode.worker import Decoder, DecoderModel
from ghostnote.telemetry import Telemetry

Float32 = NDArray[np.float32]
Key = tuple[str, int]

MAX_ATTEMPTS = 3
"""So often a point is decoded before it is given up."""


@dataclass(frozen=True)
class DecodeTiming:
    """In quanta: `delay` from a changed latent point to its sound, `spacing` from one decode to the next."""

    delay: int
    spacing: int


@dataclass(frozen=True)
class Request:
    """A latent point that `key` (a part or a voice) wants decoded; `ticket` comes back with the result.

    `model` decodes it; None is the one that the decoder was made with. `owner`: number of the loaded model
    that the point is of.
    """

    key: Key
    z: Float32
    texture: Float32
    ticket: object
    model: DecoderModel | None = None
    owner: int = 0
    attempts: int = 1


@dataclass(frozen=True)
class _Job:
    job_id: int
    request: Request
    started: int
    due: int


class DecodePlan:
    """Latest-value-wins queue of requests in front of a decoder. Thread: render.

    `tell` hears of whatever the timeline alone does not say; `again`: what was told, to be done once more.
    """

    def __init__(
        self,
        decoder: Decoder,
        delay: int,
        spacing: int,
        telemetry: Telemetry,
        tell: Tell = lambda word, number: None,
    ) -> None:
        self.decoder = decoder
        self.delay = delay
        self._spacing = spacing
        self._telemetry = telemetry
        self._tell = tell
        self.again: Lateness | None = None
        self.stalled = False
        """Whether results are overdue because the worker is stuck. Looked at once a quantum."""
        self._full = False
        self._waiting: OrderedDict[Key, Request] = OrderedDict()
        self._running: deque[_Job] = deque()
        self._last_start = -(10**9)
        self._next_id = 0

    def ask(self, request: Request) -> None:
        """Queue a request; it takes the place of an earlier one with the same key that has not started."""
        self._waiting[request.key] = request

    def retime(self, timing: DecodeTiming) -> None:
        """Let the decodes that start from now on have another delay and spacing."""
        self.delay, self._spacing = timing.delay, timing.spacing

    def step(self, quantum: int) -> list[tuple[Request, Float32]]:
        """Start what may start in this quantum and return what takes effect in it, oldest first."""
        if self._waiting and quantum - self._last_start >= self._spacing:
            self._start(quantum)
        done: list[tuple[Request, Float32]] = []
        if self._running and self._running[0].due <= quantum:
            self._collect(quantum, done)
        self._look(quantum)
        return done

    def _collect(self, quantum: int, done: list[tuple[Request, Float32]]) -> None:
        """Take what is due, and there, into `done`."""
        still: deque[_Job] = deque()
        for job in self._running:
            if job.due > quantum:
                still.append(job)
                continue
            magnitudes, failed = self._result(job, quantum)
            if magnitudes is not None:
                if quantum > job.due:
                    self._tell(LATE, quantum - job.started)
                done.append((job.request, magnitudes))
            elif failed:
                self._tell(FAILED, quantum - job.started)
                self._retry(job.request)
            else:
                if job.due == quantum:
                    self._telemetry.trouble("decode_late", "decoding is late: what sounds goes on as it was")
                    self._tell(WAITS, quantum - job.started)
                still.append(job)
        self._running = still

    def _result(self, job: _Job, quantum: int) -> tuple[Float32 | None, bool]:
        """The result of a job that is due, if it is there, and whether there will be none."""
        if self.again is not None:
            if self.again.waits(job.started, quantum):
                return None, False
            if self.again.failed(job.started):
                self.decoder.discard(job.job_id)
                return None, True
        magnitudes = self.decoder.collect(job.job_id)
        return magnitudes, magnitudes is None and self.decoder.failed(job.job_id)

    def _look(self, quantum: int) -> None:
        """See whether the worker is stuck."""
        if self.again is not None:
            stalled = self.again.stalled(quantum)
        else:
            stalled = bool(self._running) and self.decoder.stalled
        if stalled != self.stalled:
            self.stalled = stalled
            self._tell(STALLED, int(stalled))

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
        full = self.again is not None and self.again.refuses(quantum)
        if full or not self.decoder.submit(self._next_id, request.z, request.texture, request.model):
            self._telemetry.count("decode_refused")
            self._turn(full=True)
            return
        self._turn(full=False)
        del self._waiting[key]
        self._last_start = quantum
        # Never before an earlier one: with a shorter delay an old point would come after a new one.
        earliest = self._running[-1].due if self._running else 0
        self._running.append(_Job(self._next_id, request, quantum, max(quantum + self.delay, earliest)))

    def _turn(self, full: bool) -> None:
        if full != self._full:
            self._full = full
            self._tell(REFUSED if full else ACCEPTED, 0)
